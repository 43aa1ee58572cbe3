/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include <fcntl.h>
#include <stdio.h>

#include "../preload/podman_command.h"
#include "bundle.h"
#include "conmon_args.h"
#include "file.h"
#include "guard_fds.h"
#include "run_flags.h"
#include "util.h"

/* A process that becomes another program shows no command line for a moment. */
#define EXEC_MS 1000
#define LOOK_MS 5

/* What podman takes for an id at least, and prints. */
#define SHORT_ID 12

/* From conmon down to the container init while that is made: the runtime and its stages. */
#define CONMON_DEPTH 8

enum role {
	ROLE_NONE,
	ROLE_UNKNOWN,
	ROLE_PODMAN,
	ROLE_EARLY,
	ROLE_CONMON,
	ROLE_RUNTIME,
	ROLE_CLEANUP,
	ROLE_SESSION,
	ROLE_STARTER,
	ROLE_NAMESAKE
};

/* What a look that failed says of a role. */
static enum role no_role(void)
{
	return is_shortage() ? ROLE_UNKNOWN : ROLE_NONE;
}

/* What a file of the run's holds: an id, or a pid. */
#define FILE_LIMIT (CID_SIZE - 1)

/*
 * Reads the run's file @path: by its name in the run's directory where it is podleash's own, since
 * that may have been renamed meanwhile; else behind the working directory. NULL where there is
 * none, or one that holds more. Owned by the caller.
 */
static char *read_file_of(const struct run *run, const char *path, const char *suffix, size_t *size)
{
	bool own = run_owns(run, path, suffix), absolute = path[0] == '/';
	char full[PATH_MAX];
	int length = own ? snprintf(full, PATH_MAX, "%s%s", run->name, suffix)
			 : snprintf(full, PATH_MAX, "%s%s%s", absolute ? "" : run->cwd,
				    absolute ? "" : "/", path);

	if (!path[0] || length >= PATH_MAX)
		return NULL;
	return read_own_file(own ? run->directory : AT_FDCWD, full, FILE_LIMIT, size);
}

/* Reads the pid in a pid file of the run; 0 where there is none. */
static pid_t read_pid(const struct run *run, const char *path, const char *suffix)
{
	size_t size;
	_cleanup_free_ char *text = read_file_of(run, path, suffix, &size);

	return text ? proc_parse_pid(text, size) : 0;
}

/* Reads an id; false where there is none, or half of one, or nothing (a full disk). */
static bool read_cid(const struct run *run, char cid[CID_SIZE])
{
	_cleanup_free_ char *text = read_file_of(run, run->cidfile, ID_SUFFIX, NULL);

	if (!text || !cid_valid(text))
		return false;
	memcpy(cid, text, CID_SIZE);
	return true;
}

bool has_no_id(const struct run *run)
{
	_cleanup_free_ char *text = read_file_of(run, run->cidfile, ID_SUFFIX, NULL);

	return text && !text[0];
}

bool id_is_lost(const struct run *run)
{
	return !run_owns(run, run->cidfile, ID_SUFFIX) &&
	       (run->conmon_pidfile[0] ? read_pid(run, run->conmon_pidfile, CONMON_SUFFIX) != 0
				       : !process_lives(run->podman));
}

bool read_foreign_cid(const struct run *run, char cid[CID_SIZE])
{
	return !run_owns(run, run->cidfile, ID_SUFFIX) && read_cid(run, cid);
}

void learn_cid(struct run *run)
{
	char cid[CID_SIZE];

	if (!run->cid[0] && run_owns(run, run->cidfile, ID_SUFFIX) && read_cid(run, cid))
		run_set_cid(run, cid);
}

bool container_was_made(const struct run *run)
{
	return run->container.pid || read_pid(run, run->pidfile, CONTAINER_SUFFIX);
}

bool container_was_removed(const struct run *run)
{
	return run->bundle[0] && access(run->bundle, F_OK) != 0 && errno == ENOENT;
}

/*
 * Whether podman's command line @word has @flag behind `run`, with the run's file: directly, or
 * behind what a script in podman's place has put in.
 */
