/* SPDX-License-Identifier: Apache-2.0 */
/* For how long who moves is waited for. */

/* The bounds of bounds.h are minutes: these have the same order. */
#define PODLEASH_BOUNDS_H
#define MOVE_MS	  100
#define SLOW_MS	  500
#define CONMON_MS 1000
#define STALL_MS  4000

/* The program's own has the others, and is linked as well. */
#define wait_while_they_move wait_with_small_bounds
#define still_move	     move_with_small_bounds
#include "../../helper/stall.c"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tap.h"

/* What a process does: sleep, take processor time, start others that end soon, stop itself and end.
 */
enum work { NONE, SLEEP, BURN, START, STOP };

static const struct {
	const char *behaviour;
	enum work itself, below; /* below: of a child of its own */
	enum work podman;	 /* of a child of podman's, beside it */
	int ms;			 /* for how long; 0: until it is killed */
	bool ends;		 /* whether it is waited for */
	int least_ms;		 /* how long that takes at least */
} rows[] = {
	{"one that sleeps alone is given up after the shorter bound, who works elsewhere does not "
	 "count",
	 SLEEP, NONE, NONE, 0, false, CONMON_MS},
	{"one with a child that sleeps is given up after the longer", SLEEP, SLEEP, NONE, 0, false,
	 STALL_MS},
	{"one that ends is waited for", SLEEP, NONE, NONE, 100, true, 0},
	{"one that works is waited for beyond the bound", BURN, NONE, NONE, 3 * CONMON_MS, true,
	 CONMON_MS},
	{"so is one whose child works", SLEEP, BURN, NONE, STALL_MS + 2 * CONMON_MS, true,
	 STALL_MS},
	{"and one below which processes come and go", SLEEP, START, NONE, STALL_MS + 2 * CONMON_MS,
	 true, STALL_MS},
	{"so is one with a child that sleeps while a child of podman's works", SLEEP, SLEEP, BURN,
	 STALL_MS + 2 * CONMON_MS, true, STALL_MS},
	{"one that is stopped is woken", STOP, NONE, NONE, 0, true, 0},
	{"so is one whose child is", SLEEP, STOP, NONE, 0, true, 0},
};

/* Of a row that ends by itself and does not work meanwhile: however slow the machine is. */
#define LONG_MS 600000

static void stay(int64_t deadline)
{
	if (deadline)
		sleep_ms(ms_until(deadline));
	else
		(void)pause();
}

/* Does @what until @deadline (boottime_ms), or for ever. */
static void work(enum work what, int64_t deadline)
{
	if (what == STOP) {
		(void)raise(SIGSTOP);
		_exit(0);
	}
	while (!deadline || ms_until(deadline)) {
		pid_t child = what == START ? fork() : -1;

		if (child == 0) {
			sleep_ms(CONMON_MS); /* a slow look misses one that is gone by then */
			_exit(0);
		}
		if (child > 0)
			(void)waitpid(child, NULL, 0);
		else if (what == SLEEP)
			stay(deadline);
	}
}

/* Starts a process that does @itself, with a child that does @below, in a group of its own. */
static pid_t start(enum work itself, enum work below, int ms)
{
	int64_t deadline = ms ? boottime_ms() + ms : 0;
	pid_t pid = fork();

	if (pid) {
		(void)setpgid(pid, pid); /* whoever of the two is the first */
		return pid;
	}
	(void)setpgid(0, 0);
	pid_t child = below ? fork() : -1;
	if (child == 0) {
		work(below, deadline);
		_exit(0);
	}
	if (below == STOP) {
		(void)waitpid(child, NULL, 0);
		_exit(0);
	}
	work(itself, deadline);
	_exit(0);
}

/* Waits for the process of @row, and ends it; returns whether that went as it should, and how long
 * it *@took. */
static bool waits(size_t row, int64_t *took)
{
	int alone_ms = rows[row].ends && rows[row].itself != BURN ? LONG_MS : CONMON_MS;
	int64_t begun = boottime_ms();
	struct handles roots = {0}, podman = {0};
	struct handle handle;
	char name[RUN_SIZE];
	struct run run;

	(void)snprintf(name, sizeof(name), "1-%zu", row);
	run_init(&run, -1, name);
	pid_t pid = start(rows[row].itself, rows[row].below, rows[row].ms);
	pid_t other = rows[row].podman ? start(SLEEP, rows[row].podman, 0) : 0;
	if (other && handle_open(&handle, other))
		(void)handles_add(&podman, handle);
	bool ended = handle_open(&handle, pid) && handles_add(&roots, handle) &&
		     wait_with_small_bounds(&run, &roots, &podman, alone_ms);
	*took = boottime_ms() - begun;
	(void)kill(-pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	if (other) {
		(void)kill(-other, SIGKILL);
		(void)waitpid(other, NULL, 0);
	}
	handles_close(&roots);
	handles_close(&podman);
	return ended == rows[row].ends && *took >= rows[row].least_ms;
}

/* How often the log at @path says that @row takes long. */
static int count_lines(const char *path, size_t row)
{
	FILE *log = fopen(path, "re");
	char line[512], name[64];
	int lines = 0;

	(void)snprintf(name, sizeof(name), ", run 1-%zu: ", row);
	while (log && fgets(line, sizeof(line), log))
		lines += strstr(line, name) && strstr(line, " takes long");
	if (log)
		(void)fclose(log);
	return lines;
}

int main(void)
{
	char path[] = "/tmp/unit-stall.XXXXXX";
	struct handles none = {0};
	pid_t child[ARRAY_SIZE(rows)];
	int64_t *took = mmap(NULL, sizeof(*took) * ARRAY_SIZE(rows), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct run run;
	int status;

	(void)close(mkostemp(path, O_CLOEXEC));
	(void)setenv("PODLEASH_LOG", path, 1);
	log_init();
	run_init(&run, -1, "1-99");
	ok(wait_with_small_bounds(&run, &none, NULL, CONMON_MS), "nobody is not waited for");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		child[i] = fork();
		if (child[i] == 0)
			_exit(!waits(i, &took[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ok(waitpid(child[i], &status, 0) == child[i] && status == 0, "%s",
		   rows[i].behaviour);
	ok(took[0] < took[1], "the shorter bound is the shorter");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].least_ms == STALL_MS)
			ok(count_lines(path, i) == 1, "that it takes long is said once, %zu", i);
	(void)unlink(path);
	return done();
}
