/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file an exec call means. Async-signal-safe; each makes system calls and
 * is asked only for what looks like a `podman run`.
 */
#ifndef PODLEASH_RESOLVE_H
#define PODLEASH_RESOLVE_H

#include <limits.h>
#include <stdbool.h>

/* Whether @path is a regular file that the caller may execute. */
bool is_executable_file(const char *path);

/* How a caller names the program that it starts. */
struct program {
	enum { BY_PATH, BY_NAME, BY_FD } by;
	const char *file; /* below @fd where it is by that: "" is @fd itself */
	int fd;
	bool elsewhere; /* a relative path is meant in a directory that is not known here */
};

/* Returns the path of @program, in @buffer where it is not named by it; NULL where it has none. */
const char *program_find(const struct program *program, char buffer[PATH_MAX]);

/*
 * Finds @file as execvp(3) does: @file itself where it has a slash, else the
 * first executable file of that name in the caller's PATH, written to @buffer.
 * Returns NULL when there is none.
 */
const char *search_path(const char *file, char buffer[PATH_MAX]);

/*
 * Writes the path of the open file @fd, or of @name below the open directory @fd,
 * to @buffer and returns it. Returns NULL where proc(5) does not name a path that
 * still leads there (deleted, a memfd, no /proc).
 */
const char *path_of_fd(int fd, const char *name, char buffer[PATH_MAX]);

#endif