static bool is_run_command(const struct run *run, char **word, const char *flag, const char *suffix)
{
	size_t at = run->name[0] ? podman_run_index(word) : 0;
	struct run_flags flags;

	if (!at)
		return false;
	run_flags_parse(word, at, &flags);
	while (++at < flags.image) {
		const char *path = after(word[at], flag);

		if (path && run_owns(run, path, suffix))
			return true;
	}
	return false;
}

static bool is_podman_run(const struct run *run, char **word)
{
	return is_run_command(run, word, "--cidfile=", ID_SUFFIX);
}

static bool is_podman(const struct run *run, const char *exe, const struct words *words)
{
	/* podman.real and its like: what a script in podman's place calls */
	if (!after(exe, "podman") && !equal(exe, path_basename(run->executable)))
		return false;
	return is_podman_run(run, words->word);
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
	       is_run_command(run, words->word + 3, "--conmon-pidfile=", CONMON_SUFFIX);
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
		    is_podman_run(run, words->word + i))
			return true;
	return false;
}

/* Whether these are the words of a conmon of @cid, and podman's pipe in its environment. */
static bool speaks_as_conmon(const char *cid, pid_t pid, const struct words *words)
{
	struct conmon_args args;

	if (!cid[0] || words->count < 2 || words->word[1][0] != '-')
		return false;
	conmon_args_parse(words, &args);
	return equal(args.cid, cid) && equal(args.session, cid) && args.cleanups &&
	       equal(args.cleanup[args.cleanups - 1], cid) && proc_has_syncpipe(pid);
}

/*
 * Whether this is the conmon of a podman exec in the container, which has a bundle of its own below
 * the container's.
 */
static bool is_session(const struct run *run, pid_t pid, const struct words *words)
{
	char bundle[2 * CID_SIZE + 16];
	struct conmon_args args;

	if (!run->cid[0])
		return false;
	conmon_args_parse(words, &args);
	int length = snprintf(bundle, sizeof(bundle), "/%s/userdata/%s", run->cid, args.session);
	size_t all = strlen(args.bundle);
	return equal(args.cid, run->cid) && cid_valid(args.session) && all >= (size_t)length &&
	       equal(args.bundle + all - (size_t)length, bundle) && proc_has_syncpipe(pid);
}

bool is_conmon_of(const char *cid, pid_t pid, const struct words *words)
{
	struct proc_stat stat;

	return speaks_as_conmon(cid, pid, words) && proc_stat(pid, &stat) && stat.session == pid;
}

/*
 * Whether @pid is about to become a conmon: podman has forked it, and it has not made a session of
 * its own. What a conmon has forked looks the same, until that is a runtime or podman, and is in
 * the conmon's session.
 */
static bool is_early_conmon(const struct run *run, pid_t pid, const struct words *words)
{
	struct proc_stat stat;
	_cleanup_words_ struct words leader = {0};

	return speaks_as_conmon(run->cid, pid, words) && proc_stat(pid, &stat) &&
	       stat.session != run->conmon.pid &&
	       !(proc_cmdline(stat.session, &leader) &&
		 is_conmon_of(run->cid, stat.session, &leader));
}

/* Whether this is conmon's exit command at work. */
static bool is_cleanup(const struct run *run, const struct words *words)
{
	if (!run->cleanups || words->count != run->cleanups)
		return false;
	for (size_t i = 0; i < run->cleanups; i++)
		if (!equal(words->word[i], run->cleanup[i]))
			return false;
	return true;
}

/* Whether @pid was started with the run's directory as the one where pid files go. */
static bool is_of_job(const struct run *run, pid_t pid)
{
	_cleanup_words_ struct words words = {0};
	const char *path =
		proc_environ(pid, &words) ? env_value(words.word, "RECEPTOR_PID_DIRECTORY") : NULL;

	return path && leads_to(path, run->directory);
}

/* Whether @word is the id of the run's container, or the beginning of that, as podman takes it. */
static bool is_id(const struct run *run, const char *word)
{
	return strlen(word) >= SHORT_ID && after(run->cid, word);
}

