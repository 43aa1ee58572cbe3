/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a command is: one line on stderr, rewritten in place, where that is a terminal and it
 * takes over a second. Who prints something else erases it first.
 */
#ifndef PODLEASH_PROGRESS_H
#define PODLEASH_PROGRESS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* All processes that a command makes write to it: progress_new(). */
struct progress {
	atomic_size_t done, total; /* runs */
	int64_t since;		   /* the first progress_show() (boottime_ms); 0: none yet */
	char line[80];		   /* what stands there; "": nothing */
};

/* One that this process and its children share; NULL where memory is short. */
struct progress *progress_new(void);

/* Says how many runs are done with. To be called again and again while that lasts. */
void progress_show(struct progress *progress);

/* Erases the line, where one stands there; @progress may be NULL. */
void progress_erase(struct progress *progress);

#endif
