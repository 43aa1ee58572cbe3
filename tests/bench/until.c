/* SPDX-License-Identifier: Apache-2.0 */
/*
 * until [--dies PID]... [--goes PATH]... (--signal NUMBER PID... | -- COMMAND...)
 *
 * Sends the signal to each PID, or starts COMMAND, and prints how long after that, in microseconds
 * of CLOCK_MONOTONIC, the last PID of --dies was dead, the last PATH of --goes was gone and COMMAND
 * had ended:
 *     died TIME
 *     gone TIME
 *     ended TIME
 * The clock starts before the first signal, or before posix_spawn(3): what COMMAND costs is part
 * of it. Deaths are told by pidfds that were opened before; paths are looked at every 200
 * microseconds, one after the other. It is a real-time process itself, so that what it sees is
 * not seen late; COMMAND is none.
 *
 * Status 1 after two minutes, and where a PID was dead or a PATH missing before the start.
 */
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "measure.h"

#define MANY	 1024
#define LOOK_NS	 200000
#define BOUND_NS 120000000000

static struct pollfd witness[MANY]; /* an fd of -1: dead */
static const char *path[MANY];
static int target[MANY];
static int witnesses, paths, targets;
static int64_t start;

static int open_process(const char *pid)
{
	int fd = (int)syscall(SYS_pidfd_open, atoi(pid), 0);

	if (fd < 0)
		die(pid);
	return fd;
}

static void parse(char *argv[])
{
	for (; argv[0] && argv[1]; argv += 2) {
		if (!strcmp(argv[0], "--dies") && witnesses < MANY)
			witness[witnesses++] = (struct pollfd){open_process(argv[1]), POLLIN, 0};
		else if (!strcmp(argv[0], "--goes") && paths < MANY && !access(argv[1], F_OK))
			path[paths++] = argv[1];
		else
			die(argv[1]);
	}
}

static void signal_targets(int number)
{
	start = now_ns();
	for (int i = 0; i < targets; i++)
		if (syscall(SYS_pidfd_send_signal, target[i], number, NULL, 0))
			die("pidfd_send_signal");
}

static void print_time(const char *what)
{
	printf("%s %.1f\n", what, (double)(now_ns() - start) / 1000);
}

/* Waits for LOOK_NS, or less; returns how many of the witnesses were dead then. */
static int count_deaths(void)
{
	const struct timespec look = {0, LOOK_NS};
	int dead = 0;

	if (ppoll(witness, (nfds_t)witnesses, &look, NULL) <= 0)
		return 0;
	for (int i = 0; i < witnesses; i++) {
		if (witness[i].fd < 0 || !witness[i].revents)
			continue;
		close(witness[i].fd);
		witness[i].fd = -1;
		dead++;
	}
	return dead;
}

static int watch(pid_t command)
{
	int alive = witnesses, there = paths, next = 0, status = 0;

	while (alive || there || command) {
		int dead = count_deaths();

		alive -= dead;
		if (dead && !alive)
			print_time("died");
		while (there && access(path[next], F_OK)) {
			next++;
			if (!--there)
				print_time("gone");
		}
		if (command && waitpid(command, &status, WNOHANG) == command) {
			print_time("ended");
			command = 0;
		}
		if (now_ns() - start > BOUND_NS) {
			fprintf(stderr, "until: %d alive, %d there\n", alive, there);
			return 1;
		}
	}
	return status != 0;
}

int main(int argc, char *argv[])
{
	const struct sched_param lowest = {.sched_priority = 1};
	pid_t command = 0;
	int i = 1;

	while (i < argc && strcmp(argv[i], "--") != 0 && strcmp(argv[i], "--signal") != 0)
		i++;
	if (i + 1 >= argc) {
		fputs("usage: until [--dies PID]... [--goes PATH]... "
		      "(--signal NUMBER PID... | -- COMMAND...)\n",
		      stderr);
		return 2;
	}
	char **action = argv + i;
	const char *kind = *action;
	*action = NULL;
	parse(argv + 1);
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest))
		die("sched_setscheduler");
	if (strcmp(kind, "--") == 0) {
		start = now_ns();
		command = start_command(action + 1, environ);
	} else {
		for (char **pid = action + 2; *pid && targets < MANY; pid++)
			target[targets++] = open_process(*pid);
		signal_targets(atoi(action[1]));
	}
	return watch(command);
}
