/* SPDX-License-Identifier: Apache-2.0 */
#include "reapers.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "bounds.h"
#include "file.h"
#include "given.h"
#include "json.h"
#include "log.h"
#include "plain.h"
#include "reap.h"
#include "util.h"

/* Children at once; each spends its time waiting, or in podman. */
#define CHILDREN_MAX 32
#define LOOK_MS	     10

void report_run(const struct reapers *reapers, const char *unit, const char *run, const char *done)
{
	struct report *report = reapers->report;
	char words[16], *dash;

	if (!done)
		report->left++;
	if (report->silent)
		return;
	progress_erase(report->progress);
	if (!report->json)
		given_print(reapers->given, ' ');
	if (report->json) {
		json_begin(stdout);
		json_string(stdout, "directory", reapers->given->path);
		json_string(stdout, "unit", unit);
		json_string(stdout, "run", run);
		json_string(stdout, "result", done ? done : "left");
		json_end(stdout);
	} else if (done) {
		(void)snprintf(words, sizeof(words), "%s", done);
		if ((dash = strchr(words, '-')))
			*dash = ' '; /* would-end */
		(void)printf("unit %s, run %s: %s\n", unit, run, words);
	} else {
		(void)printf("unit %s, run %s: something is left; see %s\n", unit, run,
			     log_place(unit));
	}
	(void)fflush(stdout);
}

void report_progress(struct report *report)
{
	if (report->progress && !report->json)
		progress_show(report->progress);
}

void report_pending(struct report *report, size_t pending)
{
	if (report->progress)
		report->progress->total += pending - report->pending;
	report->pending = pending;
}

/* Counts runs that are at work, and that are done with. */
static void tally(struct report *report, size_t started, size_t done)
{
	if (report->progress) {
		report->progress->total += started;
		report->progress->done += done;
	}
	report->news = boottime_ms();
}

static void log_unnamed(const char *path, size_t found, const char *what)
{
	if (unnamed(found))
		log_line("%s: %zu more %s", path, unnamed(found), what);
}

void report_unnamed(const struct report *report, const char *path)
{
	log_unnamed(path, report->damaged, "that are damaged or not ended");
	log_unnamed(path, report->foreign, "that are not podleash's, or damaged; left alone");
	log_unnamed(path, report->removed, "removed: nobody's any more");
}

/* What a child that reaps ends with. */
enum outcome { ENDED, NOT_ENDED, NOT_REMOVED };

static enum outcome end_run(struct run *run)
{
	if (reap(run) != REAPED)
		return NOT_ENDED;
	return run->name[0] || plain_remove(run) ? ENDED : NOT_REMOVED;
}

/* Reports what nobody is at any more. Its record stays where a file could not be removed. */
static void report_end(struct reapers *reapers, const struct reaper *reaper, enum outcome outcome)
{
	if (!reaper->conmon) {
		if (outcome == ENDED && record_exists(reapers->directory, reaper->name))
			outcome = NOT_REMOVED;
		report_run(reapers, reaper->unit, reaper->name, outcome == ENDED ? "ended" : NULL);
	}
	if (outcome != ENDED)
		reapers_give_up(reapers, reaper->name,
				outcome == NOT_REMOVED ? "not all of its files are removed"
						       : "not all of it ended");
}

/* Whether a guard that lives lends its run: its record is there, and nobody has the lock. */
static bool lends(const struct reapers *reapers, const struct reaper *guard)
{
	_cleanup_run_ struct run run = {.fd = -1};
	const char *why;

	return record_is_unguarded(reapers->directory, guard->name) &&
	       record_open(&run, reapers->directory, guard->name, false, &why) &&
	       is_same_process(run.guard, guard->process.id);
}

/*
 * Whether @reaper is done. A guard that died before its work was done is no reaper any more, nor is
 * one that lends its run to us.
 */
static bool is_done(struct reapers *reapers, const struct reaper *reaper)
{
	int status = -1; /* where waitpid(2) has no answer, it did not end well */

	if (reaper->is_guard) {
		if (handle_alive(&reaper->process) && !lends(reapers, reaper))
			return false;
		if (!record_exists(reapers->directory, reaper->name))
			report_run(reapers, reaper->unit, reaper->name, "ended");
		return true;
	}
	/* our own child, not waited for yet: its pid cannot be anyone else's */
	if (waitpid(reaper->process.id.pid, &status, WNOHANG) == 0)
		return false;
	reapers->report->children--;
	report_end(reapers, reaper,
		   WIFEXITED(status) ? (enum outcome)WEXITSTATUS(status) : NOT_ENDED);
	return true;
}

