/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../preload/podman_command.h"
#include "conmon_args.h"
#include "file.h"
#include "guard_fds.h"
#include "util.h"

/* From conmon's start to that of a runtime's last helper. */
#define SESSION_SECONDS 10

/* A process that becomes another program shows no command line for a moment. */
#define EXEC_MS 1000
#define LOOK_MS 5

enum role { ROLE_NONE, ROLE_UNKNOWN, ROLE_PODMAN, ROLE_CONMON, ROLE_RUNTIME };

/* What a look that failed says of a role. */
static enum role no_role(void)
{
	return is_shortage() ? ROLE_UNKNOWN : ROLE_NONE;
}

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

bool container_was_removed(const struct run *run)
{
	return run->remove && run->bundle[0] && access(run->bundle, F_OK) != 0 && errno == ENOENT;
}

/* Whether podman's command line @word has the run's path directly behind `run`. */
static bool is_run_command(const struct run *run, char **word)
{
	size_t at = run->name[0] ? podman_run_index(word) : 0;
	const char *path = at && word[at + 1] ? after(word[at + 1], "--conmon-pidfile=") : NULL;

	return path && run_owns(run, path, CONMON_SUFFIX);
}

static bool is_podman(const struct run *run, const char *exe, const struct words *words)
{
	/* podman.real and its like: what a script in podman's place calls */
	if (!after(exe, "podman") && !equal(exe, path_basename(run->executable)))
		return false;
	return is_run_command(run, words->word);
}

/* Whether @pid is this program, run by our user. */
static bool is_podleash(pid_t pid)
{
	char own[NAME_MAX + 1], exe[NAME_MAX + 1];

	return proc_exe_name(pid, exe) && proc_exe_name(getpid(), own) && equal(own, exe) &&
	       proc_is_of(pid, geteuid());
}

/* podleash hold PATH ARGV0 … run --conmon-pidfile=… */
static bool is_hold(const struct run *run, const struct words *words)
{
	return words->count > 4 && equal(words->word[1], "hold") &&
	       is_run_command(run, words->word + 3);
}

/*
 * Whether this is the interpreter of a script in podman's place, which has one argument of
 * its own at most, execve(2).
 */
static bool is_script(const struct run *run, const struct words *words)
{
	const char *script = path_basename(run->executable);

	for (size_t i = 1; i <= 2 && i < words->count; i++)
		if (equal(path_basename(words->word[i]), script) &&
		    is_run_command(run, words->word + i))
			return true;
	return false;
}

static bool is_conmon(const struct run *run, const char *exe, const struct words *words)
{
	struct conmon_args args;

	if (!equal(exe, "conmon"))
		return false;
	conmon_args_parse(words, &args);
	if (run->cid[0] && !equal(args.cid, run->cid)) /* a restart keeps the id */
		return false;
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
	bool acts = false, ours = false;

	if (!fits_runtime(run, exe, words))
		return false;
	for (size_t i = 1; i < words->count; i++) {
		acts = acts || equal(words->word[i], "create") || equal(words->word[i], "start");
		if (acts && equal(words->word[i - 1], "--pid-file"))
			ours = ours || run_owns(run, words->word[i], CONTAINER_SUFFIX);
	}
	return acts && (ours || (run->cid[0] && equal(words->word[words->count - 1], run->cid)));
}

/*
 * What a runtime that was killed leaves: a member of the session that conmon made for
 * itself, started soon after it and with conmon's environment. The session's number is not
 * given to another process while a member lives; where all had died and it was, none of
 * these three fits by chance.
 */
static bool is_in_session(const struct run *run, pid_t pid)
{
	struct proc_stat stat, leader;
	uint64_t soon = SESSION_SECONDS * (uint64_t)sysconf(_SC_CLK_TCK);

	if (!run->conmon.pid || pid == run->conmon.pid || !proc_stat(pid, &stat) ||
	    stat.session != run->conmon.pid || stat.start < run->conmon.start ||
	    stat.start > run->conmon.start + soon || !proc_is_from_conmon(pid))
		return false;
	return !proc_stat(run->conmon.pid, &leader) || leader.start == run->conmon.start;
}

/* The role that program and command line fit. */
static enum role fitting_role(const struct run *run, const char *exe, const struct words *words)
{
	if (is_podman(run, exe, words))
		return ROLE_PODMAN;
	if (is_conmon(run, exe, words))
		return ROLE_CONMON;
	return is_runtime(run, exe, words) ? ROLE_RUNTIME : ROLE_NONE;
}

