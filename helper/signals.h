/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals that whoever starts us may ignore, or leave to kill us. A program inherits what is
 * ignored, execve(2): podman and the command of `podleash run` get all as we were given it.
 */
#ifndef PODLEASH_SIGNALS_H
#define PODLEASH_SIGNALS_H

/* Sets them as we need them, and remembers how they were; once, first of all. */
void signals_take(void);

/* Sets them as they were, or to their defaults. Async-signal-safe. */
void signals_give_back(void);

/* Ends by the signal that a child ended by, whose wait status that is; else returns its status. */
int end_as(int status);

#endif
