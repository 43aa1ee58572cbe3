/* SPDX-License-Identifier: Apache-2.0 */
#include "podman.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "file.h"
#include "handle.h"
#include "log.h"
#include "signals.h"
#include "util.h"

/* The answers of podman_knows(). */
#define PIDFILE	     "pidfile=1\n"
#define NO_PIDFILE   "pidfile=0\n"
#define ANSWER_LIMIT 64

#define ASK_MS	     5000
#define CALL_MS	     20000
#define KILL_MS	     1000
#define OUTPUT_LIMIT (4U << 20)
#define CALL_WORDS   4096
#define LOOK_MS	     10 /* at a child for which the kernel gives no pidfd */

/* A command line in the making; what does not fit is left out. */
struct command {
	const char *word[CALL_WORDS];
	size_t count;
};

static bool is_full(const struct command *command)
{
	return command->count + 1 == CALL_WORDS;
}

static void add(struct command *command, const char *word)
{
	if (is_full(command))
		return;
	command->word[command->count++] = word;
	command->word[command->count] = NULL;
}

/* In the child: becomes podman, with @output as its stdout. */
__attribute__((noreturn)) static void become_podman(const struct command *command,
						    char *const environment[], int output)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	signals_give_back();
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(output >= 0 ? output : null, STDOUT_FILENO) >= 0 &&
	    dup2(null, STDERR_FILENO) >= 0 && chdir("/") == 0)
		(void)execve(command->word[0], (char *const *)(uintptr_t)command->word,
			     environment);
	_exit(127);
}

/* Reads more of @fd to @text, which holds *@used of @room bytes. False at its end or @deadline. */
static bool read_more(int fd, int64_t deadline, char *text, size_t room, size_t *used)
{
	struct pollfd ready = {fd, POLLIN, 0};
	ssize_t n;

	if (poll(&ready, 1, ms_until(deadline)) <= 0)
		return false;
	n = read(fd, text + *used, room - *used - 1);
	*used += n > 0 ? (size_t)n : 0;
	return n > 0 || (n < 0 && errno == EINTR);
}

/* Reads @fd to its end, to @deadline or OUTPUT_LIMIT, NUL-terminated. NULL where memory is short.
 */
static char *read_output(int fd, int64_t deadline)
{
	char *text = malloc(OUTPUT_LIMIT);
	size_t used = 0;

	if (!text)
		return NULL;
	while (read_more(fd, deadline, text, OUTPUT_LIMIT, &used))
		continue;
	text[used] = '\0';
	return text;
}

/* Waits for our own @child until @deadline; as waitpid(2) with WNOHANG, 0: it has not ended. */
static pid_t wait_for(pid_t child, int64_t deadline, int *status)
{
	struct handle handle;
	bool open = handle_open(&handle, child);
	pid_t ended;

	while ((ended = waitpid(child, status, WNOHANG)) == 0 && ms_until(deadline))
		if (open)
			open = !handle_wait(&handle, ms_until(deadline));
		else
			sleep_ms(LOOK_MS);
	handle_close(&handle);
	return ended;
}

/*
 * Runs @command for at most @ms. Returns its exit status, or -1 where it could
 * not be started or was ended for taking too long. With @output, hands its stdout
 * over (NULL where there is none).
 */
