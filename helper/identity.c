/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include <fcntl.h>
#include <stdio.h>

#include "../preload/podman_command.h"
#include "conmon_args.h"
#include "util.h"

enum role { ROLE_NONE, ROLE_PODMAN, ROLE_CONMON, ROLE_RUNTIME };

/* Reads the pid in a pid file of the run; 0 where there is none. */
static pid_t read_pid(const struct run *run, const char *path, const char *suffix)
{
	char own[RUN_SIZE + 16], full[PATH_MAX];

	if (!path[0])
		return 0;
	if (run_owns(run, path, suffix)) {
		/* by the open directory: it may have been renamed meanwhile */
		(void)snprintf(own, sizeof(own), "%s%s", run->name, suffix);
		return read_pid_file(run->directory, own);
	}
	int length = snprintf(full, sizeof(full), "%s%s%s", path[0] == '/' ? "" : run->cwd,
			      path[0] == '/' ? "" : "/", path);
	return length < (int)sizeof(full) ? read_pid_file(AT_FDCWD, full) : 0;
}

bool container_was_made(const struct run *run)
{
	return run->container.pid || read_pid(run, run->pidfile, CONTAINER_SUFFIX);
}

static bool is_podman(const struct run *run, const char *exe, const struct words *words)
{
	size_t at = run->name[0] ? podman_run_index(words->word) : 0;
	const char *path = at ? words->word[at + 1] : NULL;

	if (!equal(exe, "podman") && !equal(exe, path_basename(run->executable)))
		return false;
	path = path ? after(path, "--conmon-pidfile=") : NULL;
	return path && run_owns(run, path, CONMON_SUFFIX);
}

static bool is_conmon(const struct run *run, const char *exe, const struct words *words)
{
	struct conmon_args args;

	if (!equal(exe, "conmon"))
		return false;
	conmon_args_parse(words, &args);
	if (run->cid[0]) /* a restart keeps the id */
		return equal(args.cid, run->cid);
	if (run->container_name[0] && !equal(args.name, run->container_name))
		return false;
	if (run_owns(run, run->conmon_pidfile, CONMON_SUFFIX))
		return equal(args.conmon_pidfile, run->conmon_pidfile);
	if (run_owns(run, run->pidfile, CONTAINER_SUFFIX))
		return equal(args.pidfile, run->pidfile);
	/* both are the user's own: another run may carry one of them, hardly both */
	return equal(args.conmon_pidfile, run->conmon_pidfile) && equal(args.pidfile, run->pidfile);
}

/* The program of a runtime: itself, or the interpreter of a runtime that is a script. */
static bool fits_runtime(const struct run *run, const char *exe, const struct words *words)
{
	if (!run->runtime[0])
		return equal(exe, "runc") || equal(exe, "crun");
	return equal(exe, path_basename(run->runtime)) ||
	       (words->count > 1 && equal(words->word[1], run->runtime));
}

static bool is_runtime(const struct run *run, const char *exe, const struct words *words)
{
	bool create = false, ours = false;

	if (!fits_runtime(run, exe, words))
		return false;
	for (size_t i = 1; i < words->count; i++) {
		create = create || equal(words->word[i], "create");
		if (create && equal(words->word[i - 1], "--pid-file"))
			ours = ours || run_owns(run, words->word[i], CONTAINER_SUFFIX);
	}
	return create && (ours || (run->cid[0] && equal(words->word[words->count - 1], run->cid)));
}

/*
 * What a runtime that was killed leaves: a member of the session that conmon made
 * for itself. Its number is not given to another process while a member lives; it
 * may be ours only while no living process other than conmon has it.
 */
static bool is_in_session(const struct run *run, pid_t pid)
{
	struct proc_stat stat, leader;

	if (!run->conmon.pid || pid == run->conmon.pid || !proc_stat(pid, &stat) ||
	    stat.session != run->conmon.pid || stat.start < run->conmon.start)
		return false;
	return !proc_stat(run->conmon.pid, &leader) || leader.start == run->conmon.start;
}

