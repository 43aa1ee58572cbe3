/* SPDX-License-Identifier: Apache-2.0 */
#include "signals.h"

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

static sigset_t childrens(void)
{
	static const int passed_on[] = {SIGHUP, SIGINT, SIGTERM};
	struct sigaction action;
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++) /* what we ignore they ignore as well */
		if (sigaction(passed_on[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			(void)sigaddset(&set, passed_on[i]);
	return set;
}

void children_block(sigset_t *before)
{
	sigset_t set = childrens();

	(void)sigprocmask(SIG_BLOCK, &set, before);
}

/* Whether it is waited for no more. Its user may stop it, which must not stop us. */
static bool is_done(struct child *child, bool late)
{
	if (child->pid <= 0 || child->ended || child->given_up)
		return true;
	bool changed = waitpid(child->pid, &child->status, WNOHANG | WUNTRACED) != 0;
	bool stopped = changed && WIFSTOPPED(child->status);

	child->ended = changed && !stopped;
	child->given_up = stopped || (late && !changed);
	if (child->given_up)
		(void)kill(child->pid, SIGKILL); /* not waited for yet: it is our child */
	return child->ended || child->given_up;
}

int children_wait(struct child *children, size_t count, int ms)
{
	int64_t deadline = boottime_ms() + ms;
	sigset_t set = childrens();
	int told = 0;

	for (;;) {
		bool late = ms >= 0 && !ms_until(deadline), done = true;

		for (size_t i = 0; i < count; i++)
			done = is_done(&children[i], late) && done;
		if (done)
			return told;
		int left = ms < 0 ? 3600000 : ms_until(deadline);
		struct timespec time = {left / 1000, left % 1000 * 1000000L};
		int signal = sigtimedwait(&set, NULL, &time);
		told = signal > 0 && signal != SIGCHLD ? signal : told;
		for (size_t i = 0; signal > 0 && signal != SIGCHLD && i < count; i++)
			if (!children[i].ended && !children[i].given_up && children[i].pid > 0)
				(void)kill(children[i].pid, signal);
	}
}
