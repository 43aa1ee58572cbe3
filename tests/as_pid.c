/* SPDX-License-Identifier: Apache-2.0 */
/*
 * as_pid PID COMMAND [WORD…]: starts a command under that pid as soon as it is free, in a
 * session of its own, and returns once it runs. Wants root and Linux 5.5: clone3(2), set_tid.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRIES	1500
#define LOOK_US 10000

int main(int argc, char *argv[])
{
	pid_t pid = argc > 2 ? atoi(argv[1]) : 0;
	struct clone_args args = {
		.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&pid, .set_tid_size = 1};
	int ends[2], error;

	if (pid <= 0 || pipe2(ends, O_CLOEXEC))
		return 2;
	long child = -1;
	/* a number that still names a session or a group is not free */
	for (int tries = 0; child < 0 && tries < TRIES; tries++) {
		child = syscall(SYS_clone3, &args, sizeof(args));
		if (child < 0 && errno != EEXIST)
			break;
		if (child < 0)
			(void)usleep(LOOK_US);
	}
	if (child == 0) {
		(void)setsid();
		(void)execvp(argv[2], argv + 2);
		error = errno;
		(void)!write(ends[1], &error, sizeof(error));
		_exit(127);
	}
	error = child < 0 ? errno : 0;
	(void)close(ends[1]);
	if (error || read(ends[0], &error, sizeof(error)) > 0) {
		(void)fprintf(stderr, "as_pid %d %s: %s\n", (int)pid, argv[2], strerror(error));
		return 1;
	}
	return 0;
}
