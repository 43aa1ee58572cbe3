/* SPDX-License-Identifier: Apache-2.0 */
/* Cancelling a unit: for `podleash cancel`, and for `podleash run` when it is told to end. */
#ifndef PODLEASH_CANCEL_H
#define PODLEASH_CANCEL_H

#include "reapers.h"

struct cancel {
	int directory;
	const char *path;   /* of the directory, for the log */
	const char *unit;   /* NULL: every run in the directory */
	const char *name;   /* the unit that stands for all of the directory: piddir_unit() */
	pid_t holder;	    /* only runs that this process holds, and no tombstone; 0: all */
	int grace_ms;	    /* of what has no guard */
	int asked_grace_ms; /* of guards; -1: their own */
	int timeout_ms;
	struct report *report;
};

/*
 * Writes the tombstone, ends all runs of the unit and waits for their end: those
 * with a guard by telling it, the others itself. Returns true when nothing is left
 * and, but where @holder is set, nothing can start any more; false at the time-out or
 * where something stayed.
 */
bool cancel_unit(const struct cancel *cancel);

#endif
