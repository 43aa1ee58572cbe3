/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a guard: the process that ends a run when one of its holders dies. */
#ifndef PODLEASH_GUARD_H
#define PODLEASH_GUARD_H

#include <signal.h>

#include "record.h"

/* The signals by which a guard is told to end its run. */
void guard_signals(sigset_t *set);

/*
 * Starts a guard for @run, whose record is open and locked: a child of init in a session of its
 * own, which shares the record's file description and so keeps the lock. Returns once it watches,
 * or after two seconds in which it has not failed. False with errno where it could not be started;
 * the caller's own descriptor has the lock as before. @path is the pid directory's, for the guard's
 * command line.
 */
bool guard_start(const struct run *run, const char *path);

/* Starts `podleash sweep PATH`, detached, where another run there has no guard. Best effort. */
void guard_sweep_others(const struct run *run, const char *path);

#endif
