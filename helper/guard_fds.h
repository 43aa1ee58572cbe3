/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptors of a guard: for those who start it, are it, or prove that a process is one. */
#ifndef PODLEASH_GUARD_FDS_H
#define PODLEASH_GUARD_FDS_H

enum {
	GUARD_FD_RECORD = 3, /* open and locked */
	GUARD_FD_DIRECTORY,
	GUARD_FD_READY, /* one byte is written when the guard watches */
	GUARD_FD_FIRST = GUARD_FD_RECORD,
	GUARD_FDS = GUARD_FD_READY - GUARD_FD_FIRST + 1,
};

#endif
