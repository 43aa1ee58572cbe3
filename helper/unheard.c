/* SPDX-License-Identifier: Apache-2.0 */
#include "unheard.h"

#include "container.h"
#include "identity.h"
#include "util.h"

static bool is_heard(struct run *run, int signal)
{
	struct proc_status status;
	struct handle init;

	if (signal == UNHEARD_BY_ALL || !container_open(run, &init))
		return false;
	bool heard = proc_status(init.id.pid, &status) && takes_signal(&status, signal);
	handle_close(&init);
	return heard;
}

/* Whether the podman of @run has had the signal. */
static bool was_told(const struct run *run, pid_t command, bool group)
{
	pid_t podman = run->podman.pid;

	return !run->detach && (podman == command || (group && getpgid(podman) == getpgrp())) &&
	       process_lives(run->podman);
}

bool end_unheard(int directory, pid_t command, int signal, bool group)
{
	bool ends = false;
	struct names names;

	if (!names_read(directory, &names))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		struct handle guard;
		char name[RUN_SIZE];
		struct run run;
		const char *why;

		if (file_kind(names.name[i], name) != FILE_RECORD ||
		    !record_open(&run, directory, name, false, &why))
			continue;
		if (was_told(&run, command, group) && !is_heard(&run, signal) &&
		    guard_find(&run, &guard)) {
			(void)handle_ask(&guard); /* ended meanwhile is as good */
			handle_close(&guard);
			ends = ends || run.podman.pid == command;
		}
		run_free(&run);
	}
	names_free(&names);
	return ends;
}
