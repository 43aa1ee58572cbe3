/* SPDX-License-Identifier: Apache-2.0 */
#include "passed_on.h"

#include <fcntl.h>
#include <sys/signalfd.h>

#include "util.h"

static const int kept[] = {SIGPIPE, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGXFSZ};

/* What a terminal sends, to its foreground process group. */
static const int of_terminal[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTSTP,
				  SIGTTIN, SIGTTOU, SIGCONT, SIGWINCH};

static bool is_of_terminal(int number)
{
	for (size_t i = 0; i < ARRAY_SIZE(of_terminal); i++)
		if (of_terminal[i] == number)
			return true;
	return false;
}

int passed_on_open(sigset_t *before)
{
	sigset_t set;

	(void)sigfillset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		(void)sigdelset(&set, kept[i]);
	(void)sigprocmask(SIG_BLOCK, &set, before);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* Whether a terminal has sent it, to the command too: a session's leader alone gets a hangup. */
static bool has_reached(const struct passed_on *signal, pid_t command)
{
	return signal->by_kernel && is_of_terminal(signal->number) &&
	       getpgid(command) == getpgrp() &&
	       !(signal->number == SIGHUP && getsid(0) == getpid());
}

static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool passed_on_read(int fd, pid_t command, struct passed_on *signal)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info) || info.ssi_signo == SIGCHLD ||
	    info.ssi_pid == (uint32_t)command)
		return false;
	signal->number = (int)info.ssi_signo;
	signal->by_kernel = info.ssi_code == SI_KERNEL;
	signal->reached = has_reached(signal, command);
	signal->was_ignored = is_ignored(signal->number);
	return true;
}

bool has_terminal(void)
{
	_cleanup_close_ int terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

	return terminal >= 0;
}
