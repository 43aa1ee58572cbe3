/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going along a path, as the kernel does, one component at a time: root must not be led by another
 * user, who may point what he owns elsewhere at any moment.
 */
#ifndef PODLEASH_WALK_H
#define PODLEASH_WALK_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Whether we are root, and this is not root's. */
bool is_anothers(const struct stat *st);

/*
 * Goes along @path and stops before its last component, which it writes to @name. Returns the
 * directory that holds @name (O_PATH), to be closed by the caller, or -1 with errno. @other: the
 * owner of the first directory or symbolic link on it that is_anothers(); 0 where there is none.
 */
int walk(const char *path, char name[NAME_MAX + 1], uid_t *other);

#endif
