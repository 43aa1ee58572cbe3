/* SPDX-License-Identifier: Apache-2.0 */
#include "probe.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cancel.h"
#include "file.h"
#include "identity.h"
#include "piddir.h"
#include "signals.h"
#include "util.h"

/* A slow machine's start of a container; a guard's own bounds, podman's cleanup included. */
#define START_MS  60000
#define END_MS	  30000
#define LOOK_MS	  20
#define SLEEP	  "600" /* should all else fail, it ends by itself */
#define UNIT	  "probe"
#define OUTPUT	  "output"
#define LAST_SIZE 4096 /* of what it has printed */

struct probing {
	const char *program, *podman, *image;
	char path[PATH_MAX]; /* of its directory */
	int directory;
	int output;		/* what podleash run and podman print, in a file without a name */
	struct handle holder;	/* podleash run */
	struct handles members; /* what must end with it */
	char *text;		/* what went wrong */
	size_t size;
};

/* In the child: becomes podleash run, in a session of its own: the terminal's signals are ours. */
__attribute__((noreturn)) static void become_run(const struct probing *probing, pid_t parent)
{
	const char *const words[] = {probing->program,
				     "run",
				     "--pid-dir",
				     probing->path,
				     "--unit",
				     UNIT,
				     "--grace",
				     "1",
				     probing->podman,
				     "run",
				     "--rm",
				     "--pull=never",
				     "--network=none",
				     "--entrypoint=sleep",
				     probing->image,
				     SLEEP,
				     NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* its guard then ends the rest */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	signals_give_back();
	/* what cannot be leashed must not start, and says why */
	if (getppid() == parent && setsid() >= 0 && chdir("/") == 0 && null >= 0 &&
	    dup2(null, STDIN_FILENO) >= 0 && dup2(probing->output, STDOUT_FILENO) >= 0 &&
	    dup2(probing->output, STDERR_FILENO) >= 0 && setenv("PODLEASH_STRICT", "1", 1) == 0)
		(void)execv(words[0], (char *const *)(uintptr_t)words);
	_exit(127);
}

static bool is_told_to_end(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 &&
	       (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
		sigismember(&pending, SIGHUP));
}

/* Writes down what went wrong; returns false. */
static bool failed(struct probing *probing, const char *what, const char *why)
{
	(void)snprintf(probing->text, probing->size, "%s%s%s", what, why[0] ? ": " : "", why);
	return false;
}

/* The same, with the last line that podleash run or podman has printed. */
static bool failed_to_start(struct probing *probing)
{
	char text[LAST_SIZE];
	off_t end = lseek(probing->output, 0, SEEK_END), room = sizeof(text) - 1;
	ssize_t length =
		pread(probing->output, text, sizeof(text) - 1, end > room ? end - room : 0);

	while (length > 0 && text[length - 1] == '\n')
		length--;
	text[length > 0 ? length : 0] = '\0';
	const char *newline = strrchr(text, '\n');
	return failed(probing, "no container started", newline ? newline + 1 : text);
}

/* Its name goes at once: nothing else lies in the directory but what podleash knows. */
static bool open_output(struct probing *probing)
{
	probing->output = file_open_own(probing->directory, OUTPUT, O_RDWR | O_CREAT);
	return probing->output >= 0 && unlinkat(probing->directory, OUTPUT, 0) == 0;
}

static bool start(struct probing *probing)
{
	pid_t self = getpid();

	if (!open_output(probing))
		return failed(probing, OUTPUT, file_error());
	pid_t child = fork();
	if (child == 0)
		become_run(probing, self);
	if (child < 0)
		return failed(probing, "fork", strerror(errno));
	if (!handle_open(&probing->holder, child)) /* a zombie already; waitpid(2) follows */
		probing->holder = (struct handle){{child, 0}, -1};
	return true;
}

static void add_member(struct probing *probing, struct process id)
{
	struct handle handle;

	if (id.pid && handle_open_exact(&handle, id))
		(void)handles_add(&probing->members, handle);
}

/* Whether the run is known whole: podman, its guard, conmon and the container. */
static bool find_members(struct probing *probing)
{
	char name[RUN_SIZE];
	_cleanup_names_ struct names names;
	bool whole = false;

	(void)names_read(probing->directory, &names); /* looked at again */
	for (size_t i = 0; i < names.count && !whole; i++) {
		_cleanup_run_ struct run run = {.fd = -1};
		const char *why;

		if (file_kind(names.name[i], name) != FILE_RECORD ||
		    !record_open(&run, probing->directory, name, false, &why))
			continue;
		whole = run.guard.pid && run.conmon.pid && run.container.pid;
		if (whole) {
			add_member(probing, run.podman);
			add_member(probing, run.conmon);
			add_member(probing, run.container);
			add_member(probing, run.guard);
		}
	}
	return whole;
}

static bool wait_for_container(struct probing *probing)
{
	int64_t deadline = boottime_ms() + START_MS;

	while (!find_members(probing)) {
		if (is_told_to_end())
			return failed(probing, "interrupted", "");
		if (!handle_alive(&probing->holder))
			return failed_to_start(probing);
		if (!ms_until(deadline))
			return failed(probing, "no container runs after a minute", "");
		sleep_ms(LOOK_MS);
	}
	/* one that ended between two looks would count as ended by the leash */
	return probing->members.count == 4 || failed(probing, "the container ended by itself", "");
}

/* Whether the run has left no file of its own. */
static bool has_no_run(const struct probing *probing)
{
	char name[RUN_SIZE];
	_cleanup_names_ struct names names;
	bool none = true;

	if (!names_read(probing->directory, &names))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		enum file_kind kind = file_kind(names.name[i], name);

		none = none && kind != FILE_RECORD && kind != FILE_CONMON_PID &&
		       kind != FILE_CONTAINER_PID && kind != FILE_CONTAINER_ID;
	}
	return none;
}

