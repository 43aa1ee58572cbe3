/* SPDX-License-Identifier: Apache-2.0 */
#include "stall.h"

#include <signal.h>

#include "bounds.h"
#include "log.h"
#include "util.h"

/* What there is of some processes and their descendants: another sum, and something has moved. */
struct sum {
	const struct handles *roots, *podman;
	uint64_t since; /* the start of the first of them: none below is older */
	uint64_t value;
	size_t below; /* descendants that live */
};

static bool is_below(pid_t pid, const struct handles *roots)
{
	for (size_t i = 0; roots && i < roots->count; i++)
		if (proc_descends(pid, roots->item[i].id.pid) &&
		    handle_alive(&roots->item[i])) /* its pid is its own still */
			return true;
	return false;
}

static bool is_one_of_them(pid_t pid, const struct sum *sum)
{
	return handles_have(sum->roots, pid) || is_below(pid, sum->roots) ||
	       is_below(pid, sum->podman);
}

/* What is stopped below those that clean up keeps them from their end, as if they were. */
static void wake(pid_t pid, const struct sum *sum)
{
	_cleanup_handle_ struct handle handle;

	if (handle_open(&handle, pid) && is_one_of_them(pid, sum))
		(void)handle_signal(&handle, SIGCONT); /* ended meanwhile is as good */
}

static bool add_up(pid_t pid, void *context)
{
	struct sum *sum = context;
	struct proc_stat stat;

	/* most are older: no way up is read for them */
	if (!proc_stat(pid, &stat) || proc_is_dead(&stat) || stat.start < sum->since ||
	    !is_one_of_them(pid, sum))
		return true;
	if (stat.state == 'T')
		wake(pid, sum);
	sum->value += ((uint64_t)pid << 32) + stat.start + stat.cpu;
	sum->below += !handles_have(sum->roots, pid) && is_below(pid, sum->roots);
	return true;
}

static uint64_t first_start(const struct handles *roots)
{
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < roots->count; i++)
		if (roots->item[i].id.start < first)
			first = roots->item[i].id.start;
	return first;
}

bool still_move(struct movement *movement, int alone_ms)
{
	struct sum sum = {.roots = movement->roots,
			  .podman = movement->podman,
			  .since = first_start(movement->roots)};
	int64_t now = boottime_ms();

	(void)proc_each(add_up, &sum); /* what is missed is seen next time, and has moved */
	if (sum.value != movement->last || !movement->moved)
		movement->moved = now;
	movement->last = sum.value;
	return now - movement->moved < (sum.below ? STALL_MS : alone_ms);
}

bool wait_while_they_move(const struct run *run, const struct handles *roots,
			  const struct handles *podman, int alone_ms)
{
	struct movement movement = {.roots = roots, .podman = podman};
	int64_t begun = boottime_ms();
	bool said = false;

	while (!handles_wait(roots, MOVE_MS)) {
		bool slow = boottime_ms() - begun >= SLOW_MS;

		if (!still_move(&movement, alone_ms))
			return false;
		if (!said && slow)
			log_run(run, NULL, "what cleans up after it takes long; waiting for it");
		said = said || slow;
	}
	return true;
}
