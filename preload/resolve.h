/* SPDX-License-Identifier: Apache-2.0 */
/* Which file an exec call that looks like a `podman run` means. Async-signal-safe. */
#ifndef PODLEASH_RESOLVE_H
#define PODLEASH_RESOLVE_H

#include <limits.h>
#include <stdbool.h>

/* Whether @path is a regular file that the caller may execute. */
bool is_executable_file(const char *path);

/* How a caller names the program that it starts. */
enum program_by { BY_PATH, BY_NAME, BY_FD };

struct program {
	enum program_by by;
	const char *file; /* below @fd where it is by that: "" is @fd itself */
	int fd;
	bool elsewhere; /* a relative path is meant in a directory that is not known here */
};

/* Returns the path of @program, in @buffer where it is not named by it; NULL where it has none. */
const char *program_find(const struct program *program, char buffer[PATH_MAX]);

/*
 * Finds @file as execvp(3) does: itself where it has a slash, else the first executable file of
 * that name in the caller's PATH, written to @buffer. NULL when there is none.
 */
const char *search_path(const char *file, char buffer[PATH_MAX]);

/*
 * Writes the path of the open file @fd, or of @name below that directory, to @buffer and returns
 * it. NULL where proc(5) does not name a path that still leads there (deleted, a memfd).
 */
const char *path_of_fd(int fd, const char *name, char buffer[PATH_MAX]);

#endif
