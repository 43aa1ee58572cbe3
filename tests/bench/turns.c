/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turns ROUNDS NAME=LIBRARY... -- COMMAND...
 *
 * Starts COMMAND by turns under each preloaded LIBRARY (empty: none), and prints a line a start:
 *     NAME WALL CPU          in microseconds
 * WALL is CLOCK_MONOTONIC from before posix_spawn(3) to COMMAND's end. CPU is user and system time
 * of COMMAND and of all that descends from it: this process is their subreaper (prctl(2)), and
 * makes the next start when the last of them has ended.
 *
 * Each round begins with the next NAME, so that none has a fixed place.
 */
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "measure.h"

#define NAMES_MAX 16

/* The environment with @preload ("LD_PRELOAD=…") in it, in the first place. */
static char **environment_with(char *preload)
{
	size_t count = 0, kept = 1;

	while (environ[count])
		count++;
	char **changed = calloc(count + 2, sizeof(*changed));
	if (!changed)
		die("turns");
	changed[0] = preload;
	for (size_t i = 0; i < count; i++)
		if (strncmp(environ[i], "LD_PRELOAD=", strlen("LD_PRELOAD=")) != 0)
			changed[kept++] = environ[i];
	return changed;
}

static void take_turn(const char *name, char *const argv[], char *const envp[])
{
	int64_t cpu = used_us(RUSAGE_CHILDREN), start = now_ns(), wall = 0;
	pid_t command = start_command(argv, envp), ended;
	int status;

	while ((ended = wait(&status)) > 0) {
		if (ended != command)
			continue;
		wall = now_ns() - start;
		if (!WIFEXITED(status) || WEXITSTATUS(status)) {
			fprintf(stderr, "turns: %s: %s did not end with status 0\n", name, argv[0]);
			exit(1);
		}
	}
	printf("%s %.1f %lld\n", name, (double)wall / 1000,
	       (long long)(used_us(RUSAGE_CHILDREN) - cpu));
}

int main(int argc, char *argv[])
{
	char *name[NAMES_MAX], **envp[NAMES_MAX];
	int names = 0, i;

	for (i = 2; i < argc && strcmp(argv[i], "--") != 0 && names < NAMES_MAX; i++) {
		char *library = strchr(argv[i], '='), *preload;

		if (!library || asprintf(&preload, "LD_PRELOAD=%s", library + 1) < 0)
			die(argv[i]);
		*library = '\0';
		name[names] = argv[i];
		envp[names++] = environment_with(preload);
	}
	if (!names || i + 1 >= argc) {
		fputs("usage: turns ROUNDS NAME=LIBRARY... -- COMMAND...\n", stderr);
		return 2;
	}
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		die("prctl");
	for (int round = 0; round < atoi(argv[1]); round++)
		for (int turn = 0; turn < names; turn++) {
			int which = (round + turn) % names;

			take_turn(name[which], argv + i + 1, envp[which]);
		}
	return 0;
}
