/* SPDX-License-Identifier: Apache-2.0 */
#include "passed_on.h"

#include <sys/signalfd.h>

#include "util.h"

static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

int passed_on_open(sigset_t *before)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		(void)sigaddset(&set, passed_on[i]);
	(void)sigprocmask(SIG_BLOCK, &set, before);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* Whether a terminal has sent it, to the command too: a session's leader alone gets a hangup. */
static bool has_reached(const struct signalfd_siginfo *info, pid_t command)
{
	return info->ssi_code == SI_KERNEL && getpgid(command) == getpgrp() &&
	       !(info->ssi_signo == SIGHUP && getsid(0) == getpid());
}

static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool passed_on_read(int fd, pid_t command, struct passed_on *signal)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info) || info.ssi_signo == SIGCHLD)
		return false;
	signal->number = (int)info.ssi_signo;
	signal->by_kernel = info.ssi_code == SI_KERNEL;
	signal->reached = has_reached(&info, command);
	signal->was_ignored = is_ignored(signal->number);
	return true;
}
