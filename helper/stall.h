/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for processes that work for nobody knows how long: for as long as they move. */
#ifndef PODLEASH_STALL_H
#define PODLEASH_STALL_H

#include "handle.h"
#include "record.h"

struct movement {
	const struct handles *roots, *podman; /* the second, NULL or not: as below */
	uint64_t last;			      /* what there was of them */
	int64_t moved;			      /* boottime_ms(); 0: nobody has looked yet */
};

/* One look: whether something has moved since the last one, or not for too long, as below. */
bool still_move(struct movement *movement, int alone_ms);

/*
 * Waits until all of @roots have ended; returns whether they have. Gives up where nothing has moved
 * in them and below them for STALL_MS (bounds.h), and for @alone_ms where there is none below: no
 * process came or went, and none took processor time, proc(5). Wakes those of them that are
 * stopped. Says once in the log of @run that it takes long. What is below @podman, NULL or what may
 * have the lock that they wait for, moves and is woken as well.
 */
bool wait_while_they_move(const struct run *run, const struct handles *roots,
			  const struct handles *podman, int alone_ms);

#endif
