/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The new command line of a `podman run`.
 *
 * Everything here is async-signal-safe and fit for a vfork child: stack and,
 * above LEASH_WORDS arguments, one anonymous mapping; no allocation, no lock,
 * no write to a global. errno is the caller's to set.
 */
#ifndef PODLEASH_LEASH_H
#define PODLEASH_LEASH_H

#include <stdbool.h>

/* Arguments up to which the new argv is built on the stack (8 KiB). */
#define LEASH_WORDS 1024

/* The longest pid directory that is leashed; a longer one passes through. */
#define LEASH_DIRECTORY 1792

/*
 * How a command line is started. Returns 0 when it was (a spawn), else an errno
 * value; an exec that succeeds does not return. @context is the caller's.
 */
typedef int leash_start(void *context, const char *path, char *const argv[]);

/*
 * Whether the exec of @argv under @envp asks for the leash: it is a local
 * `podman run` (podman_command.h), and RECEPTOR_PID_DIRECTORY is set in @envp.
 * Whether the program is one that counts as podman is leash_counts(). Makes no
 * system call.
 */
bool leash_wanted(char *const argv[], char *const envp[]);

/* Whether @path (may be NULL) has a basename of PODLEASH_EXECUTABLES in @envp. No system call. */
bool leash_counts(const char *path, char *const envp[]);

/*
 * Starts the leashed command line of @path and @argv through @start:
 *     HELPER hold PATH ARGV0 … run --conmon-pidfile=… --pidfile=… …
 * and, where the helper cannot be started, the same without `HELPER hold PATH`,
 * which writes the pid files and has no guard. Returns true when one of the two
 * was started. False: start what the caller asked for instead; either nothing
 * could be started, or @path is no executable file and the errno must be the
 * real call's.
 *
 * With PODLEASH_STRICT=1 a run that the helper does not take must not start:
 * one line goes to stderr and the process ends with status 125, as podman's own
 * failures do. The caller of posix_spawn lives on and gets @refused instead.
 */
bool leash(leash_start *start, void *context, const char *path, char *const argv[],
	   char *const envp[], int *refused);

#endif