void reapers_collect(struct reapers *reapers, int ms)
{
	int64_t deadline = boottime_ms() + ms;
	bool any = false;

	while (reapers->count && !any) {
		for (size_t i = reapers->count; i-- > 0;) {
			struct reaper *reaper = &reapers->item[i];

			if (!is_done(reapers, reaper))
				continue;
			handle_close(&reaper->process);
			*reaper = reapers->item[--reapers->count];
			tally(reapers->report, 0, 1);
			any = true;
		}
		int left = ms_until(deadline);
		if (!any && !left)
			break;
		report_progress(reapers->report);
		if (!any)
			(void)handle_wait(&reapers->item[0].process,
					  left < LOOK_MS ? left : LOOK_MS);
	}
}

static void add(struct reapers *reapers, const struct reaper *reaper)
{
	size_t count = reapers->count;
	struct reaper *larger = realloc(reapers->item, (count + 1) * sizeof(*larger));

	if (!larger) {
		struct handle process = reaper->process;

		handle_close(&process); /* the next look at the directory finds the run again */
		return;
	}
	reapers->item = larger;
	larger[count] = *reaper;
	reapers->count++;
	reapers->report->children += !reaper->is_guard;
	tally(reapers->report, 1, 0);
}

static struct reaper reaper_of(const struct run *run, struct handle process, bool is_guard)
{
	struct reaper reaper = {.process = process, .is_guard = is_guard};

	(void)snprintf(reaper.name, sizeof(reaper.name), "%s", run->name);
	(void)snprintf(reaper.unit, sizeof(reaper.unit), "%s", run->unit);
	return reaper;
}

bool reapers_have_room(const struct reapers *reapers)
{
	return reapers->report->children < CHILDREN_MAX;
}

bool reapers_work(const struct reapers *reapers)
{
	return reapers->report->children && ms_until(reapers->report->news + REAPERS_MS);
}

/* Forks a child that reaps; 0 in it, in the parent its pid, or -1. */
static pid_t fork_reaper(struct handle *handle)
{
	(void)fflush(stdout);
	pid_t child = fork();

	if (child == 0) /* it may outlive us: whoever reads our output must see its end then */
		(void)file_close_stdio(-1);
	else if (child > 0 && !handle_open(handle, child)) /* a zombie already */
		*handle = (struct handle){{child, 0}, -1};
	return child;
}

static bool has_conmon(const struct reapers *reapers, pid_t conmon)
{
	for (size_t i = 0; i < reapers->count; i++)
		if (reapers->item[i].conmon == conmon)
			return true;
	return false;
}

void reapers_start(struct reapers *reapers, struct run *run, const char *file)
{
	struct reaper reaper = reaper_of(run, HANDLE_NONE, false);

	if (file && has_conmon(reapers, run->conmon.pid))
		return;
	if (file) {
		reaper.conmon = run->conmon.pid;
		(void)snprintf(reaper.name, sizeof(reaper.name), "%s", file);
	}
	if (reapers->given && reapers->given->hidden) {
		log_run(run, NULL, "%s", ELSEWHERE);
		report_end(reapers, &reaper, NOT_ENDED);
		return;
	}
	/* of an earlier boot nothing runs, and nothing is waited for */
	pid_t child = run_place(run) != PLACE_EARLIER_BOOT ? fork_reaper(&reaper.process) : -1;
	if (child == 0)
		_exit(end_run(run));
	if (child < 0)
		report_end(reapers, &reaper, end_run(run));
	else
		add(reapers, &reaper);
}

void reapers_wait_for(struct reapers *reapers, const struct run *run, struct handle keeper,
		      bool told)
{
	struct reaper reaper = reaper_of(run, keeper, true);

	if (told)
		(void)handle_signal(&keeper, SIGTERM); /* ended meanwhile is as good */
	(void)handle_signal(&keeper, SIGCONT);
	add(reapers, &reaper);
}

bool reapers_have(const struct reapers *reapers, const char *name)
{
	for (size_t i = 0; i < reapers->count; i++)
		if (equal(reapers->item[i].name, name))
			return true;
	return false;
}

void reapers_give_up(struct reapers *reapers, const char *name, const char *why)
{
	reapers->failures++;
	(void)names_add(&reapers->failed, name); /* no memory: it is given up again */
	if (may_name(&reapers->report->damaged))
		log_line("%s: %s; skipped", name, why);
}

bool reapers_gave_up(const struct reapers *reapers, const char *name)
{
	for (size_t i = 0; i < reapers->failed.count; i++)
		if (equal(reapers->failed.name[i], name))
			return true;
	return false;
}

void reapers_free(struct reapers *reapers)
{
	for (size_t i = 0; i < reapers->count; i++) {
		struct reaper *reaper = &reapers->item[i];

		if (reaper->conmon)
			log_line("%s: its container has not ended yet", reaper->name);
		else
			report_run(reapers, reaper->unit, reaper->name, NULL);
		reapers->report->children -= !reaper->is_guard;
		handle_close(&reaper->process);
	}
	free(reapers->item);
	reapers->item = NULL;
	reapers->count = 0;
	names_free(&reapers->failed);
	progress_erase(reapers->report->progress);
}
