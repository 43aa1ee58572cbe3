/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podleash sweep: puts a pid directory, and the unit directories in it, in order.
 *
 * A run whose guard is gone is ended where a holder is dead and gets a new guard
 * where all live. Files of an earlier boot, old tombstones, records that were
 * never published and pid files of nobody are removed.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "commands.h"
#include "guard.h"
#include "identity.h"
#include "log.h"
#include "plain.h"
#include "reap.h"
#include "reapers.h"
#include "tombstone.h"
#include "util.h"

/* Younger files may belong to a run that is starting just now. */
#define SETTLED_SECONDS 60

struct sweep {
	bool dry_run;
	struct report report;
	int grace_ms;
	size_t depth;
};

/* One directory of a sweep. */
struct place {
	struct sweep *sweep;
	int directory;
	const char *path;
	struct reapers reapers;
};

static bool is_held(struct run *run)
{
	for (size_t i = 0; i < run->holders; i++)
		if (!process_lives(run->holder[i].id))
			return false;
	if (!process_lives(run->podman) && !run->detach)
		return false;
	return learn_conmon(run) ? process_lives(run->conmon) : process_lives(run->podman);
}

static void give_guard(struct place *place, struct run *run)
{
	bool guarded = place->sweep->dry_run || guard_start(run, place->path);

	report_run(&place->sweep->report, run->unit, run->name, guarded ? "guarded" : NULL);
	run_free(run);
}

static void sweep_run(struct place *place, const char *name)
{
	struct run run;
	const char *why;

	if (!record_open(&run, place->directory, name, true, &why)) {
		/* a guard has it, or it is gone by now */
		if (errno == EWOULDBLOCK || errno == ENOENT)
			return;
		log_line("%s/%s%s: %s; left alone", place->path, name, RECORD_SUFFIX, why);
		print_error("%s/%s%s: %s; left alone, end its unit by: podleash cancel",
			    place->path, name, RECORD_SUFFIX, why);
		place->sweep->report.left++;
	} else if (run_is_of_this_boot(&run) && is_held(&run)) {
		give_guard(place, &run);
	} else if (place->sweep->dry_run) {
		report_run(&place->sweep->report, run.unit, run.name, "ended");
		run_free(&run);
	} else {
		reapers_start(&place->reapers, &run, place->sweep->grace_ms);
	}
}

static void discard(const struct place *place, const char *name)
{
	log_line("%s/%s: removed: nobody's any more", place->path, name);
	if (!place->sweep->dry_run && unlinkat(place->directory, name, 0))
		log_line("%s/%s: %s", place->path, name, strerror(errno));
}

static bool is_settled(const struct place *place, const char *name)
{
	struct stat st;

	return fstatat(place->directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && time(NULL) - st.st_mtime > SETTLED_SECONDS;
}

static bool has_record(const struct place *place, const char *run)
{
	char record[RUN_SIZE + 8];

	(void)snprintf(record, sizeof(record), "%s%s", run, RECORD_SUFFIX);
	return faccessat(place->directory, record, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void sweep_file(struct place *place, const char *name)
{
	char run[RUN_SIZE];

	switch (file_kind(name, run)) {
	case FILE_RECORD:
		sweep_run(place, run);
		break;
	case FILE_CONMON_PID:
	case FILE_CONTAINER_PID:
		if (!has_record(place, run) && is_settled(place, name) &&
		    plain_is_stale(place->directory, name))
			discard(place, name);
		break;
	case FILE_TEMPORARY:
		if (is_settled(place, name))
			discard(place, name);
		break;
	case FILE_TOMBSTONE:
		if (tombstone_expired(place->directory, name + strlen(TOMBSTONE_PREFIX)))
			discard(place, name);
		break;
	case FILE_PLAIN_PID:
	case FILE_ANSWER:
	case FILE_FOREIGN:
		break;
	}
}

static void sweep_directory(struct sweep *sweep, int directory, const char *path);

/* A unit's own directory; an empty one that no `podleash run` uses is removed. */
static void sweep_unit(struct sweep *sweep, int parent, const char *path, const char *name)
{
	char below[PATH_MAX];
	const char *why;
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode) ||
	    snprintf(below, sizeof(below), "%s/%s", path, name) >= (int)sizeof(below))
		return;
	_cleanup_close_ int directory = piddir_open(below, &why);
	if (directory < 0) {
		log_line("%s: %s; left alone", below, why);
		return;
	}
	sweep_directory(sweep, directory, below);
	if (!sweep->dry_run && flock(directory, LOCK_EX | LOCK_NB) == 0)
		(void)unlinkat(parent, name, AT_REMOVEDIR); /* fails where anything is in it */
}

static void sweep_directory(struct sweep *sweep, int directory, const char *path)
{
	struct place place = {.sweep = sweep, .directory = directory, .path = path};
	struct names names;

	place.reapers.directory = directory;
	place.reapers.report = &sweep->report;
	if (!names_read(directory, &names)) {
		print_error("%s: cannot be read: %s", path, strerror(errno));
		sweep->report.left++;
		return;
	}
	for (size_t i = 0; i < names.count; i++)
		sweep_file(&place, names.name[i]);
	while (place.reapers.count)
		reapers_collect(&place.reapers, 1000);
	reapers_free(&place.reapers);
	/* one level: the root holds a directory a unit, and these hold files only */
	for (size_t i = 0; i < names.count && sweep->depth == 0; i++) {
		sweep->depth++;
		if (unit_name_valid(names.name[i]))
			sweep_unit(sweep, directory, path, names.name[i]);
		sweep->depth--;
	}
	names_free(&names);
}

int sweep_main(int argc, char *argv[])
{
	static const struct option longs[] = {
		{"dry-run", no_argument, NULL, 'n'}, {"json", no_argument, NULL, 'j'}, {0}};
	struct sweep sweep = {.grace_ms = -1};
	char path[PATH_MAX];
	int option, status;

	log_init();
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (option == 'n')
			sweep.dry_run = true;
		else if (option == 'j')
			sweep.report.json = true;
		else
			return usage_error("sweep");
	}
	if (argc - optind > 1) {
		print_error("more than one directory given");
		return usage_error("sweep");
	}
	sweep.grace_ms = grace_from_environment();
	_cleanup_close_ int directory = piddir_from_argument(argv[optind], path, &status);
	if (directory < 0)
		return status;
	sweep_directory(&sweep, directory, path);
	return sweep.report.left ? EXIT_LEFT : 0;
}
