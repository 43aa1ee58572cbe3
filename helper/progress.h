/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a command is: one line on stderr, rewritten in place, where that is a terminal and it
 * takes over a second. Who prints something else erases it first.
 */
#ifndef PODLEASH_PROGRESS_H
#define PODLEASH_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

/* Starts as {0}. */
struct progress {
	int64_t since; /* the first progress_show() (boottime_ms); 0: none yet */
	char line[80]; /* what stands there; "": nothing */
};

/* Says that @done of @total runs are done with. To be called again and again while that lasts. */
void progress_show(struct progress *progress, size_t done, size_t total);

/* Erases the line, where one stands there. */
void progress_erase(struct progress *progress);

#endif
