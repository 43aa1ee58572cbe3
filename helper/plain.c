/* SPDX-License-Identifier: Apache-2.0 */
#include "plain.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../preload/podman_command.h"
#include "conmon_args.h"
#include "file.h"
#include "handle.h"
#include "identity.h"
#include "log.h"
#include "util.h"

#define FIRST_PID_NAMESPACE 0xeffffffcU

/* Whether @path is the very file @name of @directory. */
static bool names_file(const char *path, int directory, const char *name)
{
	struct stat by_path, by_name;

	return path[0] == '/' && lstat(path, &by_path) == 0 &&
	       fstatat(directory, name, &by_name, AT_SYMLINK_NOFOLLOW) == 0 &&
	       by_path.st_dev == by_name.st_dev && by_path.st_ino == by_name.st_ino;
}

/* Whether @pid is a conmon of ours that carries the file; opens it. */
static bool open_conmon(struct handle *handle, pid_t pid, int directory, const char *name)
{
	struct conmon_args args;
	_cleanup_words_ struct words words = {0};

	if (!handle_open(handle, pid))
		return false;
	bool read = proc_is_of(pid, geteuid()) && proc_cmdline(pid, &words);
	conmon_args_parse(&words, &args);
	return handle_keep(handle, read && is_conmon_of(args.cid, pid, &words) &&
					   (names_file(args.conmon_pidfile, directory, name) ||
					    names_file(args.pidfile, directory, name)));
}

/* What reap() needs and a record would have told; the strings are conmon's own. */
static void fill(struct run *run, const char *unit)
{
	struct conmon_args args;

	conmon_args_parse(&run->learned, &args);
	run->unit = unit;
	run->conmon_pidfile = args.conmon_pidfile;
	run->pidfile = args.pidfile;
	run->executable = args.cleanups ? args.cleanup[0] : "";
	for (size_t i = 0; i < args.cleanups; i++)
		run->remove = run->remove || equal(args.cleanup[i], "--rm");
	run->restarts = !run->remove; /* it may */
	for (char **variable = environ; *variable; variable++)
		if (run->environments + 1 < RUN_ENVIRONMENT && is_storage_variable(*variable))
			run->environment[run->environments++] = *variable;
}

bool plain_find(struct run *run, int directory, const char *name, const char *unit)
{
	_cleanup_handle_ struct handle conmon = HANDLE_NONE;
	struct proc_stat stat;

	run_init(run, directory, "");
	errno = 0;
	pid_t pid = read_pid_file(directory, name);
	if (!pid)
		return false;
	/* the file names conmon itself, or the container init, whose parent conmon is */
	if (!open_conmon(&conmon, pid, directory, name) &&
	    (!proc_stat(pid, &stat) || !open_conmon(&conmon, stat.ppid, directory, name)))
		return false;
	if (!learn_from(run, &conmon))
		return false;
	fill(run, unit);
	return true;
}

bool plain_remove(const struct run *run)
{
	const char *paths[] = {run->conmon_pidfile, run->pidfile};
	bool removed = true;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const char *name = path_basename(paths[i]);

		errno = ENOENT;
		bool there = names_file(paths[i], run->directory, name);
		if (there ? unlinkat(run->directory, name, 0) == 0 || errno == ENOENT
			  : !is_shortage())
			continue;
		log_line("%s cannot be removed: %s", name, strerror(errno));
		removed = false;
	}
	return removed;
}

/* A unit's own directory: piddir_each_unit() looks into it. */
static bool is_unit_directory(int directory, const char *name)
{
	struct stat st;

	return unit_name_valid(name) && fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

static bool is_foreign(int directory, const char *name)
{
	char run[RUN_SIZE];
	_cleanup_run_ struct run found = {.fd = -1};
	enum file_kind kind = file_kind(name, run);

	if (kind == FILE_FOREIGN)
		return !is_unit_directory(directory, name);
	return kind == FILE_PLAIN_PID && !plain_find(&found, directory, name, "");
}

void plain_log_foreign(int directory, const char *path, const struct names *names, size_t *found)
{
	for (size_t i = 0; i < names->count; i++)
		if (is_foreign(directory, names->name[i]) && may_name(found))
			log_line("%s/%s: not podleash's, or damaged; left alone", path,
				 names->name[i]);
}

bool plain_is_stale(int directory, const char *name)
{
	/* from a pid namespace below the first not every pid is seen (proc_ns.h) */
	if (proc_namespace(0, "pid") != FIRST_PID_NAMESPACE)
		return false;
	pid_t pid = read_pid_file(directory, name);

	return pid && !pid_may_live(pid);
}
