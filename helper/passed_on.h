/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `podleash run` hears in its command's place, and passes on to it: every signal but those
 * that nobody can take, SIGCHLD and SIGPIPE, and what tells a process of its own fault.
 */
#ifndef PODLEASH_PASSED_ON_H
#define PODLEASH_PASSED_ON_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct passed_on {
	int number;
	bool by_kernel;	  /* not by a process: a terminal, or a timer of ours, has sent it */
	bool reached;	  /* a terminal has sent it to the command as well */
	bool was_ignored; /* when `podleash run` started: it is the command's affair alone */
};

/*
 * Blocks them and SIGCHLD: blocked, one that is ignored comes as well. *@before was the mask
 * before. Returns a signalfd(2) that does not wait, or -1 with errno.
 */
int passed_on_open(sigset_t *before);

/*
 * Reads the next. False where there is none to pass on. What @command itself has sent is none: it
 * has sent it to our whole group, or means who started it.
 */
bool passed_on_read(int fd, pid_t command, struct passed_on *signal);

/* Whether this process has a terminal. One that was lost is taken from all of its session first,
 * and then they get SIGHUP, from the kernel or from the shell that leads it. */
bool has_terminal(void);

#endif
