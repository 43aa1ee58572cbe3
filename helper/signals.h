/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals that whoever starts us may ignore, or leave to kill us. A program inherits what is
 * ignored, execve(2): podman and the command of `podleash run` get all as we were given it.
 */
#ifndef PODLEASH_SIGNALS_H
#define PODLEASH_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Sets them as we need them, and remembers how they were; once, first of all. */
void signals_take(void);

/* Sets them as they were, or to their defaults. Async-signal-safe. */
void signals_give_back(void);

/* Ends by the signal that a child ended by, whose wait status that is; else returns its status. */
int end_as(int status);

/* A child of ours that works in our place, as another user. */
struct child {
	pid_t pid;  /* -1: there is none */
	int status; /* as wait(2) has it, once it has ended */
	bool ended;
	bool given_up; /* it was stopped, or did not end in time: killed */
};

/* Blocks the signals of children_wait(): before the first child is made. */
void children_block(sigset_t *before);

/*
 * Waits for @children, at most @ms (-1: as long as it takes), and passes SIGHUP, SIGINT and SIGTERM
 * on to them. Returns the last of these that came, or 0.
 */
int children_wait(struct child *children, size_t count, int ms);

#endif
