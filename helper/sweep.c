/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podleash sweep: puts a pid directory, and the unit directories in it, in order.
 *
 * A run whose guard is gone is ended where a holder is dead and gets a new guard where all live.
 * Files of an earlier boot, old tombstones, records that were never published and pid files of
 * nobody are removed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "commands.h"
#include "file.h"
#include "given.h"
#include "guard.h"
#include "identity.h"
#include "log.h"
#include "piddir.h"
#include "plain.h"
#include "reapers.h"
#include "state.h"
#include "tombstone.h"
#include "util.h"

/* Younger files may belong to a run that is starting just now. */
#define SETTLED_SECONDS 60

/* How long guards get for runs whose holder is dead: longer than a grace and podman's cleanup. */
#define KEEPERS_MS 90000
#define LOOK_MS	   10

struct sweep {
	bool dry_run;
	struct report report;

	/* of the directory that is swept */
	int directory;
	const char *path;
	struct reapers reapers;
};

static void name_damaged(struct sweep *sweep, const char *name, const char *why)
{
	struct report *report = &sweep->report;

	report->left++;
	if (!may_name(&report->damaged))
		return;
	log_line("%s/%s%s: %s; left alone", sweep->path, name, RECORD_SUFFIX, why);
	progress_erase(&report->progress);
	print_error("%s/%s%s: %s; left alone, end its unit by: podleash cancel", sweep->path, name,
		    RECORD_SUFFIX, why);
}

static void name_elsewhere(struct sweep *sweep, const struct run *run)
{
	struct report *report = &sweep->report;

	progress_erase(&report->progress);
	if (may_name(&report->elsewhere))
		print_error("%s/%s%s: %s", sweep->path, run->name, RECORD_SUFFIX, ELSEWHERE);
}

/*
 * A run whose lock is taken. Its guard ends it as soon as a holder is dead, and so does
 * hold, which starts one: who does not has been stopped. Where neither is found, whoever
 * it was has just ended or become podman. Returns whether to look again.
 */
static bool wait_for_keeper(struct sweep *sweep, const char *name)
{
	_cleanup_run_ struct run run = {.fd = -1};
	struct handle keeper;
	const char *why;

	if (sweep->dry_run || !record_open(&run, sweep->directory, name, false, &why))
		return false;
	if (run_place(&run) == PLACE_ELSEWHERE) /* somebody looks after it there */
		name_elsewhere(sweep, &run);
	bool orphaned = run_place(&run) == PLACE_HERE && !run_is_held(&run);
	if (orphaned && (guard_find(&run, &keeper) || hold_open(&run, &keeper)))
		reapers_wait_for(&sweep->reapers, &run, keeper, false);
	return orphaned;
}

/* Returns whether to look again. */
static bool sweep_run(struct sweep *sweep, const char *name)
{
	_cleanup_run_ struct run run;
	const char *why;

	if (!record_open(&run, sweep->directory, name, true, &why)) {
		if (errno == EWOULDBLOCK)
			return wait_for_keeper(sweep, name);
		if (errno != ENOENT)
			name_damaged(sweep, name, why);
		return false;
	}
	enum run_place where = run_place(&run);
	if (sweep->dry_run)
		record_unlock(&run);
	if (where == PLACE_ELSEWHERE) {
		report_run(&sweep->report, run.unit, run.name, NULL);
		name_elsewhere(sweep, &run);
	} else if (where == PLACE_HERE && run_is_held(&run)) {
		bool guarded = sweep->dry_run || guard_start(&run, sweep->path);

		report_run(&sweep->report, run.unit, run.name, guarded ? "guarded" : NULL);
	} else if (sweep->dry_run) {
		report_run(&sweep->report, run.unit, run.name, "ended");
	} else {
		run.why = "swept: who held it is gone";
		reapers_start(&sweep->reapers, &run, NULL);
	}
	return false;
}

static void discard(struct sweep *sweep, const char *name)
{
	struct report *report = &sweep->report;

	if (sweep->dry_run)
		return;
	if (unlinkat(sweep->directory, name, 0) == 0) {
		if (may_name(&report->removed))
			log_line("%s/%s: removed: nobody's any more", sweep->path, name);
		return;
	}
	if (errno == ENOENT)
		return;
	report->left++;
	if (!may_name(&report->damaged))
		return;
	log_line("%s/%s cannot be removed: %s", sweep->path, name, strerror(errno));
	progress_erase(&report->progress);
	print_error("%s/%s cannot be removed: %s", sweep->path, name, strerror(errno));
}