static bool kill_holder(struct probing *probing, int *ms)
{
	int64_t before = boottime_ms();

	(void)handle_signal(&probing->holder, SIGKILL);
	if (!handles_wait(&probing->members, END_MS))
		return failed(probing,
			      "its holder was killed, and half a minute later it still runs", "");
	*ms = (int)(boottime_ms() - before);
	return has_no_run(probing) ||
	       failed(probing, "its holder was killed, it ended, and files are left", "");
}

/* Ends what may still be there and removes the directory. */
static bool clean_up(struct probing *probing)
{
	struct report report = {.silent = true};
	struct cancel cancel = {
		.directory = probing->directory,
		.path = probing->path,
		.grace_ms = 0,
		.timeout_ms = END_MS,
		.report = &report,
	};
	_cleanup_names_ struct names names = {0};

	/* first, so that nothing starts any more */
	bool ended = cancel_unit(&cancel);
	if (probing->holder.id.pid) {
		(void)handle_signal(&probing->holder, SIGKILL);
		ended = handle_wait(&probing->holder, END_MS) && ended;
		(void)waitpid(probing->holder.id.pid, NULL, WNOHANG);
	}
	if (!ended || !names_read(probing->directory, &names))
		return false;
	for (size_t i = 0; i < names.count; i++)
		(void)unlinkat(probing->directory, names.name[i], 0); /* rmdir tells */
	return rmdir(probing->path) == 0;
}

/* All of it, once there is a directory. */
static bool try(struct probing *probing, int *ms)
{
	bool good = start(probing) && wait_for_container(probing) && kill_holder(probing, ms);

	if (!clean_up(probing))
		good = failed(probing, "something of it is left in", probing->path);
	handle_close(&probing->holder);
	handles_close(&probing->members);
	cleanup_close(&probing->output);
	return good;
}

const char *probe(const char *program, const char *podman, const char *image, int *ms, char *text,
		  size_t size)
{
	struct probing probing = {.program = program,
				  .podman = podman,
				  .image = image,
				  .directory = -1,
				  .output = -1,
				  .holder = HANDLE_NONE,
				  .text = text,
				  .size = size};
	const char *why = NULL, *temporary = getenv("TMPDIR");
	sigset_t set, before;
	bool good = false;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, &before);
	int length = snprintf(probing.path, sizeof(probing.path), "%s/podleash-probe.XXXXXX",
			      temporary && temporary[0] == '/' ? temporary : "/tmp");
	errno = ENAMETOOLONG;
	if (length < (int)sizeof(probing.path) && mkdtemp(probing.path))
		probing.directory = piddir_open(probing.path, &why);
	if (probing.directory >= 0)
		good = try(&probing, ms);
	else
		(void)failed(&probing, probing.path, why ? why : strerror(errno));
	cleanup_close(&probing.directory);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return good ? NULL : text;
}