/* Whose it is comes last: status is the dearest to read, and most processes fit no role. */
static enum role role_of(const struct run *run, pid_t pid)
{
	char exe[NAME_MAX + 1];
	struct words words;
	enum role role;

	errno = 0; /* an empty command line sets none */
	if (!proc_exe_name(pid, exe) || !proc_cmdline(pid, &words))
		return no_role();
	/* once there is a container, podman's cleanup is in that session as well */
	if (!container_was_made(run) && is_in_session(run, pid))
		role = ROLE_RUNTIME;
	else
		role = fitting_role(run, exe, &words);
	words_free(&words);
	errno = 0;
	return role == ROLE_NONE || proc_is_of(pid, geteuid()) ? role : no_role();
}

/* Opens @pid where it has @wanted in @run (ROLE_NONE: any). Returns its role; closed where it has
 * none. */
static enum role open_in_role(const struct run *run, pid_t pid, enum role wanted,
			      struct handle *handle)
{
	enum role role;

	if (!handle_open(handle, pid))
		return no_role();
	role = role_of(run, pid);
	/* a pid file of the user's own choice may name another run's: ours came after podman */
	if (role == ROLE_CONMON && handle->id.start < run->podman.start)
		role = ROLE_NONE;
	if (role > ROLE_UNKNOWN && (wanted == ROLE_NONE || role == wanted) && handle_alive(handle))
		return role;
	handle_close(handle);
	return role == ROLE_UNKNOWN ? role : ROLE_NONE;
}

/* Waits out the moment in which @handle's process becomes another program. */
static bool read_cmdline(const struct handle *handle, struct words *words)
{
	int64_t deadline = boottime_ms() + EXEC_MS;

	while (!proc_cmdline(handle->id.pid, words))
		if (!ms_until(deadline) || handle_wait(handle, LOOK_MS))
			return false;
	return true;
}

bool podman_open(const struct run *run, struct handle *podman)
{
	pid_t pid = run->podman.pid;
	char exe[NAME_MAX + 1];
	struct words words;
	bool proven = false;

	if (!pid || !handle_open_exact(podman, run->podman))
		return false;
	if (read_cmdline(podman, &words)) {
		proven = proc_is_of(pid, geteuid()) && proc_exe_name(pid, exe) &&
			 (is_podman(run, exe, &words) || is_script(run, &words) ||
			  (is_podleash(pid) && is_hold(run, &words))) &&
			 handle_alive(podman);
		words_free(&words);
	}
	if (!proven)
		handle_close(podman);
	return proven;
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
	case ROLE_UNKNOWN:
		census->unsure = true;
		break;
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
	/* also while it is hold still, or a script that calls podman */
	errno = 0;
	if (podman_open(run, &handle))
		(void)handles_add(&census->podman, handle); /* short of memory: found below */
	else
		census->unsure = is_shortage();
	if (!proc_each(visit, &search))
		census->unsure = true;
}

