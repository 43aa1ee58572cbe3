/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library to preload: the parent of `podleash hold` ends directly after the $LOSE_AT-th
 * getppid(2) of it, which still names that parent.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int calls_left;

__attribute__((constructor)) static void start(int argc, char *argv[])
{
	const char *at = getenv("LOSE_AT");

	if (at && argc > 1 && strcmp(argv[1], "hold") == 0)
		calls_left = atoi(at);
}

pid_t getppid(void)
{
	pid_t parent = (pid_t)syscall(SYS_getppid);

	if (calls_left == 0 || --calls_left > 0 || parent <= 1)
		return parent;
	(void)kill(parent, SIGKILL);
	while (syscall(SYS_getppid) == parent)
		(void)usleep(1000);
	return parent;
}
