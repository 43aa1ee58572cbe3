/* SPDX-License-Identifier: Apache-2.0 */
#include "plain.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../preload/podman_command.h"
#include "conmon_args.h"
#include "handle.h"
#include "identity.h"
#include "log.h"
#include "util.h"

/* Files named in the log, of those that are nobody's; a directory may hold thousands. */
#define FOREIGN_NAMED 10

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
	char exe[NAME_MAX + 1];
	struct conmon_args args;
	struct words words;
	bool proven = false;

	if (!handle_open(handle, pid))
		return false;
	if (proc_uid(pid) == geteuid() && proc_exe_name(pid, exe) && equal(exe, "conmon") &&
	    proc_cmdline(pid, &words)) {
		conmon_args_parse(&words, &args);
		proven = (names_file(args.conmon_pidfile, directory, name) ||
			  names_file(args.pidfile, directory, name)) &&
			 handle_alive(handle);
		words_free(&words);
	}
	if (!proven)
		handle_close(handle);
	return proven;
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
	for (char **variable = environ; *variable; variable++)
		if (run->environments + 1 < RUN_ENVIRONMENT && is_storage_variable(*variable))
			run->environment[run->environments++] = *variable;
}

bool plain_find(struct run *run, int directory, const char *name, const char *unit)
{
	static char boot[BOOT_ID_SIZE];
	pid_t pid = read_pid_file(directory, name);
	struct handle conmon;
	struct proc_stat stat;
	bool found;

	proc_boot_id(boot);
	run_init(run, directory, "");
	/* the file names conmon itself, or the container init, whose parent conmon is */
	if (!open_conmon(&conmon, pid, directory, name) &&
	    (!proc_stat(pid, &stat) || !open_conmon(&conmon, stat.ppid, directory, name)))
		return false;
	run->boot = boot;
	found = learn_from(run, &conmon);
	handle_close(&conmon);
	if (found)
		fill(run, unit);
	return found;
}

void plain_remove(const struct run *run)
{
	const char *paths[] = {run->conmon_pidfile, run->pidfile};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const char *name = path_basename(paths[i]);

		if (names_file(paths[i], run->directory, name))
			(void)unlinkat(run->directory, name, 0); /* gone already is as good */
	}
}

static bool is_foreign(int directory, const char *name)
{
	char run[RUN_SIZE];
	struct run found;
	bool foreign;

	switch (file_kind(name, run)) {
	case FILE_FOREIGN:
		return true;
	case FILE_CONMON_PID:
	case FILE_CONTAINER_PID:
		if (record_exists(directory, run))
			return false;
		break;
	case FILE_PLAIN_PID:
		break;
	default:
		return false;
	}
	foreign = !plain_find(&found, directory, name, "");
	run_free(&found);
	return foreign;
}

void plain_log_foreign(int directory, const char *path, const struct names *names)
{
	size_t found = 0;

	for (size_t i = 0; i < names->count; i++)
		if (is_foreign(directory, names->name[i]) && ++found <= FOREIGN_NAMED)
			log_line("%s/%s: not podleash's, or damaged; left alone", path,
				 names->name[i]);
	if (found > FOREIGN_NAMED)
		log_line("%s: %zu more such files", path, found - FOREIGN_NAMED);
}

bool plain_is_stale(int directory, const char *name)
{
	pid_t pid = read_pid_file(directory, name);
	struct handle handle;

	if (!pid || handle_open(&handle, pid)) {
		if (pid)
			handle_close(&handle);
		return false;
	}
	return true;
}
