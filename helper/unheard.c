/* SPDX-License-Identifier: Apache-2.0 */
#include "unheard.h"

#include "container.h"
#include "identity.h"
#include "util.h"

/* Whether podman was started to ignore it. */
static bool is_ignored(const struct run *run, int signal)
{
	return run->ignored & (1ULL << (signal - 1));
}

static bool is_heard(struct run *run, int signal)
{
	_cleanup_handle_ struct handle init = HANDLE_NONE;
	struct proc_status status;

	return container_open(run, &init) && proc_status(init.id.pid, &status) &&
	       takes_signal(&status, signal);
}

/* Whether the podman of @run has had the signal. */
static bool was_told(const struct run *run, pid_t command, bool group)
{
	pid_t podman = run->podman.pid;

	return !run->detach && (podman == command || (group && getpgid(podman) == getpgrp())) &&
	       process_lives(run->podman);
}

/* Has the guard end the run, where podman has the signal in vain; returns whose podman that is. */
static pid_t end_one(int directory, const char *name, pid_t command, const struct passed_on *signal,
		     bool last)
{
	_cleanup_handle_ struct handle guard = HANDLE_NONE;
	_cleanup_run_ struct run run;
	const char *why;

	if (!record_open(&run, directory, name, false, &why) ||
	    !was_told(&run, command, signal->by_kernel) || is_ignored(&run, signal->number) ||
	    (!last && is_heard(&run, signal->number)) || !guard_find(&run, &guard))
		return 0;
	(void)handle_signal(&guard, SIGTERM); /* ended meanwhile is as good */
	(void)handle_signal(&guard, SIGCONT);
	return run.podman.pid;
}

bool end_unheard(int directory, pid_t command, const struct passed_on *signal, bool last)
{
	_cleanup_names_ struct names names;
	char name[RUN_SIZE];
	bool ends = false;

	if (!names_read(directory, &names))
		return false;
	for (size_t i = 0; i < names.count; i++)
		if (file_kind(names.name[i], name) == FILE_RECORD &&
		    end_one(directory, name, command, signal, last) == command)
			ends = true;
	return ends;
}
