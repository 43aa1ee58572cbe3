/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podleash sweep: puts pid directories, and the unit directories in them, in order, all at once.
 *
 * A run whose guard is gone is ended where a holder is dead and gets a new guard where all live.
 * Files of an earlier boot, old tombstones, records that were never published and pid files of
 * nobody are removed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bounds.h"
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

/* A directory that is swept. */
struct swept {
	int directory;
	bool is_unit; /* a unit's own */
	char path[PATH_MAX];
	struct names names; /* the first @count of them are to be looked at again */
	size_t count;
	bool crowded; /* one of them has found no place among our children */
	struct reapers reapers;
};

struct sweep {
	bool dry_run;
	struct report report;
	int64_t deadline;	   /* of who has a lock: boottime_ms() */
	const struct given *given; /* the one that is looked at */
	struct swept *at;	   /* it, or a unit's below it */

	struct swept *kept; /* in which something is waited for; their directories are our own */
	size_t count;
};

static void name_damaged(struct sweep *sweep, const char *name, const char *why)
{
	struct report *report = &sweep->report;

	report->left++;
	if (!may_name(&report->damaged))
		return;
	log_line("%s/%s%s: %s; left alone", sweep->at->path, name, RECORD_SUFFIX, why);
	progress_erase(report->progress);
	print_error("%s/%s%s: %s; left alone, end its unit by: podleash cancel", sweep->at->path,
		    name, RECORD_SUFFIX, why);
}

static void name_elsewhere(struct sweep *sweep, const struct run *run)
{
	struct report *report = &sweep->report;

	progress_erase(report->progress);
	if (may_name(&report->elsewhere))
		print_error("%s/%s%s: %s", sweep->at->path, run->name, RECORD_SUFFIX, ELSEWHERE);
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

	if (sweep->dry_run || !record_open(&run, sweep->at->directory, name, false, &why))
		return false;
	if (run_place(&run) == PLACE_ELSEWHERE) /* somebody looks after it there */
		name_elsewhere(sweep, &run);
	bool orphaned = run_place(&run) == PLACE_HERE && !run_is_held(&run);
	if (orphaned && (guard_find(&run, &keeper) || hold_open(&run, &keeper)))
		reapers_wait_for(&sweep->at->reapers, &run, keeper, false);
	return orphaned;
}

/* Returns whether to look again. */
static bool sweep_run(struct sweep *sweep, const char *name)
{
	_cleanup_run_ struct run run;
	const char *why;

	if (reapers_have(&sweep->at->reapers, name))
		return true;
	if (!record_open(&run, sweep->at->directory, name, true, &why)) {
		if (errno == EWOULDBLOCK)
			return wait_for_keeper(sweep, name);
		if (errno != ENOENT)
			name_damaged(sweep, name, why);
		return false;
	}
	enum run_place where = run_place(&run);
	if (sweep->dry_run)
		record_unlock(&run);
	if (where == PLACE_ELSEWHERE || sweep->at->reapers.given->hidden) {
		report_run(&sweep->at->reapers, run.unit, run.name, NULL);
		name_elsewhere(sweep, &run);
	} else if (where == PLACE_HERE && run_is_held(&run)) {
		report_run(&sweep->at->reapers, run.unit, run.name,
			   sweep->dry_run			? "would-guard"
			   : guard_start(&run, sweep->at->path) ? "guarded"
								: NULL);
	} else if (sweep->dry_run) {
		report_run(&sweep->at->reapers, run.unit, run.name, "would-end");
	} else if (!reapers_have_room(&sweep->at->reapers)) {
		sweep->at->crowded = true;
		return true;
	} else {
		run.why = "swept: who held it is gone";
		reapers_start(&sweep->at->reapers, &run, NULL);
	}
	return false;
}

static void discard(struct sweep *sweep, const char *name)
{
	struct report *report = &sweep->report;

	if (sweep->dry_run)
		return;
	if (unlinkat(sweep->at->directory, name, 0) == 0) {
		if (may_name(&report->removed))
			log_line("%s/%s: removed: nobody's any more", sweep->at->path, name);
		return;
	}
	if (errno == ENOENT)
		return;
	report->left++;
	if (!may_name(&report->damaged))
		return;
	log_line("%s/%s cannot be removed: %s", sweep->at->path, name, strerror(errno));
	progress_erase(report->progress);
	print_error("%s/%s cannot be removed: %s", sweep->at->path, name, strerror(errno));
}

