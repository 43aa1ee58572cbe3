/* SPDX-License-Identifier: Apache-2.0 */
#include "suspend.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "proc.h"
#include "util.h"

static bool is_job(void)
{
	pid_t parent = getppid();

	return getsid(parent) == getsid(0) && getpgid(parent) != getpgrp();
}

/* Whether a SIGCONT has come that nobody has read: what has stopped is being woken already. */
static bool is_continued(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && sigismember(&pending, SIGCONT) == 1;
}

/* Takes the SIGCONT that has woken us: a shell has sent it to all of its job. */
static void take_continued(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCONT);
	(void)sigtimedwait(&set, NULL, &(struct timespec){0});
}

/* Wakes the command where what woke us has not reached it. */
static void wake(pid_t command)
{
	struct proc_stat stat;

	if (getpgid(command) == command && command != getpgrp())
		(void)kill(-command, SIGCONT);
	else if (proc_stat(command, &stat) && stat.state == 'T')
		(void)kill(command, SIGCONT);
}

void suspend_with(pid_t command, int signal)
{
	_cleanup_close_ int terminal = -1;
	bool has_terminal;

	if (is_continued() || (signal == SIGSTOP && !is_job()))
		return;
	/* the shell gives the terminal to our process group again, and not to the command's */
	terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	has_terminal = terminal >= 0 && tcgetpgrp(terminal) == command;
	(void)raise(SIGSTOP);
	take_continued();
	if (has_terminal && tcgetpgrp(terminal) == getpgrp())
		(void)tcsetpgrp(terminal, command);
	wake(command);
}