static bool is_name(const struct run *run, const char *word)
{
	return word[0] && equal(word, run->container_name);
}

/* Where podman's command line @word says to start a container again; 0: it does not. */
static size_t start_index(char **word)
{
	size_t at = podman_command_index(word);

	return at && (equal(word[at], "start") || equal(word[at], "restart")) ? at : 0;
}

/* Whether podman's first @at words, of another command, are the flags that the run's was given. */
static bool has_flags_of(const struct run *run, char **word, size_t at)
{
	size_t same = 0;

	for (size_t i = 1; i < at; i++) {
		if (equal(word[i], "container"))
			continue;
		if (same == run->globals || !equal(word[i], run->global[same++]))
			return false;
	}
	return same == run->globals;
}

/* Whether @variable says to podman where its storage is; PATH does not. */
static bool leads_to_storage(const char *variable)
{
	return is_storage_variable(variable) && !after(variable, "PATH=");
}

/* Whether the @count variables have all of @others that lead to storage. */
static bool has_variables(char *const others[], const char *const variables[], size_t count)
{
	for (; *others; others++) {
		size_t i = 0;

		while (leads_to_storage(*others) && i < count && !equal(*others, variables[i]))
			i++;
		if (leads_to_storage(*others) && i == count)
			return false;
	}
	return true;
}

static bool has_environment_of(const struct run *run, pid_t pid)
{
	_cleanup_words_ struct words theirs = {0};

	return proc_environ(pid, &theirs) &&
	       has_variables(theirs.word, run->environment, run->environments) &&
	       has_variables((char *const *)(uintptr_t)run->environment,
			     (const char *const *)theirs.word, theirs.count);
}

/*
 * A podman that was asked to start the container again within the job: by its id, or by the name
 * that it had, in the same storage.
 */
static enum role starter_role(const struct run *run, pid_t pid, const char *exe,
			      const struct words *words)
{
	size_t at =
		run->detach && run->cid[0] && after(exe, "podman") ? start_index(words->word) : 0;
	struct proc_stat stat;
	bool id = false, name = false;

	for (size_t i = at + 1; at && i < words->count; i++) {
		id = id || is_id(run, words->word[i]);
		name = name || is_name(run, words->word[i]);
	}
	if ((!id && !name) || !proc_stat(pid, &stat) || (run->over && stat.start > run->over) ||
	    !is_of_job(run, pid))
		return ROLE_NONE;
	if (id)
		return ROLE_STARTER;
	return has_flags_of(run, words->word, at) && has_environment_of(run, pid) ? ROLE_NAMESAKE
										  : ROLE_NONE;
}

/* Whether @pid is a copy of a runtime, which has no name: crun makes one of itself at each call. */
static bool is_cloned(pid_t pid)
{
	_cleanup_words_ struct words words = {0};

	return proc_environ(pid, &words) && env_value(words.word, "_LIBCONTAINER_CLONED_BINARY");
}

/* The program of a runtime: itself, or the interpreter of a runtime that is a script. */
static bool fits_runtime(const struct run *run, pid_t pid, const char *exe,
			 const struct words *words)
{
	const char *name = is_cloned(pid) ? path_basename(words->word[0]) : exe;

	if (!run->runtime[0])
		return equal(name, "runc") || equal(name, "crun");
	return equal(name, path_basename(run->runtime)) ||
	       (words->count > 1 && equal(words->word[1], run->runtime));
}

static bool says(const struct words *words, const char *word)
{
	for (size_t i = 1; i < words->count; i++)
		if (equal(words->word[i], word))
			return true;
	return false;
}

static bool is_runtime(const struct run *run, pid_t pid, const char *exe, const struct words *words)
{
	return run->cid[0] && words->count && equal(words->word[words->count - 1], run->cid) &&
	       (says(words, "create") || says(words, "start")) &&
	       fits_runtime(run, pid, exe, words);
}

