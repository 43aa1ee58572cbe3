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

#include "passed_on.h"

/*
 * Tells the guards to end the foreground runs of @directory whose container does not take @signal,
 * or is not there yet: that of the podman @command, and, where a terminal has sent it, those of the
 * podmans in our process group; but none whose podman was started to ignore it (trap '' INT,
 * nohup). @last: nobody is left who could ask again, and every container counts as deaf. Returns
 * whether @command is one that ends: it ends with its container, and needs no signal.
 */
bool end_unheard(int directory, pid_t command, const struct passed_on *signal, bool last);

#endif
