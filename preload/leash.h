/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The new command line of a `podman run`. Everything here is async-signal-safe and fit for a vfork
 * child and a small stack: no allocation but memory.h's, no lock. errno is the caller's to set.
 */
#ifndef PODLEASH_LEASH_H
#define PODLEASH_LEASH_H

#include <stdbool.h>

#include "resolve.h"

/* How a command line is started; 0 when it was (a spawn), else an errno value. */
typedef int leash_start(void *context, const char *path, char *const argv[]);

/*
 * Whether the exec of @argv under @envp, if it is podman's (leash_counts()), asks for the helper: a
 * local `podman run`, or what may be one, or a `podman create` (podman_command.h), with
 * RECEPTOR_PID_DIRECTORY set in @envp. Makes no system call.
 */
bool leash_wanted(char *const argv[], char *const envp[]);

/* Whether @path (may be NULL) has a basename of PODLEASH_EXECUTABLES in @envp. No system call. */
bool leash_counts(const char *path, char *const envp[]);

/*
 * Starts the leashed command line of @program and @argv through @start:
 *     HELPER hold PATH ARGV0 … run --conmon-pidfile=… --pidfile=… …
 * a create, or what only may be a run, which the helper says to go without a leash,
 *     HELPER hold PATH ARGV0 …
 * Returns whether it was. False: start what the caller asked for instead. Either @program is no
 * executable file that counts, and the errno must be the real call's, or the helper cannot be
 * started, which syslog is told: what a program takes only the helper finds out.
 *
 * With PODLEASH_STRICT=1 a run that the helper does not take must not start: one line goes to
 * stderr and the process ends with status 125, as podman's own failures do. The caller of
 * posix_spawn lives on and gets @refused instead.
 */
bool leash(leash_start *start, void *context, const struct program *program, char *const argv[],
	   char *const envp[], int *refused);

#endif
