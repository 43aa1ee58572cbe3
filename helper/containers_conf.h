/* SPDX-License-Identifier: Apache-2.0 */
/* containers.conf(5): whether it may send podman elsewhere. */
#ifndef PODLEASH_CONTAINERS_CONF_H
#define PODLEASH_CONTAINERS_CONF_H

#include <limits.h>
#include <stdbool.h>

/*
 * Whether a line that says `remote … true` stands in a containers.conf that a podman of ours may
 * read; writes the path of the first such file. TOML is podman's to read: only where there is such
 * a line podman has to be asked (podman_is_elsewhere()).
 */
bool containers_conf_may_be_remote(char path[PATH_MAX]);

#endif
