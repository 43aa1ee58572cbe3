/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several runs that are being ended at once: each by its guard, or by a child of ours, so that one
 * that waits out its grace does not hold up the others.
 */
#ifndef PODLEASH_REAPERS_H
#define PODLEASH_REAPERS_H

#include "handle.h"
#include "progress.h"
#include "record.h"

/* How a command tells what became of each run. */
struct report {
	bool silent, json;
	size_t left;	 /* runs of which something is left */
	size_t children; /* ours at work, in all directories */
	int64_t news;	 /* boottime_ms() when the last run began to be ended, or had */

	/* files that were found to be so; the first few have a line each (log.h) */
	size_t damaged;	  /* or not ended: given up */
	size_t foreign;	  /* nobody's, left alone */
	size_t removed;	  /* nobody's any more */
	size_t elsewhere; /* of another namespace */

	size_t pending;		   /* runs that nobody is at yet */
	struct progress *progress; /* NULL: it is not shown */
};

struct reaper {
	struct handle process;
	bool is_guard;		 /* else it is our child */
	pid_t conmon;		 /* of a run without a record, else 0 */
	char name[NAME_MAX + 1]; /* the run's; of one without a record its pid file's */
	char unit[UNIT_SIZE];
};

struct given;

struct reapers {
	int directory;
	const struct given *given; /* that the command looks at; NULL where it is silent */
	struct report *report;
	struct reaper *item;
	size_t count;
	size_t failures;
	struct names failed; /* records and files that are given up; named in the log */
};

/* Prints one line for a run: what was done with it, or, with @done NULL, that it is left. */
void report_run(const struct reapers *reapers, const char *unit, const char *run, const char *done);

/* Shows how far it is. */
void report_progress(struct report *report);

/* Counts @pending runs that nobody is at yet, in the place of those of the last call. */
void report_pending(struct report *report, size_t pending);

/* Says in the log how many of those files have no line of their own; @path is the directory's. */
void report_unnamed(const struct report *report, const char *path);

/*
 * Reaps @run in a child, which keeps the record's lock, and goes on when we end; the caller frees
 * the run. Where no child is to be had, and for a run of an earlier boot, reaps in this process. Of
 * a run without a record (plain.h) @file is the pid file that told of it, else NULL; its pid files
 * are removed then, and one of a conmon that is being reaped already is left to that. In a hidden
 * directory (given.h) it is given up.
 */
void reapers_start(struct reapers *reapers, struct run *run, const char *file);

/* Whether one more may be at work. */
bool reapers_have_room(const struct reapers *reapers);

/*
 * Waits for @keeper, which has the lock of @run and ends it: its guard, or hold, which starts one.
 * @told: by SIGTERM, where it has no reason of its own. Wakes one that is stopped. Takes it over.
 */
void reapers_wait_for(struct reapers *reapers, const struct run *run, struct handle keeper,
		      bool told);

/* Whether the run called @name, or of that pid file, is being ended. */
bool reapers_have(const struct reapers *reapers, const char *name);

/* Whether children of ours are at work, and may end soon: not where nothing has happened for long.
 */
bool reapers_work(const struct reapers *reapers);

/* Collects those that are done, waiting at most @ms for the first of them. */
void reapers_collect(struct reapers *reapers, int ms);

/* Gives @name up, with the reason in the log. */
void reapers_give_up(struct reapers *reapers, const char *name, const char *why);
bool reapers_gave_up(const struct reapers *reapers, const char *name);

/* Reports those still at work as left, and frees everything. They go on. */
void reapers_free(struct reapers *reapers);

#endif
