/* SPDX-License-Identifier: Apache-2.0 */
#include "signals.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "util.h"

static const struct {
	int number;
	void (*ours)(int number);
} taken[] = {
	{SIGCHLD, SIG_DFL}, /* ignored, it would keep our children's status from us */
	{SIGPIPE, SIG_IGN}, /* who reads what we print may go; what we do goes on */
	{SIGXFSZ, SIG_IGN}, /* the log may be longer than what the job may write */
};

static bool was_ignored[ARRAY_SIZE(taken)];

void signals_take(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		was_ignored[i] = signal(taken[i].number, taken[i].ours) == SIG_IGN;
}

void signals_give_back(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		(void)signal(taken[i].number, was_ignored[i] ? SIG_IGN : SIG_DFL);
}

int end_as(int status)
{
	struct rlimit no_core = {0, 0};
	sigset_t set;

	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	(void)setrlimit(RLIMIT_CORE, &no_core); /* the child has left its own */
	(void)signal(WTERMSIG(status), SIG_DFL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, WTERMSIG(status));
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}