/* Whether a podman has called @pid that is not the run's own. */
static bool is_below_anothers_podman(const struct run *run, pid_t pid)
{
	char parent[NAME_MAX + 1];
	struct proc_stat stat;

	return proc_stat(pid, &stat) && proc_exe_name(stat.ppid, parent) &&
	       after(parent, "podman") &&
	       !(process_lives(run->podman) && proc_descends(pid, run->podman.pid));
}

/*
 * Whether this is a runtime that ends or deletes the container for the run's podman (from 5 on that
 * removes a --rm container itself), or for one that was killed meanwhile.
 */
static bool is_deletion(const struct run *run, pid_t pid, const char *exe,
			const struct words *words)
{
	return run->cid[0] && says(words, run->cid) &&
	       (says(words, "delete") || says(words, "kill")) &&
	       fits_runtime(run, pid, exe, words) && !is_below_anothers_podman(run, pid);
}

/* The role that program and command line fit. */
static enum role fitting_role(const struct run *run, pid_t pid, const char *exe,
			      const struct words *words)
{
	if (is_podman(run, exe, words))
		return ROLE_PODMAN;
	if (is_conmon_of(run->cid, pid, words))
		return ROLE_CONMON;
	if (is_cleanup(run, words))
		return ROLE_CLEANUP;
	if (is_session(run, pid, words))
		return ROLE_SESSION;
	enum role starter = starter_role(run, pid, exe, words);
	if (starter != ROLE_NONE)
		return starter;
	if (is_early_conmon(run, pid, words))
		return ROLE_EARLY;
	if (is_runtime(run, pid, exe, words))
		return ROLE_RUNTIME;
	return is_deletion(run, pid, exe, words) ? ROLE_CLEANUP : ROLE_NONE;
}

/* Whose it is comes last: status is expensive to read, and most processes fit no role. */
static enum role role_of(const struct run *run, pid_t pid)
{
	char exe[NAME_MAX + 1];
	_cleanup_words_ struct words words = {0};

	errno = 0; /* an empty command line sets none */
	if (!proc_exe_name(pid, exe) || !proc_cmdline(pid, &words))
		return no_role();
	enum role role = fitting_role(run, pid, exe, &words);
	errno = 0;
	return role == ROLE_NONE || proc_is_of(pid, geteuid()) ? role : no_role();
}

/* Opens @pid where it has a role in @run, which is returned; closed where it has none. */
static enum role open_in_role(const struct run *run, pid_t pid, struct handle *handle)
{
	if (!handle_open(handle, pid))
		return no_role();
	enum role role = role_of(run, pid);
	return handle_keep(handle, role > ROLE_UNKNOWN) || role == ROLE_UNKNOWN ? role : ROLE_NONE;
}

/*
 * Whether @conmon, of the run's container, is the run's: the one that is known, or came while the
 * run went on; and none came before where podman does not start it again. The first of a container
 * with --rm always is.
 */
static bool is_of_run(const struct run *run, const struct handle *conmon)
{
	const struct process *known = &run->conmon;

	if (is_same_process(*known, conmon->id))
		return true;
	if (conmon->id.start < run->podman.start)
		return false;
	/* podman may have lived on when the run was over; nobody else starts what goes with it */
	if (run->remove && (!known->pid || run->detach))
		return true;
	if (run->over && conmon->id.start > run->over)
		return false;
	return !known->pid || run->detach || run->restarts;
}

/*
 * Opens @pid where it is a conmon of the run's container: the run's own, or somebody else's. One of
 * another user only says that it is, to keep us from the container.
 */
static bool open_conmon(const struct run *run, pid_t pid, bool own, struct handle *conmon)
{
	enum role role = open_in_role(run, pid, conmon);

	return handle_keep(conmon, role == ROLE_CONMON && is_of_run(run, conmon) == own);
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
	_cleanup_words_ struct words words = {0};

	if (!pid || !handle_open_exact(podman, run->podman))
		return false;
	return handle_keep(podman, read_cmdline(podman, &words) && proc_is_of(pid, geteuid()) &&
					   proc_exe_name(pid, exe) &&
					   (is_podman(run, exe, &words) || is_script(run, &words) ||
					    (is_podleash(pid) && is_hold(run, &words))));
}

