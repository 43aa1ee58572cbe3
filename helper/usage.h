/* SPDX-License-Identifier: Apache-2.0 */
/* What the processes of one user take of what the kernel limits per user. */
#ifndef PODLEASH_USAGE_H
#define PODLEASH_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct usage {
	uid_t uid;
	size_t threads; /* RLIMIT_NPROC counts these, setrlimit(2) */
	size_t inotify; /* instances, inotify(7); only of processes that we may look into */
};

/* Counts. False where proc(5) does not show all processes. */
bool usage_take(uid_t uid, struct usage *usage);

/* fs.inotify.max_user_instances; 0 where it cannot be read. */
size_t inotify_limit(void);

#endif
