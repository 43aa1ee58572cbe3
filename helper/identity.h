/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is ours: the proofs that every signal rests on (docs/security.md).
 *
 * A process takes part in a run when it is of our user, its program fits the
 * role, and its command line carries the run's path as the value of the very
 * flag that carries it:
 *     podman   run --conmon-pidfile=…/RUN.conmon.pid, directly behind `run`
 *     conmon   --conmon-pidfile P or -p P; once its CID is known, -c CID
 *     runtime  create … --pid-file P, or create … CID
 * The container init is a descendant of such a conmon, or its cgroup names the
 * CID. What was proven once is in the record as (pid, start), which with the boot
 * id names one process for ever.
 *
 * Each function opens the handle first and looks second: what it returns is open
 * on the process that was looked at. Nothing here sends a signal.
 */
#ifndef PODLEASH_IDENTITY_H
#define PODLEASH_IDENTITY_H

#include "handle.h"
#include "record.h"

/* All living processes of a run but the container's own. Owned; freed by census_free(). */
struct census {
	struct handles podman; /* podman, its rootless child, hold before it is podman */
	struct handles conmon;
	struct handles runtime; /* `runc create` and its like, also without a conmon */
};

/* Looks through /proc. */
void census_take(const struct run *run, struct census *census);
bool census_empty(const struct census *census);
void census_free(struct census *census);

/*
 * Learns conmon from its pid file, also another one after a restart: fills
 * run->conmon, cid, runtime, bundle and cleanup, forgets the container init, and
 * appends what it learned to the record where that is open. Returns whether conmon
 * is known, alive or not.
 */
bool learn_conmon(struct run *run);

/* The same from a conmon that a census found. */
bool learn_from(struct run *run, const struct handle *conmon);

/*
 * Learns the container init from its pid file, once, while conmon proves it.
 * Returns whether it is known.
 */
bool learn_container(struct run *run);

/* Whether the container's pid file names a process, alive or not. */
bool container_was_made(const struct run *run);

/* Opens the living guard that the record names; proven by (pid, start), program and argument. */
bool guard_open(const struct run *run, struct handle *guard);

/* Adds all living descendants of @ancestor to @list. */
void descendants_add(struct handles *list, const struct handle *ancestor);

#endif
