/* SPDX-License-Identifier: Apache-2.0 */
#include "container.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bounds.h"
#include "freezer.h"
#include "identity.h"
#include "log.h"
#include "tombstone.h"
#include "util.h"

#define ROUNDS 20

/* How soon a cancel that asks for another grace is heard. */
#define HEAR_MS 200

/* What else ends with the init is reaped within that, but by who is stopped. */
#define REAPED_MS 200

bool takes_signal(const struct proc_status *status, int signal)
{
	uint64_t bit = 1ULL << (signal - 1);

	if ((status->caught | status->blocked) & bit)
		return true;
	return !status->namespace_init && !(status->ignored & bit);
}

/* The processes of a container without a pid namespace of its own. */
struct members {
	struct run *run;
	ino_t mount_namespace;
	struct handles list;
};

static bool is_member(const struct members *members, pid_t pid)
{
	return (members->mount_namespace &&
		proc_namespace(pid, "mnt") == members->mount_namespace) ||
	       is_of_container(members->run, pid);
}

static bool visit(pid_t pid, void *context)
{
	struct members *members = context;
	struct handle handle;

	if (!is_member(members, pid) || !handle_open(&handle, pid))
		return true;
	return !handle_keep(&handle, is_member(members, pid)) ||
	       handles_add(&members->list, handle);
}

/* Kills all members, and those that they started meanwhile, until there are none. */
static bool end_members(struct members *members)
{
	for (int round = 0; round < ROUNDS; round++) {
		bool whole = proc_each(visit, members);
		size_t found = members->list.count;

		/* what its owner starts anew has the same id, and its conmon was first */
		if (found && run_is_taken(members->run)) {
			handles_close(&members->list);
			return true;
		}
		handles_signal(&members->list, SIGKILL);
		if (found)
			log_ending(members->run);
		(void)handles_wait(&members->list, KILL_MS); /* counted again by the next round */
		handles_close(&members->list);
		if (!found)
			return whole;
	}
	return false;
}

/* Asks @init to end; returns whether it does within the grace, or what a cancel makes of it. */
static bool ask_to_end(const struct run *run, const struct handle *init, int signal)
{
	int64_t asked = boottime_ms();
	int left = run_grace(run);

	if (left) {
		(void)handle_signal(init, signal);  /* dead already is as good */
		(void)handle_signal(init, SIGCONT); /* one that is stopped would not hear it */
	}
	while (left) {
		if (handle_wait(init, left < HEAR_MS ? left : HEAR_MS))
			return true;
		left = ms_until(asked + run_grace(run));
	}
	return false;
}

/*
 * The zombies of a podman exec, which its conmon reaps, or a runtime below that, keep @init from
 * its end: pid_namespaces(7). Wakes who is stopped; kills a conmon whose output nobody takes.
 */
static void end_sessions(const struct run *run, const struct handle *init)
{
	struct handles tree = {0};
	_cleanup_census_ struct census census;

	census_take(run, &census);
	for (size_t i = 0; i < census.session.count; i++)
		descendants_add(&tree, &census.session.item[i]);
	handles_signal(&census.session, SIGCONT);
	handles_signal(&tree, SIGCONT);
	if (!handle_wait(init, PODMAN_MS)) {
		handles_signal(&census.session, SIGKILL);
		handles_signal(&tree, SIGKILL);
	}
	handles_close(&tree);
}

static bool end_init(struct run *run, const struct handle *init, const struct proc_status *status)
{
	int signal = run->stop_signal ? run->stop_signal : SIGTERM;

	freezer_thaw(init, run->cid); /* a paused one hears nothing */
	if (!takes_signal(status, signal) || !ask_to_end(run, init, signal))
		(void)handle_signal(init, SIGKILL); /* dead already is as good */
	log_ending(run);
	if (handle_wait(init, REAPED_MS))
		return true;
	end_sessions(run, init);
	return handle_wait(init, KILL_MS);
}

/* Keeps @pid's mount namespace, and so the number of its inode, from being given anew. */
static int pin_mount_namespace(pid_t pid)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

bool container_end(struct run *run, const struct handle *init)
{
	struct members members = {.run = run};
	struct proc_status status;
	struct stat st;

	if (!proc_status(init->id.pid, &status))
		return handle_wait(init, 0);
	if (status.namespace_init)
		return end_init(run, init, &status);

	_cleanup_close_ int pin = pin_mount_namespace(init->id.pid);
	ino_t ours = proc_namespace(0, "mnt"); /* 0: whose the other is cannot be told */
	if (pin >= 0 && ours && fstat(pin, &st) == 0 && st.st_ino != ours &&
	    handle_signal(init, 0)) /* its pid is its own still */
		members.mount_namespace = st.st_ino;
	bool ended = end_init(run, init, &status);
	return end_members(&members) && ended;
}

bool container_end_rest(struct run *run)
{
	struct members members = {.run = run};

	/* whoever is in its mounts all the same, by nsenter(1), is no part of it */
	if (run->own_pids && run->container.pid && !process_lives(run->container))
		return true;
	return !run->cid[0] || end_members(&members);
}
