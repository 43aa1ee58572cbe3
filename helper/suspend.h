/* SPDX-License-Identifier: Apache-2.0 */
/* Job control: who waits for `podleash run` sees that its command has stopped. */
#ifndef PODLEASH_SUSPEND_H
#define PODLEASH_SUSPEND_H

#include <sys/types.h>

/*
 * To be called when our child @command has been stopped by @signal. Where that is a job's affair
 * stops this process as well, so that the shell that has started it gives its prompt back;
 * continued, by SIGCONT, it wakes the command, and returns.
 *
 * A job's affair is what a terminal stops by, and any stop where our parent is a shell with job
 * control: of our session, and not of our process group. Elsewhere nobody would continue us:
 * SIGSTOP comes from a debugger or cpulimit then. SIGCONT has to be blocked.
 */
void suspend_with(pid_t command, int signal);

#endif
