/* SPDX-License-Identifier: Apache-2.0 */
/* podleash list: the runs of a pid directory, and of the unit directories in it. */
#include <stdio.h>

#include "commands.h"
#include "given.h"
#include "json.h"
#include "log.h"
#include "record.h"
#include "state.h"
#include "terminal.h"
#include "tree.h"
#include "util.h"

struct listing {
	bool json, tree, colour;
	struct tree runs; /* for --tree alone: units may be spread over directories */
	size_t damaged, printed;
};

static void print_json(const struct run *run, enum run_state state, uint64_t age)
{
	json_begin(stdout);
	json_string(stdout, "unit", run->unit);
	json_string(stdout, "run", run->name);
	json_string(stdout, "state", state_word(state));
	json_number(stdout, "age", (int64_t)age);
	json_number(stdout, "podman", run->podman.pid);
	json_number(stdout, "conmon", run->conmon.pid);
	json_number(stdout, "container", run->container.pid);
	json_number(stdout, "guard", run->guard.pid);
	json_string(stdout, "cid", run->cid);
	json_end(stdout);
}

static void print_line(const struct run *run, enum run_state state, uint64_t seconds, bool colour)
{
	char age[AGE_SIZE];

	format_age(age, seconds);
	(void)printf("%-16s %-28s ", run->unit, run->name);
	print_coloured(state_word(state), -9, colour ? state_colour(state) : NULL);
	(void)printf(" %5s %8d %8d %9d  %.12s\n", age, (int)run->podman.pid, (int)run->conmon.pid,
		     (int)run->container.pid, run->cid[0] ? run->cid : "-");
}

static void print_run(struct listing *listing, const struct run *run, enum run_state state)
{
	/* the clock of an earlier boot tells nothing, nor that of another time namespace */
	bool here = state != STATE_REBOOTED && state != STATE_ELSEWHERE;
	uint64_t age = here ? seconds_since(run->created) : 0;

	if (listing->json) {
		print_json(run, state, age);
		return;
	}
	if (!listing->printed++)
		(void)printf("%-16s %-28s %-9s %5s %8s %8s %9s  %s\n", "UNIT", "RUN", "STATE",
			     "AGE", "PODMAN", "CONMON", "CONTAINER", "CID");
	print_line(run, state, age, listing->colour);
}

static void list_run(struct listing *listing, int directory, const char *path, const char *name)
{
	_cleanup_run_ struct run run;
	const char *why;

	if (!record_open(&run, directory, name, false, &why)) {
		if (errno == ENOENT)
			return; /* it ended just now */
		if (may_name(&listing->damaged))
			print_error("%s/%s%s: %s", path, name, RECORD_SUFFIX, why);
		return;
	}
	enum run_state state = run_state(&run);
	if (!listing->tree)
		print_run(listing, &run, state);
	else if (!tree_add(&listing->runs, &run, state) && may_name(&listing->damaged))
		print_error("%s/%s%s: %s", path, name, RECORD_SUFFIX, strerror(ENOMEM));
}

static void list_directory(int directory, const char *path, void *context)
{
	struct listing *listing = context;
	char run[RUN_SIZE];
	_cleanup_names_ struct names names;

	if (!names_read(directory, &names)) {
		print_error("%s: cannot be read: %s", path, strerror(errno));
		listing->damaged++;
		return;
	}
	for (size_t i = 0; i < names.count; i++)
		if (file_kind(names.name[i], run) == FILE_RECORD)
			list_run(listing, directory, path, run);
}

int list_main(int argc, char *argv[])
{
	static const struct option longs[] = {{"json", no_argument, NULL, 'j'},
					      {"tree", no_argument, NULL, 't'},
					      {HELP_OPTION},
					      {0}};
	struct listing listing = {0};
	struct given given;
	int option, status;

	while ((option = command_option(argc, argv, "h", longs)) != -1) {
		if (option == '?')
			return WRONG_USAGE;
		*(option == 'j' ? &listing.json : &listing.tree) = true;
	}
	if (listing.json && listing.tree) {
		print_error("--json and --tree: one of them at a time");
		return WRONG_USAGE;
	}
	_cleanup_close_ int directory = given_open(&given, argv + optind, &status);
	if (directory < 0)
		return status;
	listing.colour = terminal_takes_colour();
	list_directory(directory, given.path, &listing);
	size_t refused = given_each_unit(&given, list_directory, &listing);
	if (!tree_print(&listing.runs)) {
		print_error("the tree: %s", strerror(ENOMEM));
		listing.damaged++;
	}
	tree_free(&listing.runs);
	if (unnamed(listing.damaged))
		print_error("%s: %zu more", given.path, unnamed(listing.damaged));
	return listing.damaged || refused ? EXIT_LEFT : 0;
}