/* Whether somebody else's start of the run's container has made @pid, or makes it now. */
static bool is_below_another(const struct run *run, pid_t pid)
{
	struct proc_stat stat;

	for (int i = 0; i < CONMON_DEPTH && proc_stat(pid, &stat) && stat.ppid > 1; i++) {
		_cleanup_handle_ struct handle conmon;

		pid = stat.ppid;
		if (open_conmon(run, pid, false, &conmon))
			return true;
	}
	return false;
}

struct search {
	const struct run *run;
	struct census *census;
};

/* Adds what is not somebody else's start of the container. */
static bool add(struct search *search, struct handles *list, struct handle handle, bool ours)
{
	if (ours)
		return handles_add(list, handle);
	search->census->taken = true;
	handle_close(&handle);
	return true;
}

static bool visit(pid_t pid, void *context)
{
	struct search *search = context;
	struct census *census = search->census;
	struct handle handle;

	/* most processes are another user's, or fit no role: no handle is opened for them */
	if (role_of(search->run, pid) == ROLE_NONE || handles_have(&census->podman, pid))
		return true;
	switch (open_in_role(search->run, pid, &handle)) {
	case ROLE_PODMAN:
		return handles_add(&census->podman, handle);
	case ROLE_CONMON:
		return add(search, &census->conmon, handle, is_of_run(search->run, &handle));
	case ROLE_EARLY:
		return add(search, &census->runtime, handle, is_of_run(search->run, &handle));
	case ROLE_RUNTIME:
		return add(search, &census->runtime, handle, !is_below_another(search->run, pid));
	case ROLE_CLEANUP:
		return add(search, &census->cleanup, handle, !is_below_another(search->run, pid));
	case ROLE_SESSION:
		return handles_add(&census->session, handle);
	case ROLE_STARTER:
		return handles_add(&census->starter, handle);
	case ROLE_NAMESAKE:
		return handles_add(&census->namesake, handle);
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
	struct handle handle;

	*census = (struct census){0};
	struct search search = {run, census};
	/* also while it is hold still, or a script that calls podman */
	errno = 0;
	if (podman_open(run, &handle))
		(void)handles_add(&census->podman, handle); /* short of memory: found below */
	else
		census->unsure = is_shortage();
	if (!proc_each(visit, &search))
		census->unsure = true;
}

bool run_is_taken(const struct run *run)
{
	_cleanup_census_ struct census census;

	census_take(run, &census);
	return census.taken;
}

bool census_empty(const struct census *census)
{
	return !census->podman.count && !census->conmon.count && !census->runtime.count &&
	       !census->cleanup.count && !census->session.count && !census->starter.count &&
	       !census->unsure;
}

void census_free(struct census *census)
{
	handles_close(&census->podman);
	handles_close(&census->conmon);
	handles_close(&census->runtime);
	handles_close(&census->cleanup);
	handles_close(&census->session);
	handles_close(&census->starter);
	handles_close(&census->namesake);
}

/* Takes over what conmon's command line tells, and writes it down: how podman cleans up. */
static void take_args(struct run *run, const struct conmon_args *args, struct draft *draft)
{
	struct {
		const char *key, *value, **field;
	} told[] = {
		{"runtime", args->runtime, &run->runtime},
		{"bundle", args->bundle, &run->bundle},
		{"exit_dir", args->exit_dir, &run->exit_dir},
		/* where podman was not given one, conmon uses one of podman's own */
		{"conmon_pidfile", args->conmon_pidfile, &run->conmon_pidfile},
		{"pidfile", args->pidfile, &run->pidfile},
	};

	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		if (*told[i].field[0])
			continue;
		*told[i].field = told[i].value;
		draft_add(draft, told[i].key, told[i].value);
	}
	if (run->cleanups)
		return;
	run->cleanups = args->cleanups;
	memcpy(run->cleanup, args->cleanup, sizeof(args->cleanup));
	for (size_t i = 0; i < run->cleanups; i++)
		draft_add(draft, "cleanup", run->cleanup[i]);
}

