/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>

#include "cancel.h"
#include "identity.h"
#include "log.h"
#include "piddir.h"
#include "plain.h"
#include "podman.h"
#include "reap.h"
#include "tombstone.h"
#include "util.h"

/* Between two looks at the directory: guards that end are noticed at the next one. */
#define LOOK_MS 10

static bool is_meant(const struct cancel *cancel, const struct run *run)
{
	if (cancel->unit && !equal(cancel->unit, run->unit))
		return false;
	for (size_t i = 0; cancel->holder && i < run->holders; i++)
		if (run->holder[i].id.pid == cancel->holder)
			return true;
	return !cancel->holder;
}

/* A run whose record tells nothing, or is gone: its guard has read it in better days. */
static bool tell_hidden(const char *name, struct handle *guard, void *context)
{
	struct cancel *cancel = context;
	_cleanup_run_ struct run run;
	const char *why;

	/* else it is told where its record is looked at */
	if (!record_open(&run, cancel->directory, name, false, &why)) {
		run.unit = cancel->all;
		reapers_wait_for(&cancel->reapers, &run, *guard, true);
		*guard = HANDLE_NONE;
	}
	return true;
}

static void give_up(struct cancel *cancel, const char *name, const char *why)
{
	cancel->waiting++; /* its pid files are plain ones from now on: look again */
	reapers_give_up(&cancel->reapers, name, why);
}

/*
 * A run whose lock is taken: its guard ends it. Before there is one hold has the lock, and sees the
 * tombstone; one that is stopped has to be woken for that.
 */
static void tell_keeper(struct cancel *cancel, const char *name)
{
	_cleanup_handle_ struct handle hold = HANDLE_NONE;
	_cleanup_run_ struct run run;
	struct handle guard;
	const char *why;

	if (!record_open(&run, cancel->directory, name, false, &why)) {
		if (errno != ENOENT)
			give_up(cancel, name, why);
		return;
	}
	if (!is_meant(cancel, &run))
		return;
	cancel->waiting++;
	if (guard_find(&run, &guard))
		reapers_wait_for(&cancel->reapers, &run, guard, true);
	else if (hold_open(&run, &hold))
		(void)handle_signal(&hold, SIGCONT); /* ended meanwhile is as good */
}

/* What the reaper of @run has to know of the cancel, also where no tombstone could be written. */
static void take_over(const struct cancel *cancel, struct run *run)
{
	run->why = "cancelled";
	if (cancel->grace_ms >= 0)
		run->grace_ms = cancel->grace_ms;
}

static bool has_room(struct cancel *cancel)
{
	bool room = reapers_have_room(&cancel->reapers);

	cancel->crowded = cancel->crowded || !room;
	return room;
}

static void end_run(struct cancel *cancel, const char *name)
{
	_cleanup_run_ struct run run = {.fd = -1};
	const char *why;

	if (reapers_have(&cancel->reapers, name)) {
		cancel->waiting++;
	} else if (record_open(&run, cancel->directory, name, true, &why)) {
		bool meant = is_meant(cancel, &run);

		cancel->waiting += meant;
		take_over(cancel, &run);
		if (meant && has_room(cancel))
			reapers_start(&cancel->reapers, &run, NULL);
	} else if (errno == EWOULDBLOCK) {
		tell_keeper(cancel, name);
	} else if (errno != ENOENT) {
		give_up(cancel, name, why);
	}
}

/*
 * Pid files that no record speaks of, or a damaged one, in a directory that is the unit's as a
 * whole. Of the latter a container that was started anew is its owner's.
 */
static void end_plain(struct cancel *cancel, const char *name, bool damaged)
{
	_cleanup_run_ struct run run;

	/* a file that no conmon proves stays: it may be anyone's */
	bool found = plain_find(&run, cancel->directory, name, cancel->all);

	if (!found && is_shortage()) {
		give_up(cancel, name, strerror(errno));
	} else if (found && damaged && podman_has_ended_it(&run)) {
		reapers_give_up(&cancel->reapers, name, "its container was started anew");
	} else if (found) {
		cancel->waiting++; /* the next look tells */
		take_over(cancel, &run);
		if (has_room(cancel))
			reapers_start(&cancel->reapers, &run, name);
	}
}

/* Whether there is a record of that name that tells nothing. */
static bool is_damaged(const struct cancel *cancel, const char *name)
{
	_cleanup_run_ struct run run;
	const char *why;

	return !record_open(&run, cancel->directory, name, false, &why) && errno != ENOENT &&
	       reapers_gave_up(&cancel->reapers, name);
}

