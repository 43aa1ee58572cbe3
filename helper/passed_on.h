/* SPDX-License-Identifier: Apache-2.0 */
/* What `podleash run` hears in its command's place, and passes on to it. */
#ifndef PODLEASH_PASSED_ON_H
#define PODLEASH_PASSED_ON_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct passed_on {
	int number;
	bool by_kernel;	  /* not by a process: a terminal has sent it */
	bool reached;	  /* a terminal has sent it to the command as well */
	bool was_ignored; /* when `podleash run` started: it is the command's affair alone */
};

/*
 * Blocks them and SIGCHLD, so that one that is ignored comes as well; *@before is the mask that the
 * command is to have. Returns a signalfd(2), which does not block, or -1 with errno.
 */
int passed_on_open(sigset_t *before);

/* Reads the next. False where there is none, or it is SIGCHLD. */
bool passed_on_read(int fd, pid_t command, struct passed_on *signal);

#endif
