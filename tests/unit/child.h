/* SPDX-License-Identifier: Apache-2.0 */
/* A process to look at: sleep(1), or a copy of it. */
#ifndef PODLEASH_CHILD_H
#define PODLEASH_CHILD_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Starts the sleep(1) at @path for a minute with @environment, in a session of its own where it
 * @leads; returns its pid once it runs, or -1.
 */
static inline pid_t child_start(const char *path, char *const environment[], bool leads)
{
	char end;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	pid_t child = fork();
	if (child == 0) {
		if (leads)
			(void)setsid();
		(void)execle(path, path, "60", (char *)NULL, environment);
		_exit(127);
	}
	(void)close(ends[1]);
	(void)!read(ends[0], &end, 1); /* its exec closes the other end */
	(void)close(ends[0]);
	return child;
}

/* The same of the system's own, with one @variable in its environment. */
static inline pid_t child_start_with(char *variable, bool leads)
{
	char *const environment[] = {variable, NULL};

	return child_start("/bin/sleep", environment, leads);
}

/* Kills our own @child, which was not waited for yet. */
static inline void child_end(pid_t child)
{
	if (child <= 0)
		return;
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
}

#endif
