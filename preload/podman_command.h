/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podman's command line up to the subcommand: is it a local `podman run`? Shared by the preload
 * library and the helper, and async-signal-safe: no allocation, locale, system call or global.
 */
#ifndef PODLEASH_PODMAN_COMMAND_H
#define PODLEASH_PODMAN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/*
 * One of podman's global flags, hidden ones as well: of 3.0 to 5.8 and what came behind it, by
 * rootFlags() in podman's cmd/podman/root.go.
 */
struct podman_flag {
	const char *name; /* long form, without the dashes */
	char letter;	  /* short form, or 0 */
	bool takes_value;
	bool no_run; /* with it nothing runs on this machine: another podman is asked, or only help
			printed */
};

/* The table of global flags; ends with a NULL name. */
extern const struct podman_flag podman_global_flags[];

/*
 * Returns the index of `run` in @argv when it is a `podman run` or `podman container run` that
 * creates a container on this machine, else 0; also behind a global flag that the table does not
 * know: whether the next word is its value cannot be told, and a flag put in a wrong place would
 * fail the job. @argv is NULL-terminated and may itself be NULL.
 */
size_t podman_run_index(char *const argv[]);

/* The same of `create`, which takes its environment into the container as well (--env-host). */
size_t podman_create_index(char *const argv[]);

/*
 * Whether @argv may be such a command line behind a global flag that the table does not know: `run`
 * stands somewhere behind it, as the subcommand or as another word.
 */
bool podman_may_run(char *const argv[]);

/* Returns the index of the subcommand, behind `container` where that stands before it; as above. */
size_t podman_command_index(char *const argv[]);

/* Returns the part of @path behind its last slash, or @path itself. */
const char *path_basename(const char *path);

/* Returns whether @name is an element of the colon-separated @list. */
bool list_contains(const char *list, const char *name);

/* Returns the value of @name in @env ("NAME=value" strings, may be NULL), or NULL. */
const char *env_value(char *const env[], const char *name);

#endif
