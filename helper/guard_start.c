/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "file.h"
#include "guard.h"
#include "guard_fds.h"
#include "log.h"
#include "util.h"

#define READY_MS 2000

/* Moves the @count descriptors of @fds to GUARD_FD_FIRST and up; all others but stdio go. */
static bool arrange_fds(int *fds, int count)
{
	for (int i = 0; i < count; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD, GUARD_FD_FIRST + count);
		if (fds[i] < 0)
			return false;
	}
	for (int i = 0; i < count; i++)
		if (dup2(fds[i], GUARD_FD_FIRST + i) < 0)
			return false;
	file_close_from(GUARD_FD_FIRST + count);
	return true;
}

/*
 * In the grandchild: this program again, with the caller's @fds and environment, the signals of
 * @mask blocked, and no more.
 */
__attribute__((noreturn)) static void become(char *const argv[], int *fds, int count,
					     const sigset_t *mask)
{
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL); /* fails for SIGKILL and SIGSTOP */
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	if (file_close_stdio(-1) && arrange_fds(fds, count) && chdir("/") == 0)
		(void)execv("/proc/self/exe", argv);
	_exit(127);
}

/* Starts this program with @argv as a child of init in a session of its own. */
static bool start_detached(char *const argv[], int *fds, int count, const sigset_t *mask)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return false;
	if (child == 0) {
		pid_t grandchild = setsid() < 0 ? -1 : fork();

		if (grandchild == 0)
			become(argv, fds, count, mask);
		_exit(grandchild < 0);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	errno = EAGAIN; /* what fork(2) says where no process is to be had */
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void guard_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGHUP);
}

bool guard_start(const struct run *run, const char *path)
{
	_cleanup_close_ int ready = -1;
	_cleanup_close_ int tell = -1;
	char record[PATH_MAX], byte;
	sigset_t mask;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return false;
	ready = ends[0];
	tell = ends[1];
	if (snprintf(record, sizeof(record), "%s/%s%s", path, run->name, RECORD_SUFFIX) >=
	    (int)sizeof(record)) {
		errno = ENAMETOOLONG;
		return false;
	}
	char *argv[] = {(char *)"podleash", (char *)"guard", record, NULL};
	int fds[GUARD_FDS] = {run->fd, run->directory, tell};
	guard_signals(&mask); /* a canceller may find it before it has blocked them itself */
	if (!start_detached(argv, fds, GUARD_FDS, &mask))
		return false;
	cleanup_close(&tell);
	tell = -1;
	/* one that is slow has the lock all the same, and the job does not wait for it */
	struct pollfd answer = {ready, POLLIN, 0};
	if (poll(&answer, 1, READY_MS) == 0)
		return true;
	/* one that fails closes the pipe, and its reason is in the log */
	errno = ECHILD;
	return read(ready, &byte, 1) == 1;
}

void guard_sweep_others(const struct run *run, const char *path)
{
	char *argv[] = {(char *)"podleash", (char *)"sweep", (char *)(uintptr_t)path, NULL};
	char other[RUN_SIZE];
	_cleanup_names_ struct names names;
	bool needed = false;
	sigset_t none;

	(void)sigemptyset(&none);
	(void)names_read(run->directory, &names); /* the next run or sweep sees it as well */
	for (size_t i = 0; i < names.count && !needed; i++)
		needed = file_kind(names.name[i], other) == FILE_RECORD &&
			 !equal(other, run->name) && record_is_unguarded(run->directory, other);
	if (needed && !start_detached(argv, NULL, 0, &none))
		log_line("%s: no process to sweep it with: %s", path, strerror(errno));
}