/* The signal that podman would end the container by, as its bundle has it; 0 where that is none. */
static int read_stop_signal(const char *bundle)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/config.json", bundle) >= (int)sizeof(path))
		return 0;
	_cleanup_free_ char *text = read_file(AT_FDCWD, path, BUNDLE_LIMIT, NULL);
	return text ? bundle_stop_signal(text) : 0;
}

bool learn_from(struct run *run, const struct handle *conmon)
{
	struct conmon_args args;
	struct draft draft = {0};

	if (is_same_process(run->conmon, conmon->id))
		return true;
	/* after a restart it is another process with the same command line */
	if (!run->conmon.pid) {
		if (!proc_cmdline(conmon->id.pid, &run->learned) || !handle_alive(conmon)) {
			words_free(&run->learned);
			return false;
		}
		conmon_args_parse(&run->learned, &args);
		if (!run->cid[0])
			run_set_cid(run, args.cid);
		take_args(run, &args, &draft);
		run->stop_signal = read_stop_signal(run->bundle);
		draft_add_number(&draft, "stop_signal", (uint64_t)run->stop_signal);
	}
	run->conmon = conmon->id;
	run->container = (struct process){0};
	run->container_is_proven = false;
	draft_add_process(&draft, "conmon", run->conmon, NULL);
	/* a full disk costs a later reaper this knowledge, not this one */
	(void)record_append(run, &draft);
	return true;
}

/*
 * Whether a conmon that shows now may be taken for the run's. Not where podman has ended before
 * anyone saw that of a container that stays: its owner may have started it. reap() asks podman.
 */
static bool may_learn(const struct run *run)
{
	return run->cid[0] && (run->conmon.pid || run->remove || run->detach || !run->podman.pid ||
			       process_lives(run->podman));
}

bool learn_conmon(struct run *run)
{
	_cleanup_handle_ struct handle handle = HANDLE_NONE;

	learn_cid(run);
	pid_t pid = may_learn(run) ? read_pid(run, run->conmon_pidfile, CONMON_SUFFIX) : 0;
	if (pid && pid != run->conmon.pid && open_conmon(run, pid, true, &handle))
		(void)learn_from(run, &handle); /* it may have ended while it was asked */
	return run->conmon.pid != 0;
}

bool find_conmon(struct run *run)
{
	_cleanup_census_ struct census census = {0};

	if (may_learn(run) && !run->conmon.pid)
		census_take(run, &census);
	if (census.conmon.count)
		(void)learn_from(run, &census.conmon.item[0]);
	return run->conmon.pid != 0;
}

bool conmon_open(const struct run *run, struct handle *conmon)
{
	return run->conmon.pid && open_conmon(run, run->conmon.pid, true, conmon) &&
	       handle_keep(conmon, is_same_process(conmon->id, run->conmon));
}

/* Whether the recorded conmon lives, is one, and has @pid below it. */
static bool is_below_conmon(const struct run *run, pid_t pid)
{
	_cleanup_handle_ struct handle conmon = HANDLE_NONE;

	/* conmon takes in its descendants' orphans: PR_SET_CHILD_SUBREAPER, conmon src/conmon.c */
	return conmon_open(run, &conmon) && proc_descends(pid, run->conmon.pid) &&
	       handle_alive(&conmon);
}

bool is_of_container(const struct run *run, pid_t pid)
{
	return proc_in_container(pid, run->cid) ||
	       (run->mounts && proc_namespace(pid, "mnt") == run->mounts &&
		is_below_conmon(run, pid));
}

static bool is_container(const struct run *run, const struct handle *handle)
{
	pid_t pid = handle->id.pid;
	bool in_container = proc_in_container(pid, run->cid) && !is_below_another(run, pid);

	return (in_container || is_below_conmon(run, pid)) && handle_alive(handle);
}

/* The mount namespace of the init, where it is not conmon's, in which podman cleans up; else 0. */
static ino_t own_mounts(const struct run *run, pid_t pid)
{
	ino_t mounts = proc_namespace(pid, "mnt");
	ino_t conmons = run->conmon.pid ? proc_namespace(run->conmon.pid, "mnt") : 0;

	return conmons && mounts != conmons ? mounts : 0;
}

