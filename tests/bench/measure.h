/* SPDX-License-Identifier: Apache-2.0 */
/* What the drivers share: the clock of every figure, and the start of a command. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Nanoseconds of CLOCK_MONOTONIC. */
static inline int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* fails only for a bad clock id */
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* For what keeps a driver from measuring. */
__attribute__((noreturn)) static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

/* User and system time of RUSAGE_SELF, or RUSAGE_CHILDREN that were waited for, in microseconds. */
static inline int64_t used_us(int who)
{
	struct rusage used;

	if (getrusage(who, &used))
		die("getrusage");
	return (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
	       used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

/* Starts @argv with nothing on its stdin and stdout: ours is for the figures. */
static inline pid_t start_command(char *const argv[], char *const envp[])
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	errno = posix_spawn_file_actions_init(&actions);
	if (!errno)
		errno = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
							 O_RDONLY, 0);
	if (!errno)
		errno = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
							 O_WRONLY, 0);
	if (!errno)
		errno = posix_spawnp(&pid, argv[0], &actions, NULL, argv, envp);
	if (errno)
		die(argv[0]);
	(void)posix_spawn_file_actions_destroy(&actions);
	return pid;
}

#endif
