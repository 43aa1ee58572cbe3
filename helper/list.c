/* SPDX-License-Identifier: Apache-2.0 */
/* podleash list: the runs of pid directories, and of the unit directories in them. */
#include <stdio.h>
#include <sys/mman.h>

#include "bounds.h"
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

/* How long the directories of one user may take, who may be hostile, before the next one's turn. */

struct listing {
	bool json, tree;
	char **units;		   /* these alone, NULL-terminated; none: all */
	bool *found;		   /* of each; shared with the children that look as other users */
	const struct given *given; /* that is listed */
	struct table table;	   /* of one directory */
	struct tree runs;	   /* the same for --tree: units may be spread over directories */
	size_t shown, damaged;
	bool refused;
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

static void print_json(const char *directory, const struct run *run, enum run_state state,
		       uint64_t age, const char *name)
{
	json_begin(stdout);
	json_string(stdout, "directory", directory);
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

static bool is_asked_for(const struct listing *listing, const struct run *run)
{
	for (size_t i = 0; listing->units[i]; i++)
		if (equal(listing->units[i], run->unit))
			return listing->found[i] = true;
	return !listing->units[0];
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
	print_json(listing->given->path, run, state, age, name);
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
	if (is_asked_for(listing, &run) && !take_run(listing, &run) && may_name(&listing->damaged))
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

static void list_given(struct listing *listing, const struct given *given)
{
	listing->given = given;
	for (size_t i = 0; listing->units[i]; i++)
		listing->found[i] |= given_has_unit(given, listing->units[i]);
	list_directory(given->directory, given->path, listing);
	listing->refused |= given_each_unit(given, list_directory, listing) > 0;
	size_t runs = listing->table.rows + listing->runs.count;
	if (runs)
		given_print(given, '\n');
	listing->shown += runs;
	table_print(&listing->table);
	table_free(&listing->table);
	if (!tree_print(&listing->runs)) {
		print_error("the tree: %s", strerror(ENOMEM));
		listing->damaged++;
	}
	tree_free(&listing->runs);
}

static int list_all(const struct given *given, size_t count, void *context)
{
	struct listing *listing = context;

	for (size_t i = 0; i < count; i++)
		list_given(listing, &given[i]);
	bool told = listing->shown || listing->damaged || listing->refused || listing->units[0];
	for (size_t i = 0; i < count && !told && !listing->json && isatty(STDOUT_FILENO); i++)
		print_error("no runs in %s", given[i].path);
	if (unnamed(listing->damaged))
		print_error("%s: %zu more", given->path, unnamed(listing->damaged));
	return listing->damaged || listing->refused ? EXIT_LEFT : 0;
}

/* Reads the words: a directory or none, then units. */
static bool take_words(struct listing *listing, char **words, const char **directory)
{
	if (words[0] && given_is_directory(words[0]))
		*directory = *words++;
	listing->units = words;
	size_t count = 0;
	for (; words[count]; count++) {
		if (unit_name_valid(words[count]))
			continue;
		print_error("%s: not a unit's name", words[count]);
		return false;
	}
	listing->found =
		mmap(NULL, count + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (listing->found == MAP_FAILED)
		print_error("%s", strerror(errno));
	return listing->found != MAP_FAILED;
}

int list_main(int argc, char *argv[])
{
	static const struct option longs[] = {{"json", no_argument, NULL, 'j'},
					      {"tree", no_argument, NULL, 't'},
					      {HELP_OPTION},
					      {0}};
	struct listing listing = {0};
	const char *directory = NULL;
	int option;

	while ((option = command_option(argc, argv, "h", longs)) != -1) {
		if (option == '?')
			return WRONG_USAGE;
		*(option == 'j' ? &listing.json : &listing.tree) = true;
	}
	if (listing.json && listing.tree) {
		print_error("--json and --tree: one of them at a time");
		return WRONG_USAGE;
	}
	if (!take_words(&listing, argv + optind, &directory))
		return WRONG_USAGE;
	int status = given_call(directory, false, TURN_MS, list_all, &listing);
	if (status == EXIT_NOTHING)
		status = given_none();
	for (size_t i = 0; listing.units[i]; i++) {
		if (listing.found[i])
			continue;
		print_error("%s: no such unit", listing.units[i]);
		status = EXIT_LEFT;
	}
	return status;
}
