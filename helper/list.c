/* SPDX-License-Identifier: Apache-2.0 */
/* podleash list: the runs of a pid directory, and of the unit directories in it. */
#include <getopt.h>
#include <stdio.h>

#include "commands.h"
#include "identity.h"
#include "json.h"
#include "log.h"
#include "piddir.h"
#include "record.h"
#include "util.h"

struct listing {
	bool json;
	size_t damaged, runs;
};

/*
 * starting, running, ending; orphaned: a holder is dead; unguarded: nobody would end
 * it; rebooted: it ended with an earlier boot.
 */
static const char *state_of(const struct run *run)
{
	struct handle guard;

	if (!run_is_of_this_boot(run))
		return "rebooted";
	if (!guard_open(run, &guard))
		return "unguarded";
	handle_close(&guard);
	for (size_t i = 0; i < run->holders; i++)
		if (!process_lives(run->holder[i].id))
			return "orphaned";
	if (!run->container.pid)
		return "starting";
	return process_lives(run->container) ? "running" : "ending";
}

static void print_run(const struct run *run, bool json)
{
	uint64_t now = boottime_ns();
	int64_t age = run->created < now ? (int64_t)((now - run->created) / 1000000000U) : 0;

	if (!json) {
		(void)printf("%-16s %-28s %-9s %7lds %8d %8d %9d  %.12s\n", run->unit, run->name,
			     state_of(run), (long)age, (int)run->podman.pid, (int)run->conmon.pid,
			     (int)run->container.pid, run->cid[0] ? run->cid : "-");
		return;
	}
	json_begin(stdout);
	json_string(stdout, "unit", run->unit);
	json_string(stdout, "run", run->name);
	json_string(stdout, "state", state_of(run));
	json_number(stdout, "age", age);
	json_number(stdout, "podman", run->podman.pid);
	json_number(stdout, "conmon", run->conmon.pid);
	json_number(stdout, "container", run->container.pid);
	json_number(stdout, "guard", run->guard.pid);
	json_string(stdout, "cid", run->cid);
	json_end(stdout);
}

static void list_run(struct listing *listing, int directory, const char *path, const char *name)
{
	struct run run;
	const char *why;

	if (!record_open(&run, directory, name, false, &why)) {
		if (errno == ENOENT)
			return; /* it ended just now */
		if (may_name(&listing->damaged))
			print_error("%s/%s%s: %s", path, name, RECORD_SUFFIX, why);
		return;
	}
	if (!listing->json && !listing->runs++)
		(void)printf("%-16s %-28s %-9s %8s %8s %8s %9s  %s\n", "UNIT", "RUN", "STATE",
			     "AGE", "PODMAN", "CONMON", "CONTAINER", "CID");
	print_run(&run, listing->json);
	run_free(&run);
}

static void list_directory(int directory, const char *path, void *context)
{
	struct listing *listing = context;
	char run[RUN_SIZE];
	struct names names;

	if (!names_read(directory, &names)) {
		print_error("%s: cannot be read: %s", path, strerror(errno));
		listing->damaged++;
		return;
	}
	for (size_t i = 0; i < names.count; i++)
		if (file_kind(names.name[i], run) == FILE_RECORD)
			list_run(listing, directory, path, run);
	names_free(&names);
}

int list_main(int argc, char *argv[])
{
	static const struct option longs[] = {{"json", no_argument, NULL, 'j'}, {0}};
	struct listing listing = {0};
	char path[PATH_MAX];
	int option, status;

	log_init();
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (option != 'j')
			return usage_error("list");
		listing.json = true;
	}
	if (argc - optind > 1) {
		print_error("more than one directory given");
		return usage_error("list");
	}
	_cleanup_close_ int directory = piddir_from_argument(argv[optind], path, &status);
	if (directory < 0)
		return status;
	list_directory(directory, path, &listing);
	size_t refused = piddir_each_unit(directory, path, list_directory, &listing);
	if (unnamed(listing.damaged))
		print_error("%s: %zu more", path, unnamed(listing.damaged));
	return listing.damaged || refused ? EXIT_LEFT : 0;
}
