/* SPDX-License-Identifier: Apache-2.0 */
/* Whether processes can be started here. */
#ifndef PODLEASH_ROOM_H
#define PODLEASH_ROOM_H

#include <stdbool.h>
#include <stddef.h>

#define ROOM_MAX 32

/*
 * Whether @count more processes, ROOM_MAX at most, can be started here, whatever limits them: the
 * pids controller of any cgroup above, RLIMIT_NPROC, memory. They are started for that, and ended.
 */
bool room_for_processes(size_t count);

#endif
