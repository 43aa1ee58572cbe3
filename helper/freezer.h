/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thawing a container that was paused (`podman pause`): no signal reaches what is frozen, on cgroup
 * v1 not even SIGKILL. The runtime freezes the container's cgroup by its freezer.state
 * (Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst), on v2 by its cgroup.freeze
 * (cgroup-v2.rst), and those above do not matter: they are not the container's.
 */
#ifndef PODLEASH_FREEZER_H
#define PODLEASH_FREEZER_H

#include <limits.h>

#include "handle.h"

/*
 * Thaws the cgroup of the container @cid, and what is below it down to that of @init, its proven
 * init. Nothing where @init is in no cgroup of that container's own. Best effort.
 */
void freezer_thaw(const struct handle *init, const char *cid);

/*
 * Writes to @path where @controller ("" on v2) has the process of @text, a /proc/PID/cgroup, and
 * returns the length of its beginning that is the cgroup of the container @cid; 0 where there is
 * none. Pure.
 */
size_t freezer_path(const char *text, const char *controller, const char *cid, char path[PATH_MAX]);

#endif