bool learn_container(struct run *run)
{
	_cleanup_handle_ struct handle handle = HANDLE_NONE;
	struct proc_status status;
	struct draft draft = {0};

	if (run->container.pid)
		return true;
	errno = 0;
	if (!may_learn(run) && !run->over)
		return false;
	pid_t pid = read_pid(run, run->pidfile, CONTAINER_SUFFIX);
	if (!pid || !handle_open(&handle, pid))
		return false;
	errno = 0;
	if (is_container(run, &handle)) {
		run->container = handle.id;
		run->container_is_proven = true;
		run->mounts = own_mounts(run, pid);
		run->own_pids = proc_status(pid, &status) && status.namespace_init;
		draft_add_process(&draft, "container", run->container, NULL);
		draft_add_number(&draft, "mounts", run->mounts);
		draft_add(&draft, "own_pids", run->own_pids ? "1" : "0");
		(void)record_append(run, &draft); /* as above */
	}
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
	_cleanup_words_ struct words words = {0};

	return is_podleash(pid) && proc_cmdline(pid, &words) && words.count == 3 &&
	       equal(words.word[1], "guard") &&
	       snprintf(record, PATH_MAX, "%s", words.word[2]) < PATH_MAX && strchr(record, '/') &&
	       file_kind(path_basename(record), name) == FILE_RECORD;
}

bool hold_open(const struct run *run, struct handle *hold)
{
	_cleanup_words_ struct words words = {0};
	pid_t pid = run->podman.pid;

	return pid && handle_open_exact(hold, run->podman) &&
	       handle_keep(hold,
			   is_podleash(pid) && proc_cmdline(pid, &words) && is_hold(run, &words));
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
	size_t length = search->path ? strlen(search->path) : 0;
	char path[64];

	if (!search->path)
		return true;
	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, GUARD_FD_DIRECTORY);
	if (leads_to(path, search->directory))
		return true;
	return strncmp(record, search->path, length) == 0 &&
	       record + length + 1 == path_basename(record) && shares_paths(pid);
}

static bool visit_guard(pid_t pid, void *context)
{
	const struct guard_search *search = context;
	char record[PATH_MAX], name[RUN_SIZE];
	_cleanup_handle_ struct handle guard = HANDLE_NONE;

	/* once more, with the handle held: the pid has not gone to another process */
	return !is_guard(pid, record, name) || !handle_open(&guard, pid) ||
	       !handle_keep(&guard,
			    is_guard(pid, record, name) && guards_there(search, pid, record)) ||
	       search->found(name, &guard, search->context);
}

bool guard_each(int directory, const char *path, guard_found *found, void *context)
{
	struct guard_search search = {directory, path, found, context};

	return proc_each(visit_guard, &search);
}

struct pick {
	const char *name;
	struct handle guard;
};

static bool pick(const char *name, struct handle *guard, void *context)
{
	struct pick *picked = context;

	if (!equal(name, picked->name))
		return true;
	picked->guard = *guard;
	*guard = HANDLE_NONE;
	return false;
}

bool guard_find(const struct run *run, struct handle *guard)
{
	char record[PATH_MAX], name[RUN_SIZE];
	struct pick picked = {run->name, HANDLE_NONE};
	pid_t pid = run->guard.pid;

	if (pid && handle_open_exact(guard, run->guard) &&
	    handle_keep(guard, is_guard(pid, record, name) && equal(name, run->name)))
		return true;
	/* it may not have written itself down yet */
	(void)guard_each(run->directory, "", pick, &picked);
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
	return !handle_keep(&handle,
			    proc_descends(pid, ancestor) && handle_alive(descent->ancestor)) ||
	       handles_add(descent->list, handle);
}

void descendants_add(struct handles *list, const struct handle *ancestor)
{
	struct descent descent = {list, ancestor};

	(void)proc_each(visit_descendant, &descent); /* the next look finds what was missed */
}
