/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks like whatever its name and its words say, and does nothing, with a second thread:
 * the innocent of the attacks. `idle-leader COMMAND…` starts a command and ends.
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static void *rest(void *unused)
{
	for (;;)
		(void)pause();
	return unused;
}

int main(int argc, char *argv[])
{
	pthread_t thread;

	if (argc > 1 && strstr(argv[0], "idle-leader")) {
		if (fork() == 0)
			(void)execvp(argv[1], argv + 1);
		return 0;
	}
	(void)pthread_create(&thread, NULL, rest, NULL);
	(void)rest(NULL);
}
