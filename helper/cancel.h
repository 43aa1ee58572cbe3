/* SPDX-License-Identifier: Apache-2.0 */
/* Cancelling a unit: for `podleash cancel`, and for `podleash run` when it is told to end. */
#ifndef PODLEASH_CANCEL_H
#define PODLEASH_CANCEL_H

#include "reapers.h"

/* One cancel in one directory: what is asked for, and how far it is. */
struct cancel {
	int directory;
	const char *path; /* of the directory, for the log */
	const char *unit; /* NULL: every run in the directory */
	pid_t holder;	  /* only runs that this process holds, and no tombstone; 0: all */
	int grace_ms;	  /* that the canceller asks for; -1: the runs' own */
	int timeout_ms;	  /* of cancel_unit() */
	struct report *report;

	/* set from cancel_begin() on */
	char all[UNIT_SIZE]; /* the unit that stands for all of the directory: piddir_unit() */
	bool whole;	     /* all in the directory is meant, whatever unit it says it is of */
	struct reapers reapers;
	int unmarked;	/* why the tombstone could not be written (errno), or 0 */
	bool looked;	/* at the directory, once at least */
	size_t waiting; /* runs of the unit that were there at the last look */
	bool crowded;	/* one of them has found no place among our children */
	bool over;	/* there is nothing to wait for */
};

/*
 * Writes the tombstone, ends all runs of the unit, by telling their guards or itself, and waits for
 * that. Returns whether nothing is left and, but where @holder is set, nothing can start any more;
 * what was not ended within the time still ends.
 */
bool cancel_unit(struct cancel *cancel);

/*
 * The same in steps, for several directories at once: cancel_begin() waits for nobody,
 * cancel_go_on() for one end at most @ms, and then looks again; cancel_end() reports what is left.
 */
void cancel_begin(struct cancel *cancel);
void cancel_go_on(struct cancel *cancel, int ms);
bool cancel_end(struct cancel *cancel);

/* How many of its runs nobody is at yet. */
size_t cancel_pending(const struct cancel *cancel);

#endif
