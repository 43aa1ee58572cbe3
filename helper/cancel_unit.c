/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cancel.h"
#include "identity.h"
#include "log.h"
#include "plain.h"
#include "reap.h"
#include "tombstone.h"
#include "util.h"

/* Between two looks at the directory: guards that end are noticed at the next one. */
#define LOOK_MS 10

/* One cancel under way. */
struct pass {
	const struct cancel *cancel;
	struct reapers reapers;
	size_t looks;
	size_t waiting; /* runs of the unit that are still there */
};

static bool is_meant(const struct cancel *cancel, const struct run *run)
{
	if (cancel->unit && !equal(cancel->unit, run->unit))
		return false;
	for (size_t i = 0; cancel->holder && i < run->holders; i++)
		if (run->holder[i].id.pid == cancel->holder)
			return true;
	return !cancel->holder;
}

/* A run with a guard: the guard ends it. */
static void tell_guard(struct pass *pass, const char *name)
{
	struct handle guard;
	struct run run;
	const char *why;

	if (!record_open(&run, pass->cancel->directory, name, false, &why))
		return; /* gone, or being written: the next look tells */
	if (is_meant(pass->cancel, &run)) {
		pass->waiting++;
		if (guard_open(&run, &guard))
			reapers_tell(&pass->reapers, &run, guard);
	}
	run_free(&run);
}

static void end_run(struct pass *pass, const char *name)
{
	struct run run;
	const char *why;

	if (reapers_have(&pass->reapers, name)) {
		pass->waiting++;
	} else if (record_open(&run, pass->cancel->directory, name, true, &why)) {
		if (is_meant(pass->cancel, &run)) {
			pass->waiting++;
			reapers_start(&pass->reapers, &run, pass->cancel->grace_ms);
		} else {
			run_free(&run);
		}
	} else if (errno == EWOULDBLOCK) {
		tell_guard(pass, name);
	} else if (errno != ENOENT) {
		reapers_give_up(&pass->reapers, name, why);
		pass->waiting++; /* its pid files are plain ones from now on: look again */
	}
}

/* Pid files that no record speaks of, in a directory that is the unit's as a whole. */
static void end_plain(struct pass *pass, const char *name)
{
	const struct cancel *cancel = pass->cancel;
	struct run run;

	/* a file that no conmon proves stays: it may be anyone's */
	if (plain_find(&run, cancel->directory, name, cancel->name)) {
		pass->waiting++; /* the next look tells */
		if (reap(&run, cancel->grace_ms))
			plain_remove(&run);
		else
			reapers_give_up(&pass->reapers, name, "its container does not end");
	}
	run_free(&run);
}

static bool is_recorded(const struct pass *pass, const char *run)
{
	return record_exists(pass->cancel->directory, run) && !reapers_gave_up(&pass->reapers, run);
}

static void look_at(struct pass *pass, const char *name)
{
	const struct cancel *cancel = pass->cancel;
	bool whole = !cancel->holder && (!cancel->unit || equal(cancel->unit, cancel->name));
	char run[RUN_SIZE];

	switch (file_kind(name, run)) {
	case FILE_RECORD:
		if (!reapers_gave_up(&pass->reapers, run))
			end_run(pass, run);
		break;
	case FILE_CONMON_PID:
	case FILE_CONTAINER_PID:
		if (whole && !is_recorded(pass, run) && !reapers_gave_up(&pass->reapers, name))
			end_plain(pass, name);
		break;
	case FILE_PLAIN_PID:
		if (whole && !reapers_gave_up(&pass->reapers, name))
			end_plain(pass, name);
		break;
	default:
		break;
	}
}

/* Looks through the directory once; returns whether there is nothing to wait for. */
static bool look(struct pass *pass)
{
	struct names names;

	pass->waiting = 0;
	if (!names_read(pass->cancel->directory, &names)) {
		log_line("the pid directory cannot be read: %s", strerror(errno));
		pass->waiting = 1;
		return false;
	}
	for (size_t i = 0; i < names.count; i++)
		look_at(pass, names.name[i]);
	if (!pass->looks++)
		plain_log_foreign(pass->cancel->directory, pass->cancel->path, &names);
	names_free(&names);
	return !pass->waiting && !pass->reapers.count;
}

/* hold looks for the unit's, and for the one of the directory, which stands for all in it. */
static bool write_tombstone(const struct cancel *cancel)
{
	return cancel->holder ||
	       tombstone_write(cancel->directory, cancel->unit ? cancel->unit : cancel->name,
			       cancel->asked_grace_ms);
}

bool cancel_unit(const struct cancel *cancel)
{
	int64_t deadline = boottime_ms() + cancel->timeout_ms;
	struct pass pass = {.cancel = cancel};
	bool nothing_left;

	pass.reapers.directory = cancel->directory;
	pass.reapers.report = cancel->report;
	/* first: a run that is not seen below sees this (tombstone.h) */
	bool marked = write_tombstone(cancel);
	if (!marked)
		log_line("no tombstone could be written: %s", strerror(errno));
	while (!(nothing_left = look(&pass)) && ms_until(deadline)) {
		if (pass.reapers.count)
			reapers_collect(&pass.reapers, LOOK_MS);
		else
			sleep_ms(LOOK_MS);
	}
	nothing_left = nothing_left && marked && !pass.reapers.failed.count;
	reapers_free(&pass.reapers);
	return nothing_left;
}
