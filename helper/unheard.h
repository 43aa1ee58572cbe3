/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signal that podman hands on to its container in vain. podman run gives the container what it is
 * told to end by (--sig-proxy, podman-run(1)) and waits for it; the first process of a container
 * that does not catch the signal never gets it, pid_namespaces(7).
 */
#ifndef PODLEASH_UNHEARD_H
#define PODLEASH_UNHEARD_H

#include <stdbool.h>
#include <sys/types.h>

/* A signal that every container counts as deaf to. */
#define UNHEARD_BY_ALL 0

/*
 * Tells the guards to end the foreground runs of @directory whose container does not take @signal,
 * or is not there yet: that of the podman @command, and, where a terminal has sent it (@group),
 * those of the podmans in our process group. Returns whether @command is one of them: it ends with
 * its container, and needs no signal.
 */
bool end_unheard(int directory, pid_t command, int signal, bool group);

#endif
