/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directories that a command looks at: the one that it was given, else all there are of its
 * user; for root those of all users, each as he. What is in one; the units' below it.
 */
#ifndef PODLEASH_GIVEN_H
#define PODLEASH_GIVEN_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct given {
	int directory;
	bool usual; /* where it is expected: what is refused below it is named */
	bool alone; /* the command looks at no other, of any user */
	/* in mounts that are not ours, as /tmp is with PrivateTmp=yes: what podman has beside it is
	   not here either */
	bool hidden;
	char path[PATH_MAX];
};

/*
 * Calls @command with the directory @word, as its owner; or, where that is NULL, as each user with
 * all of his (users_call(), which has @at_once and @ms as well):
 *  - RECEPTOR_PID_DIRECTORY, piddir_root()'s, /run/podleash, /run/user/UID/podleash,
 *    /tmp/podleash-UID;
 *  - $RUNTIME_DIRECTORY, where it holds a record, a tombstone or another file that only podleash
 *    makes;
 *  - those that his living guards have open, but for units' own below one of these; the path of
 *    one in mounts that are not ours leads through the guard's root.
 * Returns what it returned, EXIT_NOTHING where there is none, or EXIT_LEFT where one is refused,
 * with a line on stderr. @word is refused where piddir_open() does, and where it is no pid
 * directory: none of the first two, and no living guard's.
 */
typedef int given_command(const struct given *given, size_t count, void *context);
int given_call(const char *word, bool at_once, int ms, given_command *command, void *context);

/* The same of all places of this user alone; with @quiet it is not said which are refused. */
int given_places(bool quiet, given_command *command, void *context);

/* What that means where nothing was asked for: 0, since nothing was ever leashed. A terminal is
 * told. */
int given_none(void);

/* Whether a word of the command line is a path; else it is a unit's name. */
bool given_is_directory(const char *word);

/* Prints `PATH:` and @end to stdout, but where no other directory is looked at. */
void given_print(const struct given *given, char end);

/* Whether there is anything of the unit @name: a run, a tombstone or a directory of its own. */
bool given_has_unit(const struct given *given, const char *name);

/*
 * Calls @visit for each pid directory of a unit below the one of @given. Those that are refused are
 * named on stderr and in the log (log.h); returns how many, and 1 where none can be looked for.
 */
typedef void given_visit(int directory, const char *path, void *context);
size_t given_each_unit(const struct given *given, given_visit *visit, void *context);

/* Opens that of the unit @name and writes its path. -1, with @why NULL where there is none. */
int given_open_unit(const struct given *given, const char *name, char path[PATH_MAX],
		    const char **why);

#endif