static enum role role_of(const struct run *run, pid_t pid)
{
	enum role role = ROLE_NONE;
	char exe[NAME_MAX + 1];
	struct words words;

	if (proc_uid(pid) != geteuid() || !proc_exe_name(pid, exe) || !proc_cmdline(pid, &words))
		return ROLE_NONE;
	/* once there is a container, podman's cleanup is in that session as well */
	if (!container_was_made(run) && is_in_session(run, pid)) {
		words_free(&words);
		return ROLE_RUNTIME;
	}
	if (is_podman(run, exe, &words))
		role = ROLE_PODMAN;
	else if (is_conmon(run, exe, &words))
		role = ROLE_CONMON;
	else if (is_runtime(run, exe, &words))
		role = ROLE_RUNTIME;
	words_free(&words);
	return role;
}

/* Opens @pid where it has @wanted in @run (ROLE_NONE: any). Returns its role; closed where it has
 * none. */
static enum role open_in_role(const struct run *run, pid_t pid, enum role wanted,
			      struct handle *handle)
{
	enum role role;

	if (!handle_open(handle, pid))
		return ROLE_NONE;
	role = role_of(run, pid);
	/* a pid file of the user's own choice may name another run's: ours came after podman */
	if (role == ROLE_CONMON && handle->id.start < run->podman.start)
		role = ROLE_NONE;
	if (role != ROLE_NONE && (wanted == ROLE_NONE || role == wanted) && handle_alive(handle))
		return role;
	handle_close(handle);
	return ROLE_NONE;
}

struct search {
	const struct run *run;
	struct census *census;
};

static bool visit(pid_t pid, void *context)
{
	struct search *search = context;
	struct census *census = search->census;
	struct handle handle;

	/* most processes are another user's, or fit no role: no handle is opened for them */
	if (role_of(search->run, pid) == ROLE_NONE || handles_have(&census->podman, pid) ||
	    handles_have(&census->conmon, pid))
		return true;
	switch (open_in_role(search->run, pid, ROLE_NONE, &handle)) {
	case ROLE_PODMAN:
		return handles_add(&census->podman, handle);
	case ROLE_CONMON:
		return handles_add(&census->conmon, handle);
	case ROLE_RUNTIME:
		return handles_add(&census->runtime, handle);
	case ROLE_NONE:
		break;
	}
	return true;
}

void census_take(const struct run *run, struct census *census)
{
	struct search search = {run, census};
	struct handle handle;

	*census = (struct census){0};
	/* by (pid, start): also while it is hold still, or a script that calls podman */
	if (run->podman.pid && handle_open_exact(&handle, run->podman))
		(void)handles_add(&census->podman, handle); /* short of memory: found below */
	if (run->conmon.pid && handle_open_exact(&handle, run->conmon))
		(void)handles_add(&census->conmon, handle);
	proc_each(visit, &search);
}

bool census_empty(const struct census *census)
{
	return !census->podman.count && !census->conmon.count && !census->runtime.count;
}

void census_free(struct census *census)
{
	handles_close(&census->podman);
	handles_close(&census->conmon);
	handles_close(&census->runtime);
}

/* Takes over what conmon's command line tells: the container's id, and how podman cleans up. */
static void take_args(struct run *run, const struct conmon_args *args, struct draft *draft)
{
	run->cid = args->cid;
	run->runtime = args->runtime;
	run->bundle = args->bundle;
	run->cleanups = args->cleanups;
	memcpy(run->cleanup, args->cleanup, sizeof(args->cleanup));
	if (!run->pidfile[0]) { /* a podman without --pidfile lets conmon use one of its own */
		run->pidfile = args->pidfile;
		draft_add(draft, "pidfile", run->pidfile);
	}
	if (run->cid[0])
		draft_add(draft, "cid", run->cid);
	draft_add(draft, "runtime", run->runtime);
	draft_add(draft, "bundle", run->bundle);
	for (size_t i = 0; i < run->cleanups; i++)
		draft_add(draft, "cleanup", run->cleanup[i]);
}

