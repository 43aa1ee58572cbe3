/* SPDX-License-Identifier: Apache-2.0 */
#include "reapers.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "json.h"
#include "log.h"
#include "reap.h"
#include "util.h"

/* Children at once; each spends its time waiting, or in podman. */
#define CHILDREN_MAX 32
#define LOOK_MS	     10

void report_run(struct report *report, const char *unit, const char *run, const char *done)
{
	if (!done)
		report->left++;
	if (report->silent)
		return;
	progress_erase(&report->progress);
	if (report->json) {
		json_begin(stdout);
		json_string(stdout, "unit", unit);
		json_string(stdout, "run", run);
		json_string(stdout, "result", done ? done : "left");
		json_end(stdout);
	} else {
		(void)printf("unit %s, run %s: %s\n", unit, run,
			     done ? done : "something is left; the log says what");
	}
	(void)fflush(stdout);
}

void report_progress(struct report *report, size_t pending)
{
	if (!report->silent && !report->json)
		progress_show(&report->progress, report->done, report->started + pending);
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

/* Reports a run that nobody is at any more. Its record stays where a file could not be removed. */
static void report_end(struct reapers *reapers, const char *unit, const char *run, bool ended)
{
	bool gone = ended && !record_exists(reapers->directory, run);

	report_run(reapers->report, unit, run, gone ? "ended" : NULL);
	if (!gone)
		reapers_give_up(reapers, run,
				ended ? "its files cannot be removed" : "not all of it ended");
}

/* Whether @reaper is done. A guard that died before its work was done is no reaper any more. */
static bool is_done(struct reapers *reapers, const struct reaper *reaper)
{
	int status = -1; /* where waitpid(2) has no answer, it did not end well */

	if (reaper->is_guard) {
		if (handle_alive(&reaper->process))
			return false;
		if (!record_exists(reapers->directory, reaper->run))
			report_run(reapers->report, reaper->unit, reaper->run, "ended");
		return true;
	}
	/* our own child, not waited for yet: its pid cannot be anyone else's */
	if (waitpid(reaper->process.id.pid, &status, WNOHANG) == 0)
		return false;
	reapers->children--;
	report_end(reapers, reaper->unit, reaper->run,
		   WIFEXITED(status) && WEXITSTATUS(status) == 0);
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
			reapers->report->done++;
			any = true;
		}
		int left = ms_until(deadline);
		if (!any && !left)
			break;
		report_progress(reapers->report, 0);
		if (!any)
			(void)handle_wait(&reapers->item[0].process,
					  left < LOOK_MS ? left : LOOK_MS);
	}
}

static void add(struct reapers *reapers, const struct run *run, struct handle process, bool guard)
{
	size_t count = reapers->count;
	struct reaper *larger = realloc(reapers->item, (count + 1) * sizeof(*larger));

	if (!larger) {
		handle_close(&process); /* the next look at the directory finds the run again */
		return;
	}
	reapers->item = larger;
	larger[count] = (struct reaper){.process = process, .is_guard = guard};
	memcpy(larger[count].run, run->name, sizeof(run->name));
	(void)snprintf(larger[count].unit, UNIT_SIZE, "%s", run->unit);
	reapers->count++;
	reapers->children += !guard;
	reapers->report->started++;
}

void reapers_start(struct reapers *reapers, struct run *run, int grace_ms)
{
	struct handle handle;

	while (reapers->children >= CHILDREN_MAX)
		reapers_collect(reapers, LOOK_MS);
	(void)fflush(stdout);
	/* of an earlier boot nothing runs, and nothing is waited for */
	pid_t child = run_is_of_this_boot(run) ? fork() : -1;
	if (child == 0)
		_exit(reap(run, grace_ms) ? 0 : 1);
	if (child < 0) {
		report_end(reapers, run->unit, run->name, reap(run, grace_ms));
	} else {
		if (!handle_open(&handle, child)) /* a zombie already */
			handle = (struct handle){{child, 0}, -1};
		add(reapers, run, handle, false);
	}
	run_free(run);
}

void reapers_wake(struct reapers *reapers, const struct run *run, struct handle keeper)
{
	(void)handle_signal(&keeper, SIGCONT); /* ended meanwhile is as good */
	add(reapers, run, keeper, true);
}

void reapers_tell(struct reapers *reapers, const struct run *run, struct handle guard)
{
	(void)handle_ask(&guard); /* ended meanwhile is as good */
	add(reapers, run, guard, true);
}

bool reapers_have(const struct reapers *reapers, const char *name)
{
	for (size_t i = 0; i < reapers->count; i++)
		if (equal(reapers->item[i].run, name))
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
		report_run(reapers->report, reapers->item[i].unit, reapers->item[i].run, NULL);
		handle_close(&reapers->item[i].process);
	}
	free(reapers->item);
	reapers->item = NULL;
	reapers->count = 0;
	names_free(&reapers->failed);
	progress_erase(&reapers->report->progress);
}
