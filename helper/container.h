/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending a container by its init.
 *
 * The init of a pid namespace takes the whole container with it when it dies,
 * pid_namespaces(7). Where the container shares a pid namespace (--pid=host,
 * --pid=container:…) its other processes live on: those in the init's mount
 * namespace, or in the container's cgroup, are ended as well.
 */
#ifndef PODLEASH_CONTAINER_H
#define PODLEASH_CONTAINER_H

#include "handle.h"
#include "record.h"

/*
 * Asks the container init @init to end, by its stop signal (SIGTERM as a rule), unless the grace is
 * 0 or the signal would not reach it, then kills it. The grace is run_grace(), also of a cancel
 * that comes meanwhile. Logs why (log_ending()). Returns whether nothing of the container runs.
 */
bool container_end(struct run *run, const struct handle *init);

/*
 * Ends what runs of the container without its init, which is nothing where it had a pid namespace
 * of its own: what is_of_container() proves. Nothing where somebody else has started it
 * anew. Returns whether nothing runs any more. Looks through /proc.
 */
bool container_end_rest(struct run *run);

/*
 * Whether @signal has any effect on a process of @status: it catches or blocks it
 * (dumb-init and catatonit block it and wait for it), or has the default action,
 * which the first process of a pid namespace never gets. Pure.
 */
bool takes_signal(const struct proc_status *status, int signal);

#endif