static void look_at(struct cancel *cancel, const char *name)
{
	char run[RUN_SIZE];

	switch (file_kind(name, run)) {
	case FILE_RECORD:
		if (!reapers_gave_up(&cancel->reapers, run))
			end_run(cancel, run);
		break;
	case FILE_CONMON_PID:
	case FILE_CONTAINER_PID:
		/* without a record they are podman's: a container has stayed */
		if (cancel->whole && is_damaged(cancel, run) &&
		    !reapers_gave_up(&cancel->reapers, name))
			end_plain(cancel, name, true);
		break;
	case FILE_PLAIN_PID:
		if (cancel->whole && !reapers_gave_up(&cancel->reapers, name))
			end_plain(cancel, name, false);
		break;
	default:
		break;
	}
}

/* Looks through the directory once; returns whether there is nothing to wait for. */
static bool look(struct cancel *cancel)
{
	_cleanup_names_ struct names names = {0};

	cancel->waiting = 0;
	cancel->crowded = false;
	if (!cancel->looked && cancel->whole)
		(void)guard_each(cancel->directory, cancel->path, tell_hidden, cancel);
	if (!names_read(cancel->directory, &names)) {
		reapers_give_up(&cancel->reapers, cancel->path, strerror(errno));
		return true; /* it is no use to look again */
	}
	for (size_t i = 0; i < names.count; i++)
		look_at(cancel, names.name[i]);
	if (!cancel->looked)
		plain_log_foreign(cancel->directory, cancel->path, &names,
				  &cancel->report->foreign);
	cancel->looked = true;
	return !cancel->waiting && !cancel->reapers.count;
}

/* Runs that nobody is at yet: there was no place, or their hold goes on. */
static void report_waiting(struct cancel *cancel)
{
	_cleanup_names_ struct names names;

	(void)names_read(cancel->directory, &names); /* the look has said so */
	for (size_t i = 0; i < names.count; i++) {
		_cleanup_run_ struct run run = {.fd = -1};
		char name[RUN_SIZE];
		const char *why;

		if (file_kind(names.name[i], name) == FILE_RECORD &&
		    !reapers_have(&cancel->reapers, name) &&
		    !reapers_gave_up(&cancel->reapers, name) &&
		    record_open(&run, cancel->directory, name, false, &why) &&
		    is_meant(cancel, &run))
			report_run(&cancel->reapers, run.unit, run.name, NULL);
	}
}

size_t cancel_pending(const struct cancel *cancel)
{
	size_t working = cancel->reapers.count;

	return cancel->waiting > working ? cancel->waiting - working : 0;
}

void cancel_begin(struct cancel *cancel)
{
	cancel->reapers.directory = cancel->directory;
	cancel->reapers.report = cancel->report;
	piddir_unit(cancel->directory, cancel->all);
	cancel->whole = !cancel->holder && (!cancel->unit || equal(cancel->unit, cancel->all));
	/*
	 * First: a run that is not seen below sees this (tombstone.h). hold looks for the unit's,
	 * and for the one of the directory, which stands for all in it.
	 */
	bool marked = cancel->holder ||
		      tombstone_write(cancel->directory, cancel->unit ? cancel->unit : cancel->all,
				      cancel->grace_ms);
	cancel->unmarked = marked ? 0 : errno;
	if (cancel->unmarked)
		log_line("%s: no tombstone could be written: %s", cancel->path,
			 strerror(cancel->unmarked));
	cancel->over = look(cancel);
}

void cancel_go_on(struct cancel *cancel, int ms)
{
	if (cancel->reapers.count) {
		reapers_collect(&cancel->reapers, ms);
	} else {
		report_progress(cancel->report);
		sleep_ms(ms);
	}
	/* there may be thousands: no look tells more until there is a place */
	if (!cancel->crowded || reapers_have_room(&cancel->reapers))
		cancel->over = look(cancel);
}

bool cancel_end(struct cancel *cancel)
{
	bool ended = cancel->over && !cancel->unmarked && !cancel->reapers.failures;

	if (!cancel->over)
		report_waiting(cancel);
	reapers_free(&cancel->reapers);
	return ended;
}

bool cancel_unit(struct cancel *cancel)
{
	int64_t deadline = boottime_ms() + cancel->timeout_ms;

	cancel_begin(cancel);
	while (!cancel->over && ms_until(deadline))
		cancel_go_on(cancel, LOOK_MS);
	return cancel_end(cancel);
}
