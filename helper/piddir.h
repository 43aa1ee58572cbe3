/* SPDX-License-Identifier: Apache-2.0 */
/* The pid directory: where it is, who may own it, and who may remove it. */
#ifndef PODLEASH_PIDDIR_H
#define PODLEASH_PIDDIR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "names.h"

/*
 * Opens the directory @path. Refuses a symlink, what is no directory, what another user owns or
 * others may write to; for root also a path that leads through what is not root's: who owns that
 * leads elsewhere at will. Returns a descriptor, or -1 with the reason in @why (static text).
 */
int piddir_open(const char *path, const char **why);

/*
 * The same in two steps, for who asks in between what it is: opens @path, or @name at @parent, also
 * where others may write to it, and tells whether they may not.
 */
int piddir_look(const char *path, const char **why);
int piddir_look_at(int parent, const char *name, const char **why);
bool piddir_is_closed(int directory, const char **why);

/*
 * Writes the root below which `podleash run` makes a directory per unit:
 * /run/podleash for root, else the first of $XDG_RUNTIME_DIR/podleash and
 * $RUNTIME_DIRECTORY that is there and this user's, else /tmp/podleash-<uid>.
 */
void piddir_root(char *path, size_t size);

/* Why piddir_root() passes over what @variable names, written to @path (static text); else NULL. */
const char *piddir_place_problem(const char *variable, char *path, size_t size);

/* Writes RECEPTOR_PID_DIRECTORY, or the root where that is not set. */
void piddir_default(char *path, size_t size);

/* Writes @path, behind the working directory where it is relative. False with errno. */
bool piddir_absolute(const char *path, char absolute[PATH_MAX]);

/* Writes the unit that stands for all of @directory: its name, "default" if that is no unit's. */
void piddir_unit(int directory, char unit[UNIT_SIZE]);

/*
 * Makes the directory @path (0700), marks it as made, and opens it, as piddir_open(), with the mark
 * locked for as long as @lock stays open, which keeps a sweep from removing it. One that is there
 * already is opened as it is; without a mark @lock is -1.
 */
int piddir_make(const char *path, int *lock, const char **why);

/* Whether somebody has removed the open @directory. */
bool piddir_is_removed(int directory);

/*
 * Removes @directory, which is @path: only one that piddir_make() made, that nobody has locked and
 * that holds nothing but the mark and answers (podman.h). False with errno.
 */
bool piddir_remove(int directory, const char *path);

/*
 * Who acts on @path: for root the first other user who owns a directory or a link on the way, or it
 * itself, and could point it elsewhere at any moment; else we.
 */
uid_t piddir_owner(const char *path);

#endif
