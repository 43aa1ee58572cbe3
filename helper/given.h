/* SPDX-License-Identifier: Apache-2.0 */
/* The directory that a command was given: whether it is a pid directory; the units' below it. */
#ifndef PODLEASH_GIVEN_H
#define PODLEASH_GIVEN_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct given {
	int directory;
	bool usual; /* the default one: what is refused below it is named */
	char path[PATH_MAX];
};

/*
 * Opens the directory that is the one of @words, or the default one where there is none, as its
 * owner, and fills @given. Refuses what piddir_open() refuses, and what is no pid directory. One is
 *  - the default one: RECEPTOR_PID_DIRECTORY's, piddir_root()'s;
 *  - one that holds a record, a tombstone or another file that only podleash makes;
 *  - one that a living guard has open.
 * Returns a descriptor, which @given has as well, or -1 with the command's exit status: 0 where
 * the default one does not exist, since nothing was ever leashed, which a terminal is told; else
 * 1, or WRONG_USAGE for more than one word, with one line on stderr.
 */
int given_open(struct given *given, char *const words[], int *status);

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
