/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls ROUNDS COUNT PROGRAM NAME=LIBRARY...
 *
 * Has processes that each have one LIBRARY preloaded start PROGRAM by turns, COUNT times a turn,
 * and prints a line a turn:
 *     CALL NAME WALL CPU     in microseconds, of one start
 * CALL is execve (behind fork), posix_spawn or vfork (and execve). WALL is CLOCK_MONOTONIC in the
 * process that starts, from before the call to PROGRAM's end; CPU is user and system time of both.
 * PROGRAM is linked statically and loads no library itself. Each round begins with the next NAME.
 *
 * calls --worker COUNT PROGRAM: that process; a letter on stdin asks for a turn, stdout answers.
 * calls --fail COUNT WORD...: COUNT times execve(2) of a file that does not exist, with these
 * words: the call alone, for callgrind.
 */
#include <string.h>
#include <sys/wait.h>

#include "measure.h"

#define NAMES_MAX 16

static const char *const calls[] = {"execve", "posix_spawn", "vfork"};

struct worker {
	const char *name;
	FILE *ask, *answer;
};

static void start(char call, char *const argv[])
{
	pid_t pid = -1;
	int status;

	if (call == 'p') {
		if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ))
			die(argv[0]);
	} else {
		pid = call == 'v' ? vfork() : fork();
		if (pid == 0) {
			execve(argv[0], argv, environ);
			_exit(127);
		}
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die(argv[0]);
}

static int64_t cpu_us(void)
{
	return used_us(RUSAGE_SELF) + used_us(RUSAGE_CHILDREN);
}

static int work(int count, char *const argv[])
{
	int call;

	while ((call = getchar()) != EOF) {
		int64_t cpu = cpu_us(), begin = now_ns(), end;

		for (int i = 0; i < count; i++)
			start((char)call, argv);
		end = now_ns();
		printf("%.3f %.3f\n", (double)(end - begin) / 1000 / count,
		       (double)(cpu_us() - cpu) / count);
		fflush(stdout);
	}
	return 0;
}

static int fail(int count, char *const argv[])
{
	for (int i = 0; i < count; i++)
		execve("/nonexistent", argv, environ);
	return 0;
}

static struct worker start_worker(const char *name, const char *library, char *count, char *program)
{
	char *argv[] = {(char *)"calls", (char *)"--worker", count, program, NULL};
	struct worker worker = {.name = name};
	int ask[2], answer[2];

	if (pipe2(ask, O_CLOEXEC) || pipe2(answer, O_CLOEXEC))
		die("pipe");
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ask[0], STDIN_FILENO);
		dup2(answer[1], STDOUT_FILENO);
		setenv("LD_PRELOAD", library, 1);
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	close(ask[0]);
	close(answer[1]);
	worker.ask = fdopen(ask[1], "w");
	worker.answer = fdopen(answer[0], "r");
	if (pid < 0 || !worker.ask || !worker.answer)
		die(name);
	return worker;
}

static void take_turn(const struct worker *worker, const char *call)
{
	double wall, cpu;

	fputc(call[0], worker->ask);
	fflush(worker->ask);
	if (fscanf(worker->answer, "%lf %lf", &wall, &cpu) != 2) {
		fprintf(stderr, "calls: %s: no answer\n", worker->name);
		exit(1);
	}
	printf("%s %s %.3f %.3f\n", call, worker->name, wall, cpu);
}

int main(int argc, char *argv[])
{
	struct worker worker[NAMES_MAX];
	int names = 0;

	if (argc > 3 && !strcmp(argv[1], "--worker"))
		return work(atoi(argv[2]), argv + 3);
	if (argc > 3 && !strcmp(argv[1], "--fail"))
		return fail(atoi(argv[2]), argv + 3);
	for (int i = 4; i < argc && names < NAMES_MAX; i++) {
		char *library = strchr(argv[i], '=');

		if (!library)
			die(argv[i]);
		*library = '\0';
		worker[names++] = start_worker(argv[i], library + 1, argv[2], argv[3]);
	}
	if (!names) {
		fputs("usage: calls ROUNDS COUNT PROGRAM NAME=LIBRARY...\n", stderr);
		return 2;
	}
	for (int round = 0; round < atoi(argv[1]); round++)
		for (size_t call = 0; call < sizeof(calls) / sizeof(*calls); call++)
			for (int turn = 0; turn < names; turn++)
				take_turn(&worker[(round + turn) % names], calls[call]);
	return 0; /* the workers read the end of their stdin */
}