static int call(const struct command *command, char *const environment[], int ms, char **output)
{
	int64_t deadline = boottime_ms() + ms;
	int ends[2] = {-1, -1};
	int status;

	if (output)
		*output = NULL;
	if (output && pipe2(ends, O_CLOEXEC))
		return -1;
	pid_t child = fork();
	if (child == 0)
		become_podman(command, environment, ends[1]);
	cleanup_close(&ends[1]);
	if (child > 0 && output)
		*output = read_output(ends[0], deadline);
	cleanup_close(&ends[0]);
	if (child < 0)
		return -1;

	pid_t ended = wait_for(child, deadline, &status);
	if (ended == 0) {
		log_line("%s %s: no end after %d ms, killed", command->word[0], command->word[1],
			 ms);
		(void)kill(child, SIGKILL); /* not waited for yet: its pid is its own */
		(void)wait_for(child, boottime_ms() + KILL_MS, &status);
		return -1;
	}
	return ended == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Asks @executable whether it knows @flag; returns its status, or -1 (call()). */
static int ask(const char *executable, const char *flag, char *const environment[])
{
	struct command command = {.count = 0};

	add(&command, executable);
	add(&command, "run");
	add(&command, flag);
	add(&command, "--help");
	return call(&command, environment, ASK_MS, NULL);
}

enum podman_knows podman_knows(int directory, const char *executable, char *const environment[])
{
	char name[128];
	struct stat st;

	if (stat(executable, &st))
		return PODMAN_DOES_NOT_START;
	(void)snprintf(name, sizeof(name), ".podman-%jx-%jx-%jx-%jx.%lx", (uintmax_t)st.st_dev,
		       (uintmax_t)st.st_ino, (uintmax_t)st.st_size, (uintmax_t)st.st_mtim.tv_sec,
		       (unsigned long)st.st_mtim.tv_nsec);
	_cleanup_free_ char *known = read_own_file(directory, name, ANSWER_LIMIT, NULL);
	if (known && equal(known, PIDFILE))
		return PODMAN_KNOWS_BOTH;
	if (known && equal(known, NO_PIDFILE))
		return PODMAN_KNOWS_CONMON_PIDFILE;

	int status = ask(executable, "--pidfile=/dev/null", environment);
	if (status == 126 || status == 127) /* it was not started: env(1) */
		return PODMAN_DOES_NOT_START;
	/* one that is out of order knows neither: it is asked again next time */
	if (status < 0 || (status && ask(executable, "--conmon-pidfile=/dev/null", environment)))
		return PODMAN_DOES_NOT_ANSWER;
	(void)file_write_new(directory, name,
			     status ? NO_PIDFILE : PIDFILE); /* else asked again as well */
	return status ? PODMAN_KNOWS_CONMON_PIDFILE : PODMAN_KNOWS_BOTH;
}

void podman_share_answer(int from, int to, const char *name)
{
	_cleanup_free_ char *answer = read_own_file(from, name, ANSWER_LIMIT, NULL);

	if (answer)
		(void)file_write_new(to, name, answer); /* there already is as good */
}

/* Writes the first line that @command prints; "" where it fails. */
static void first_line(const struct command *command, char *const environment[], char *line,
		       size_t size)
{
	char *output;
	int status = call(command, environment, ASK_MS, &output);

	(void)snprintf(line, size, "%.*s", status == 0 && output ? (int)strcspn(output, "\n") : 0,
		       output ? output : "");
	free(output);
}

void podman_version(const char *executable, char *const environment[], char *version, size_t size)
{
	struct command command = {.count = 0};

	add(&command, executable);
	add(&command, "--version");
	first_line(&command, environment, version, size);
}

void podman_first_image(const char *executable, char *const environment[], char *image, size_t size)
{
	struct command command = {.count = 0};

	add(&command, executable);
	add(&command, "images");
	add(&command, "--quiet");
	add(&command, "--no-trunc");
	add(&command, "--filter=dangling=false");
	first_line(&command, environment, image, size);
}

/* podman with the storage options of the run: conmon's exit command up to `container cleanup`. */
static void start_command(const struct run *run, struct command *command)
{
	for (size_t i = 0; i + 1 < run->cleanups; i++) {
		if (equal(run->cleanup[i], "container") && equal(run->cleanup[i + 1], "cleanup"))
			return;
		add(command, run->cleanup[i]);
	}
	/* no conmon was ever seen: the flags that podman itself was given */
	*command = (struct command){.count = 0};
	add(command, run->executable);
	for (size_t i = 0; i < run->globals; i++)
		add(command, run->global[i]);
}

static char *const *environment_of(const struct run *run)
{
	return (char *const *)(uintptr_t)run->environment;
}

/* Finds "CID|CONMON-PIDFILE|PIDFILE" of this run in what inspect printed. */
static bool find_line(const struct run *run, char *text, char cid[CID_SIZE])
{
	char *rest, *line;

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *conmon_pidfile = strchr(line, '|');
		char *pidfile = conmon_pidfile ? strchr(conmon_pidfile + 1, '|') : NULL;

		if (!pidfile)
			continue;
		*conmon_pidfile++ = '\0';
		*pidfile++ = '\0';
		if (cid_valid(line) && (run_owns(run, conmon_pidfile, CONMON_SUFFIX) ||
					run_owns(run, pidfile, CONTAINER_SUFFIX))) {
			memcpy(cid, line, CID_SIZE);
			return true;
		}
	}
	return false;
}

/*
 * `podman inspect` names the pid files also of a container that never left "Created"; podman
 * 3.0, which was not given --pidfile, has no such field.
 */