/* Whether @name, of a run that has no record, is none that is being written just now. */
static bool is_left(struct sweep *sweep, const char *run, const char *name)
{
	struct stat st;

	return !record_exists(sweep->directory, run) &&
	       fstatat(sweep->directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && time(NULL) - st.st_mtime > SETTLED_SECONDS;
}

/* Whether it is what podman writes, or had no time to. */
static bool holds_id(int directory, const char *name)
{
	_cleanup_free_ char *cid = read_own_file(directory, name, CID_SIZE, NULL);

	return cid && (!cid[0] || cid_valid(cid));
}

/* Returns whether to look at it again. */
static bool sweep_file(struct sweep *sweep, const char *name)
{
	char run[RUN_SIZE];
	bool nobodys = false;

	switch (file_kind(name, run)) {
	case FILE_RECORD:
		return sweep_run(sweep, run);
	case FILE_CONMON_PID:
	case FILE_CONTAINER_PID:
		/* podman writes pid files anew wherever a container that has stayed is started */
		nobodys = is_left(sweep, run, name) && plain_is_stale(sweep->directory, name);
		break;
	case FILE_CONTAINER_ID:
		nobodys = is_left(sweep, run, name) && holds_id(sweep->directory, name);
		break;
	case FILE_TEMPORARY:
		nobodys = is_left(sweep, run, name);
		break;
	case FILE_TOMBSTONE:
		nobodys = tombstone_expired(sweep->directory, name + strlen(TOMBSTONE_PREFIX));
		break;
	case FILE_PLAIN_PID:
	case FILE_ANSWER:
	case FILE_MARK:
	case FILE_FOREIGN:
		break;
	}
	if (nobodys)
		discard(sweep, name);
	return false;
}

/* Looks at the first @count of @names; copies those to look at again to the front. */
static size_t sweep_files(struct sweep *sweep, struct names *names, size_t count)
{
	size_t again = 0;

	for (size_t i = 0; i < count; i++) {
		if (!sweep_file(sweep, names->name[i]))
			continue;
		memmove(names->name[again], names->name[i], sizeof(names->name[i]));
		again++;
	}
	return again;
}

static void sweep_directory(struct sweep *sweep, int directory, const char *path)
{
	int64_t deadline = boottime_ms() + KEEPERS_MS;
	_cleanup_names_ struct names names;

	sweep->directory = directory;
	sweep->path = path;
	sweep->reapers = (struct reapers){.directory = directory, .report = &sweep->report};
	if (!names_read(directory, &names)) {
		print_error("%s: cannot be read: %s", path, strerror(errno));
		sweep->report.left++;
		return;
	}
	plain_log_foreign(directory, path, &names, &sweep->report.foreign);
	size_t count = names.count;
	while (count && ms_until(deadline)) {
		count = sweep_files(sweep, &names, count);
		while (reapers_work(&sweep->reapers) ||
		       (sweep->reapers.count && ms_until(deadline)))
			reapers_collect(&sweep->reapers, 1000);
		if (count) {
			report_progress(&sweep->report, count);
			sleep_ms(LOOK_MS);
		}
	}
	progress_erase(&sweep->report.progress);
	for (size_t i = 0; i < count; i++)
		print_error("%s/%s: another process has its lock; sweep may be repeated", path,
			    names.name[i]);
	sweep->report.left += count;
	reapers_free(&sweep->reapers);
}

/* A unit's own directory goes as well, where `podleash run` made it and uses it no more. */
static void sweep_unit(int directory, const char *path, void *context)
{
	struct sweep *sweep = context;

	sweep_directory(sweep, directory, path);
	if (!sweep->dry_run)
		(void)piddir_remove(directory, path); /* fails where anything else is in it */
}

int sweep_main(int argc, char *argv[])
{
	static const struct option longs[] = {{"dry-run", no_argument, NULL, 'n'},
					      {"json", no_argument, NULL, 'j'},
					      {HELP_OPTION},
					      {0}};
	struct sweep sweep = {0};
	struct given given;
	int option, status;

	while ((option = command_option(argc, argv, "h", longs)) != -1) {
		if (option == 'n')
			sweep.dry_run = true;
		else if (option == 'j')
			sweep.report.json = true;
		else
			return WRONG_USAGE;
	}
	_cleanup_close_ int directory = given_open(&given, argv + optind, &status);
	if (directory < 0)
		return status;
	sweep_directory(&sweep, directory, given.path);
	sweep.report.left += given_each_unit(&given, sweep_unit, &sweep);
	report_unnamed(&sweep.report, given.path);
	if (unnamed(sweep.report.damaged))
		print_error("%s: %zu more", given.path, unnamed(sweep.report.damaged));
	return sweep.report.left ? EXIT_LEFT : 0;
}