bool learn_from(struct run *run, const struct handle *conmon)
{
	struct conmon_args args;
	struct draft draft = {0};

	/* after a restart it is another process with the same command line */
	if (!run->conmon.pid) {
		struct words words;

		if (!proc_cmdline(conmon->id.pid, &words))
			return false;
		if (!handle_alive(conmon)) {
			words_free(&words);
			return false;
		}
		run->learned = words;
		conmon_args_parse(&run->learned, &args);
		take_args(run, &args, &draft);
	}
	run->conmon = conmon->id;
	run->container = (struct process){0};
	draft_add_process(&draft, "conmon", run->conmon, NULL);
	/* a full disk costs a later reaper this knowledge, not this one */
	(void)record_append(run, &draft);
	return true;
}

bool learn_conmon(struct run *run)
{
	pid_t pid = read_pid(run, run->conmon_pidfile, CONMON_SUFFIX);
	struct handle handle;

	if (pid && pid != run->conmon.pid &&
	    open_in_role(run, pid, ROLE_CONMON, &handle) == ROLE_CONMON) {
		(void)learn_from(run, &handle); /* it may have ended while it was asked */
		handle_close(&handle);
	}
	return run->conmon.pid != 0;
}

bool learn_container(struct run *run)
{
	struct draft draft = {0};
	struct handle handle;
	struct handle conmon = HANDLE_NONE;
	bool proven;

	if (run->container.pid)
		return true;
	if (!handle_open(&handle, read_pid(run, run->pidfile, CONTAINER_SUFFIX)))
		return false;
	/* conmon takes in its descendants' orphans: PR_SET_CHILD_SUBREAPER, conmon src/conmon.c */
	proven = (run->conmon.pid && handle_open_exact(&conmon, run->conmon) &&
		  proc_descends(handle.id.pid, run->conmon.pid) && handle_alive(&conmon)) ||
		 proc_in_cgroup(handle.id.pid, run->cid);
	if (proven && handle_alive(&handle)) {
		run->container = handle.id;
		draft_add_process(&draft, "container", run->container, NULL);
		(void)record_append(run, &draft); /* as above */
	}
	handle_close(&conmon);
	handle_close(&handle);
	return run->container.pid != 0;
}

bool guard_open(const struct run *run, struct handle *guard)
{
	char own[NAME_MAX + 1], exe[NAME_MAX + 1];
	struct words words;
	bool proven;

	if (!run->guard.pid || !handle_open_exact(guard, run->guard))
		return false;
	proven = proc_uid(run->guard.pid) == geteuid() && proc_exe_name(getpid(), own) &&
		 proc_exe_name(run->guard.pid, exe) && equal(own, exe) &&
		 proc_cmdline(run->guard.pid, &words);
	if (proven) {
		proven = words.count == 3 && equal(words.word[1], "guard") &&
			 run_owns(run, words.word[2], RECORD_SUFFIX) && handle_alive(guard);
		words_free(&words);
	}
	if (!proven)
		handle_close(guard);
	return proven;
}

struct descent {
	struct handles *list;
	const struct handle *ancestor;
};

static bool visit_descendant(pid_t pid, void *context)
{
	struct descent *descent = context;
	pid_t ancestor = descent->ancestor->id.pid;
	struct handle handle;

	if (!proc_descends(pid, ancestor) || handles_have(descent->list, pid) ||
	    !handle_open(&handle, pid))
		return true;
	/* once more, with both held: neither pid has gone to another process */
	if (proc_descends(pid, ancestor) && handle_alive(&handle) &&
	    handle_alive(descent->ancestor))
		return handles_add(descent->list, handle);
	handle_close(&handle);
	return true;
}

void descendants_add(struct handles *list, const struct handle *ancestor)
{
	struct descent descent = {list, ancestor};

	proc_each(visit_descendant, &descent);
}
