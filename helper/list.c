/* SPDX-License-Identifier: Apache-2.0 */
/* podleash list: the runs of a pid directory, and of the unit directories in it. */
#include <stdio.h>

#include "commands.h"
#include "conmon_args.h"
#include "given.h"
#include "identity.h"
#include "json.h"
#include "log.h"
#include "record.h"
#include "state.h"
#include "table.h"
#include "tree.h"
#include "util.h"

struct listing {
	bool json, tree;
	struct table table;
	struct tree runs; /* for --tree: units may be spread over directories */
	size_t damaged;
};

/* Writes the name of the container; "" where neither its user nor its conmon tells. */
static void find_name(const struct run *run, char name[UNIT_SIZE])
{
	_cleanup_handle_ struct handle conmon = HANDLE_NONE;
	_cleanup_words_ struct words words = {0};
	struct conmon_args args = {.name = run->container_name};

	if (!args.name[0] && conmon_open(run, &conmon) && proc_cmdline(conmon.id.pid, &words))
		conmon_args_parse(&words, &args);
	(void)snprintf(name, UNIT_SIZE, "%s", args.name);
	make_printable(name);
}

static void print_json(const struct run *run, enum run_state state, uint64_t age, const char *name)
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
	json_string(stdout, "name", name);
	json_end(stdout);
}

/* Takes in @run, for --tree with all that it says. False where memory is short. */
static bool take_run(struct listing *listing, struct run *run)
{
	enum run_state state = run_state(run);
	/* the clock of an earlier boot tells nothing, nor that of another time namespace */
	bool here = state != STATE_REBOOTED && state != STATE_ELSEWHERE;
	uint64_t age = here ? seconds_since(run->created) : 0;
	char name[UNIT_SIZE];

	if (listing->tree)
		return tree_add(&listing->runs, run, state);
	find_name(run, name);
	if (!listing->json)
		return table_add(&listing->table, run, state, age, name);
	print_json(run, state, age, name);
	return true;
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
	if (!take_run(listing, &run) && may_name(&listing->damaged))
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
	list_directory(directory, given.path, &listing);
	size_t refused = given_each_unit(&given, list_directory, &listing);
	if (!tree_print(&listing.runs)) {
		print_error("the tree: %s", strerror(ENOMEM));
		listing.damaged++;
	}
	table_print(&listing.table);
	if (!listing.runs.count && !listing.table.rows && !listing.damaged && !refused &&
	    !listing.json && isatty(STDOUT_FILENO))
		print_error("no runs in %s", given.path);
	tree_free(&listing.runs);
	table_free(&listing.table);
	if (unnamed(listing.damaged))
		print_error("%s: %zu more", given.path, unnamed(listing.damaged));
	return listing.damaged || refused ? EXIT_LEFT : 0;
}
