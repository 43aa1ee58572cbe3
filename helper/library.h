/* SPDX-License-Identifier: Apache-2.0 */
/* libpodleash.so: where it lies, whether this machine takes it; the environment that loads it. */
#ifndef PODLEASH_LIBRARY_H
#define PODLEASH_LIBRARY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Writes where this program lies. False where proc(5) does not say. */
bool program_path(char path[PATH_MAX]);

/* Writes the path of the library beside the program @helper (a build tree), else the installed. */
void library_find(const char *helper, char library[PATH_MAX]);

/* Our library's entry, of @length bytes, in an LD_PRELOAD, wherever it lies, or NULL. Pure. */
const char *library_entry(const char *preload, size_t *length);

/*
 * Why the file @path is no library that this program's machine loads (static text); NULL where its
 * ELF headers say that it is one, and whole: of one that is cut off dlopen(3) dies.
 */
const char *library_problem(const char *path);

/*
 * Why libpodleash.so sees nothing that the program @path starts: it has no ld.so, or is written in
 * Go, whose programs say so behind a mark (Go, debug/buildinfo). NULL for any other, and a script.
 * Static text.
 */
const char *program_problem(const char *path);

/* Whether the files @a and @b hold the same: a copy is as good as a link. */
bool is_same_program(const char *a, const char *b);

/*
 * Has every program that is started from now on load @library, behind those that it loads already:
 * some must be the first. False where memory is short.
 */
bool environment_load(const char *library);

/*
 * Makes podman's environment: ours less our own variables, our library, and what environment_load()
 * has added. NULL where memory is short. Freed by free(); what it points to stays.
 */
char **environment_unleashed(void);

#endif