static void start_inspect(const struct run *run, struct command *command)
{
	start_command(run, command);
	add(command, "container");
	add(command, "inspect");
	add(command, "--format");
	add(command, run_owns(run, run->pidfile, CONTAINER_SUFFIX)
			     ? "{{.Id}}|{{.ConmonPidFile}}|{{.PidFile}}"
			     : "{{.Id}}|{{.ConmonPidFile}}|");
}

/* Writes "" where it is none of these; returns whether podman could be asked. */
static bool inspect(const struct run *run, const struct command *command, char cid[CID_SIZE])
{
	char *output = NULL;
	int status = call(command, environment_of(run), CALL_MS, &output);
	/* one that went away meanwhile fails the call, and the others are printed all the same */
	bool asked = status >= 0 && output && (status == 0 || output[0]);

	if (!asked || !find_line(run, output, cid))
		cid[0] = '\0';
	free(output);
	return asked;
}

static bool inspect_all(const struct run *run, char *containers, char cid[CID_SIZE])
{
	char *rest, *id = strtok_r(containers, "\n", &rest);
	bool asked = true;

	while (id && asked && !cid[0]) {
		struct command command = {.count = 0};

		start_inspect(run, &command);
		for (; id && !is_full(&command); id = strtok_r(NULL, "\n", &rest))
			add(&command, id);
		asked = inspect(run, &command, cid);
	}
	return asked;
}

static void inspect_name(const struct run *run, char cid[CID_SIZE])
{
	struct command command = {.count = 0};

	if (!run->container_name[0])
		return;
	start_inspect(run, &command);
	add(&command, run->container_name);
	(void)inspect(run, &command, cid); /* else it is among all, or not */
}

/* Writes "" where podman has no such container; returns whether podman could be asked. */
static bool look_up(const struct run *run, char cid[CID_SIZE])
{
	struct command command = {.count = 0};
	char *output = NULL;

	cid[0] = '\0';
	inspect_name(run, cid);
	if (cid[0])
		return true;
	start_command(run, &command);
	add(&command, "ps");
	add(&command, "--all");
	add(&command, "--quiet");
	add(&command, "--no-trunc");
	bool asked = call(&command, environment_of(run), CALL_MS, &output) == 0 && output &&
		     inspect_all(run, output, cid);
	free(output);
	return asked;
}

bool podman_find(struct run *run)
{
	char cid[CID_SIZE];

	if (run->cid[0])
		return true;
	if (!look_up(run, cid))
		return false;
	if (cid[0] && (run->found = strdup(cid)))
		run->cid = run->found;
	return !cid[0] || run->found;
}

void podman_stop(const struct run *run)
{
	struct command command = {.count = 0};

	if (!run->cid[0])
		return;
	start_command(run, &command);
	add(&command, "stop");
	add(&command, "--time=0");
	add(&command, run->cid);
	(void)call(&command, environment_of(run), CALL_MS, NULL); /* fails where none ever ran */
}

/* A podman that finds no conmon leaves what the runtime knows of the container, and its cgroups. */
static void forget_in_runtime(const struct run *run)
{
	struct command command = {.count = 0};

	if (!run->runtime[0])
		return;
	add(&command, run->runtime);
	add(&command, "delete");
	add(&command, "--force");
	add(&command, run->cid);
	(void)call(&command, environment_of(run), CALL_MS, NULL); /* fails where podman did it */
}

/* Whether podman says that it has no such container. */
static bool is_unknown(const struct run *run)
{
	struct command command = {.count = 0};

	start_command(run, &command);
	add(&command, "container");
	add(&command, "exists");
	add(&command, "--external"); /* what is left of one in the storage counts */
	add(&command, run->cid);
	/* 1 says so, podman-container-exists(1) */
	return call(&command, environment_of(run), CALL_MS, NULL) == 1;
}

bool podman_forget(struct run *run)
{
	struct command command = {.count = 0};

	if (!podman_find(run))
		return false;
	if (!run->cid[0])
		return true;
	/* `rm --force` would wait for news of its end, and `cleanup` refuse */
	podman_stop(run);
	start_command(run, &command);
	if (run->remove) {
		add(&command, "rm");
		add(&command, "--force");
	} else {
		add(&command, "container");
		add(&command, "cleanup");
	}
	add(&command, run->cid);
	int status = call(&command, environment_of(run), CALL_MS, NULL);
	forget_in_runtime(run);
	log_run(run, NULL, "podman %s %s: status %d",
		run->remove ? "rm --force" : "container cleanup", run->cid, status);
	return status == 0 || is_unknown(run);
}