/* Whether @name, of a run that has no record, is none that is being written just now. */
static bool is_left(struct sweep *sweep, const char *run, const char *name)
{
	struct stat st;

	return !record_exists(sweep->at->directory, run) &&
	       fstatat(sweep->at->directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
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
		nobodys = is_left(sweep, run, name) && plain_is_stale(sweep->at->directory, name);
		break;
	case FILE_CONTAINER_ID:
		nobodys = is_left(sweep, run, name) && holds_id(sweep->at->directory, name);
		break;
	case FILE_TEMPORARY:
		nobodys = is_left(sweep, run, name);
		break;
	case FILE_TOMBSTONE:
		nobodys = tombstone_expired(sweep->at->directory, name + strlen(TOMBSTONE_PREFIX));
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

/* Looks at what is to be looked at again. */
static void look(struct sweep *sweep, struct swept *swept)
{
	size_t again = 0;

	sweep->at = swept;
	swept->crowded = false;
	for (size_t i = 0; i < swept->count; i++) {
		char *name = swept->names.name[i];

		if (sweep_file(sweep, name))
			memmove(swept->names.name[again++], name, sizeof(*swept->names.name));
	}
	swept->count = again;
}

/* How many runs of it nobody is at yet. */
static size_t pending(const struct swept *swept)
{
	char run[RUN_SIZE];
	size_t count = 0;

	for (size_t i = 0; i < swept->count; i++)
		count += file_kind(swept->names.name[i], run) == FILE_RECORD &&
			 !reapers_have(&swept->reapers, run);
	return count;
}

/* Whether something is to be waited for. */
static bool goes_on(const struct sweep *sweep, const struct swept *swept)
{
	if (ms_until(sweep->deadline))
		return swept->count || swept->reapers.count;
	return (swept->crowded || swept->reapers.count) && reapers_work(&swept->reapers);
}

/* Waits for at most @ms, and looks again. */
static void go_on(struct sweep *sweep, struct swept *swept, int ms)
{
	if (swept->reapers.count) {
		reapers_collect(&swept->reapers, ms);
	} else {
		report_progress(&sweep->report);
		sleep_ms(ms);
	}
	/* there may be thousands: no look tells more until there is a place */
	if (!swept->crowded || reapers_have_room(&swept->reapers))
		look(sweep, swept);
}

static void end(struct sweep *sweep, struct swept *swept)
{
	progress_erase(sweep->report.progress);
	for (size_t i = 0; i < swept->count; i++)
		print_error("%s/%s: %s; sweep may be repeated", swept->path, swept->names.name[i],
			    swept->crowded ? "others do not end" : "another process has its lock");
	sweep->report.left += swept->count;
	reapers_free(&swept->reapers);
	names_free(&swept->names);
	/* where `podleash run` made it and uses it no more; fails where anything is in it */
	if (swept->is_unit && !sweep->dry_run && !swept->reapers.given->hidden)
		(void)piddir_remove(swept->directory, swept->path);
}

/* Keeps @swept for sweep_kept(). False where memory or descriptors are short. */
static bool keep(struct sweep *sweep, const struct swept *swept)
{
	size_t count = sweep->count;
	struct swept *larger = reallocarray(sweep->kept, count + 1, sizeof(*larger));
	int directory = larger ? fcntl(swept->directory, F_DUPFD_CLOEXEC, 3) : -1;

	if (larger)
		sweep->kept = larger;
	if (directory < 0)
		return false;
	larger[count] = *swept;
	larger[count].directory = larger[count].reapers.directory = directory;
	sweep->count++;
	return true;
}

/* Begins with a directory; most have nothing in them that is to be waited for. */
static void sweep_directory(struct sweep *sweep, int directory, const char *path, bool is_unit)
{
	struct swept swept = {.directory = directory, .is_unit = is_unit};

	(void)snprintf(swept.path, sizeof(swept.path), "%s", path);
	swept.reapers = (struct reapers){directory, sweep->given, .report = &sweep->report};
	if (!names_read(directory, &swept.names)) {
		print_error("%s: cannot be read: %s", path, strerror(errno));
		sweep->report.left++;
		return;
	}
	plain_log_foreign(directory, path, &swept.names, &sweep->report.foreign);
	swept.count = swept.names.count;
	look(sweep, &swept);
	if (goes_on(sweep, &swept) && keep(sweep, &swept))
		return;
	while (goes_on(sweep, &swept))
		go_on(sweep, &swept, LOOK_MS); /* it cannot be kept: one after the other */
	end(sweep, &swept);
}

static void sweep_unit(int directory, const char *path, void *context)
{
	sweep_directory(context, directory, path, true);
}

/* What is waited for, in all directories at once. */
static void sweep_kept(struct sweep *sweep)
{
	while (sweep->count) {
		int ms = LOOK_MS / (int)sweep->count;

		size_t waiting = 0;

		for (size_t i = 0; i < sweep->count; i++)
			waiting += pending(&sweep->kept[i]);
		report_pending(&sweep->report, waiting);
		for (size_t i = sweep->count; i-- > 0;) {
			struct swept *swept = &sweep->kept[i];

			go_on(sweep, swept, ms ? ms : 1);
			if (goes_on(sweep, swept))
				continue;
			end(sweep, swept);
			cleanup_close(&swept->directory);
			*swept = sweep->kept[--sweep->count];
		}
	}
	free(sweep->kept);
}

static int sweep_all(const struct given *given, size_t count, void *context)
{
	struct sweep *sweep = context;

	for (size_t i = 0; i < count; i++) {
		sweep->given = &given[i];
		sweep_directory(sweep, given[i].directory, given[i].path, false);
		sweep->report.left += given_each_unit(&given[i], sweep_unit, sweep);
	}
	sweep_kept(sweep);
	report_unnamed(&sweep->report, given->path);
	if (unnamed(sweep->report.damaged))
		print_error("%s: %zu more", given->path, unnamed(sweep->report.damaged));
	return sweep->report.left ? EXIT_LEFT : 0;
}

int sweep_main(int argc, char *argv[])
{
	static const struct option longs[] = {{"dry-run", no_argument, NULL, 'n'},
					      {"json", no_argument, NULL, 'j'},
					      {HELP_OPTION},
					      {0}};
	struct sweep sweep = {
		.deadline = boottime_ms() + KEEPERS_MS,
		.report.progress = progress_new(),
	};
	int option;

	while ((option = command_option(argc, argv, "h", longs)) != -1) {
		if (option == 'n')
			sweep.dry_run = true;
		else if (option == 'j')
			sweep.report.json = true;
		else
			return WRONG_USAGE;
	}
	if (argv[optind] && argv[optind + 1]) {
		print_error("more than one directory given");
		return WRONG_USAGE;
	}
	int status = given_call(argv[optind], true, KEEPERS_MS + REAPERS_MS, sweep_all, &sweep);
	return status == EXIT_NOTHING ? given_none() : status;
}