bool census_empty(const struct census *census)
{
	return !census->podman.count && !census->conmon.count && !census->runtime.count &&
	       !census->unsure;
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
	run->conmon_is_proven = true;
	run->container = (struct process){0};
	run->container_is_proven = false;
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

bool conmon_open(const struct run *run, struct handle *conmon)
{
	if (run->conmon_is_proven)
		return handle_open_exact(conmon, run->conmon);
	if (!run->conmon.pid ||
	    open_in_role(run, run->conmon.pid, ROLE_CONMON, conmon) != ROLE_CONMON)
		return false;
	if (conmon->id.start == run->conmon.start)
		return true;
	handle_close(conmon);
	return false;
}

/* Whether the recorded conmon lives, is one, and has @pid below it. */
static bool is_below_conmon(const struct run *run, pid_t pid)
{
	struct handle conmon;

	if (!conmon_open(run, &conmon))
		return false;
	/* conmon takes in its descendants' orphans: PR_SET_CHILD_SUBREAPER, conmon src/conmon.c */
	bool below = proc_descends(pid, run->conmon.pid) && handle_alive(&conmon);
	handle_close(&conmon);
	return below;
}

static bool is_container(const struct run *run, const struct handle *handle)
{
	pid_t pid = handle->id.pid;

	return (proc_in_container(pid, run->cid) || is_below_conmon(run, pid)) &&
	       handle_alive(handle);
}

bool learn_container(struct run *run)
{
	struct draft draft = {0};
	struct handle handle;

	if (run->container.pid)
		return true;
	errno = 0;
	pid_t pid = read_pid(run, run->pidfile, CONTAINER_SUFFIX);
	if (!pid || !handle_open(&handle, pid))
		return false;
	errno = 0;
	if (is_container(run, &handle)) {
		run->container = handle.id;
		run->container_is_proven = true;
		draft_add_process(&draft, "container", run->container, NULL);
		(void)record_append(run, &draft); /* as above */
	}
	handle_close(&handle);
	return run->container.pid != 0;
}

bool container_open(struct run *run, struct handle *handle)
{
	*handle = HANDLE_NONE;
	if (!learn_container(run) || !handle_open_exact(handle, run->container))
		return false;
	errno = 0;
	if (run->container_is_proven || is_container(run, handle))
		return true;
	handle_close(handle);
	if (is_shortage())
		return false;
	/* the record is not right: the pid file may be */
	run->container = (struct process){0};
	return learn_container(run) && handle_open_exact(handle, run->container);
}

/* Whether @pid is a guard of ours; writes the path of its record, and the name of its run. */
static bool is_guard(pid_t pid, char record[PATH_MAX], char name[RUN_SIZE])
{
	struct words words;
	bool proven;

	if (!is_podleash(pid) || !proc_cmdline(pid, &words))
		return false;
	proven = words.count == 3 && equal(words.word[1], "guard") &&
		 snprintf(record, PATH_MAX, "%s", words.word[2]) < PATH_MAX &&
		 strchr(record, '/') && file_kind(path_basename(record), name) == FILE_RECORD;
	words_free(&words);
	return proven;
}

bool guard_open(const struct run *run, struct handle *guard)
{
	char record[PATH_MAX], name[RUN_SIZE];

	if (!run->guard.pid || !handle_open_exact(guard, run->guard))
		return false;
	if (is_guard(run->guard.pid, record, name) && equal(name, run->name) && handle_alive(guard))
		return true;
	handle_close(guard);
	return false;
}

bool hold_open(const struct run *run, struct handle *hold)
{
	struct words words;
	bool proven = false;

	if (!run->podman.pid || !handle_open_exact(hold, run->podman))
		return false;
	if (is_podleash(run->podman.pid) && proc_cmdline(run->podman.pid, &words)) {
		proven = is_hold(run, &words) && handle_alive(hold);
		words_free(&words);
	}
	if (!proven)
		handle_close(hold);
	return proven;
}

struct guard_search {
	int directory;
	const char *path;
	guard_found *found;
	void *context;
};

/* Whether a path means the same to @pid: in a container or a chroot it does not. */
static bool shares_paths(pid_t pid)
{
	ino_t mounts = proc_namespace(pid, "mnt");
	bool known;

	return mounts && mounts == proc_namespace(0, "mnt") && proc_shares_root(pid, &known);
}

/*
 * Whether @pid has the directory open where a guard has its own, or guards @record at its path:
 * another directory may be there by now.
 */
static bool guards_there(const struct guard_search *search, pid_t pid, const char *record)
{
	size_t length = strlen(search->path);
	struct stat theirs, ours;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, GUARD_FD_DIRECTORY);
	if (stat(path, &theirs) == 0 && fstat(search->directory, &ours) == 0 &&
	    theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino)
		return true;
	return strncmp(record, search->path, length) == 0 &&
	       record + length + 1 == path_basename(record) && shares_paths(pid);
}

static bool visit_guard(pid_t pid, void *context)
{
	const struct guard_search *search = context;
	char record[PATH_MAX], name[RUN_SIZE];
	struct handle guard;
	struct run run;

	if (!is_guard(pid, record, name) || !handle_open(&guard, pid))
		return true;
	run_init(&run, search->directory, name);
	/* once more, with the handle held: the pid has not gone to another process */
	if (is_guard(pid, record, name) && equal(name, run.name) &&
	    guards_there(search, pid, record) && handle_alive(&guard))
		search->found(&run, guard, search->context);
	else
		handle_close(&guard);
	return true;
}

void guard_each(int directory, const char *path, guard_found *found, void *context)
{
	struct guard_search search = {directory, path, found, context};

	(void)proc_each(visit_guard, &search); /* one that is missed is asked for again */
}

struct pick {
	const char *name;
	struct handle guard;
};

static void pick(struct run *run, struct handle guard, void *context)
{
	struct pick *picked = context;

	if (equal(run->name, picked->name) && !picked->guard.id.pid)
		picked->guard = guard;
	else
		handle_close(&guard);
}

bool guard_find(const struct run *run, struct handle *guard)
{
	struct pick picked = {run->name, HANDLE_NONE};

	if (guard_open(run, guard))
		return true;
	guard_each(run->directory, "", pick, &picked);
	*guard = picked.guard;
	return guard->id.pid != 0;
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

	(void)proc_each(visit_descendant, &descent); /* the next look finds what was missed */
}
