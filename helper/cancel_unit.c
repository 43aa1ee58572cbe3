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
	struct cancel_pass *pass = context;
	_cleanup_run_ struct run run;
	const char *why;

	/* else it is told where its record is looked at */
	if (!record_open(&run, pass->cancel->directory, name, false, &why)) {
		run.unit = pass->name;
		reapers_wait_for(&pass->reapers, &run, *guard, true);
		*guard = HANDLE_NONE;
	}
	return true;
}

static void give_up(struct cancel_pass *pass, const char *name, const char *why)
{
	pass->waiting++; /* its pid files are plain ones from now on: look again */
	reapers_give_up(&pass->reapers, name, why);
}

/*
 * A run whose lock is taken: its guard ends it. Before there is one hold has the lock, and
 * sees the tombstone; one that is stopped has to be woken for that.
 */
static void tell_keeper(struct cancel_pass *pass, const char *name)
{
	_cleanup_handle_ struct handle hold = HANDLE_NONE;
	_cleanup_run_ struct run run;
	struct handle guard;
	const char *why;

	if (!record_open(&run, pass->cancel->directory, name, false, &why)) {
		if (errno != ENOENT)
			give_up(pass, name, why);
		return;
	}
	if (!is_meant(pass->cancel, &run))
		return;
	pass->waiting++;
	if (guard_find(&run, &guard))
		reapers_wait_for(&pass->reapers, &run, guard, true);
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

static bool has_room(struct cancel_pass *pass)
{
	bool room = reapers_have_room(&pass->reapers);

	pass->crowded = pass->crowded || !room;
	return room;
}

static void end_run(struct cancel_pass *pass, const char *name)
{
	_cleanup_run_ struct run run = {.fd = -1};
	const char *why;

	if (reapers_have(&pass->reapers, name)) {
		pass->waiting++;
	} else if (record_open(&run, pass->cancel->directory, name, true, &why)) {
		bool meant = is_meant(pass->cancel, &run);

		pass->waiting += meant;
		take_over(pass->cancel, &run);
		if (meant && has_room(pass))
			reapers_start(&pass->reapers, &run, NULL);
	} else if (errno == EWOULDBLOCK) {
		tell_keeper(pass, name);
	} else if (errno != ENOENT) {
		give_up(pass, name, why);
	}
}

/*
 * Pid files that no record speaks of, or a damaged one, in a directory that is the unit's as a
 * whole. Of the latter a container that was started anew is its owner's.
 */
static void end_plain(struct cancel_pass *pass, const char *name, bool damaged)
{
	const struct cancel *cancel = pass->cancel;
	_cleanup_run_ struct run run;

	/* a file that no conmon proves stays: it may be anyone's */
	bool found = plain_find(&run, cancel->directory, name, pass->name);

	if (!found && is_shortage()) {
		give_up(pass, name, strerror(errno));
	} else if (found && damaged && podman_has_ended_it(&run)) {
		reapers_give_up(&pass->reapers, name, "its container was started anew");
	} else if (found) {
		pass->waiting++; /* the next look tells */
		take_over(cancel, &run);
		if (has_room(pass))
			reapers_start(&pass->reapers, &run, name);
	}
}

/* Whether there is a record of that name that tells nothing. */
static bool is_damaged(const struct cancel_pass *pass, const char *name)
{
	_cleanup_run_ struct run run;
	const char *why;

	return !record_open(&run, pass->cancel->directory, name, false, &why) && errno != ENOENT &&
	       reapers_gave_up(&pass->reapers, name);
}

static void look_at(struct cancel_pass *pass, const char *name)
{
	char run[RUN_SIZE];

	switch (file_kind(name, run)) {
	case FILE_RECORD:
		if (!reapers_gave_up(&pass->reapers, run))
			end_run(pass, run);
		break;
	case FILE_CONMON_PID:
	case FILE_CONTAINER_PID:
		/* without a record they are podman's: a container has stayed */
		if (pass->whole && is_damaged(pass, run) && !reapers_gave_up(&pass->reapers, name))
			end_plain(pass, name, true);
		break;
	case FILE_PLAIN_PID:
		if (pass->whole && !reapers_gave_up(&pass->reapers, name))
			end_plain(pass, name, false);
		break;
	default:
		break;
	}
}

/* Looks through the directory once; returns whether there is nothing to wait for. */
static bool look(struct cancel_pass *pass)
{
	_cleanup_names_ struct names names = {0};

	pass->waiting = 0;
	pass->crowded = false;
	if (!pass->looks && pass->whole)
		guard_each(pass->cancel->directory, pass->cancel->path, tell_hidden, pass);
	if (!names_read(pass->cancel->directory, &names)) {
		reapers_give_up(&pass->reapers, pass->cancel->path, strerror(errno));
		return true; /* it is no use to look again */
	}
	for (size_t i = 0; i < names.count; i++)
		look_at(pass, names.name[i]);
	if (!pass->looks++)
		plain_log_foreign(pass->cancel->directory, pass->cancel->path, &names,
				  &pass->cancel->report->foreign);
	return !pass->waiting && !pass->reapers.count;
}

/* Runs that nobody is at yet: there was no place, or their hold goes on. */
static void report_waiting(struct cancel_pass *pass)
{
	_cleanup_names_ struct names names;

	(void)names_read(pass->cancel->directory, &names); /* the look has said so */
	for (size_t i = 0; i < names.count; i++) {
		_cleanup_run_ struct run run = {.fd = -1};
		char name[RUN_SIZE];
		const char *why;

		if (file_kind(names.name[i], name) == FILE_RECORD &&
		    !reapers_have(&pass->reapers, name) && !reapers_gave_up(&pass->reapers, name) &&
		    record_open(&run, pass->cancel->directory, name, false, &why) &&
		    is_meant(pass->cancel, &run))
			report_run(pass->cancel->report, run.unit, run.name, NULL);
	}
}

void cancel_begin(struct cancel_pass *pass, const struct cancel *cancel)
{
	*pass = (struct cancel_pass){.cancel = cancel};
	pass->reapers.directory = cancel->directory;
	pass->reapers.report = cancel->report;
	piddir_unit(cancel->directory, pass->name);
	pass->whole = !cancel->holder && (!cancel->unit || equal(cancel->unit, pass->name));
	/*
	 * First: a run that is not seen below sees this (tombstone.h). hold looks for the unit's,
	 * and for the one of the directory, which stands for all in it.
	 */
	bool marked = cancel->holder ||
		      tombstone_write(cancel->directory, cancel->unit ? cancel->unit : pass->name,
				      cancel->grace_ms);
	pass->unmarked = marked ? 0 : errno;
	if (pass->unmarked)
		log_line("%s: no tombstone could be written: %s", cancel->path,
			 strerror(pass->unmarked));
	pass->over = look(pass);
}

void cancel_go_on(struct cancel_pass *pass, int ms)
{
	if (pass->reapers.count) {
		reapers_collect(&pass->reapers, ms);
	} else {
		report_progress(pass->cancel->report, pass->waiting);
		sleep_ms(ms);
	}
	/* there may be thousands: no look tells more until there is a place */
	if (!pass->crowded || reapers_have_room(&pass->reapers))
		pass->over = look(pass);
}

bool cancel_end(struct cancel_pass *pass)
{
	bool ended = pass->over && !pass->unmarked && !pass->reapers.failures;

	if (!pass->over)
		report_waiting(pass);
	reapers_free(&pass->reapers);
	return ended;
}

bool cancel_unit(const struct cancel *cancel)
{
	int64_t deadline = boottime_ms() + cancel->timeout_ms;
	struct cancel_pass pass;

	cancel_begin(&pass, cancel);
	while (!pass.over && ms_until(deadline))
		cancel_go_on(&pass, LOOK_MS);
	return cancel_end(&pass);
}
