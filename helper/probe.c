/* SPDX-License-Identifier: Apache-2.0 */
#include "probe.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "bounds.h"
#include "cancel.h"
#include "file.h"
#include "identity.h"
#include "piddir.h"
#include "podman.h"
#include "signals.h"
#include "stall.h"
#include "util.h"

#define LOOK_MS	  20
#define SLEEP	  "3600" /* should all else fail, it ends by itself */
#define LAST_SIZE 4096	 /* of what it has printed */
#define MEMBERS	  4

struct probing {
	const char *program, *podman, *image;
	char path[PATH_MAX];	/* of its directory, which podleash run makes */
	int directory;		/* -1: not yet */
	int output;		/* what podleash run and podman print, in a file without a name */
	struct handle holder;	/* podleash run */
	struct handles members; /* what must end with it, the guard last */
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

	text[length > 0 ? length : 0] = '\0';
	return failed(probing, "no container started", last_line(text));
}

static bool start(struct probing *probing)
{
	pid_t self = getpid();

	probing->output = memfd_create("output", MFD_CLOEXEC);
	if (probing->output < 0)
		return failed(probing, "memfd_create", strerror(errno));
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
	const char *why;

	if (probing->directory < 0)
		probing->directory = piddir_open(probing->path, &why);
	(void)names_read(probing->directory, &names); /* looked at again */
	for (size_t i = 0; i < names.count && !whole; i++) {
		_cleanup_run_ struct run run = {.fd = -1};

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
	struct handles holder = {&probing->holder, 1};
	struct movement movement = {.roots = &holder};
	int64_t look = 0;

	while (!find_members(probing)) {
		if (is_told_to_end())
			return failed(probing, "interrupted", "");
		if (!handle_alive(&probing->holder))
			return failed_to_start(probing);
		if (!ms_until(look)) {
			/* it has podman below it, unless nothing can be seen */
			if (!still_move(&movement, CONMON_MS))
				return failed(probing, "podman makes no progress", "");
			look = boottime_ms() + MOVE_MS;
		}
		sleep_ms(LOOK_MS);
	}
	/* one that ended between two looks would count as ended by the leash */
	return probing->members.count == MEMBERS ||
	       failed(probing, "the container, or what guards it, ended by itself", "");
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

/* The guard lives until all of it has ended, however long podman takes. */
static bool wait_for_end(struct probing *probing)
{
	const struct handle *guard = &probing->members.item[MEMBERS - 1];
	struct movement movement = {.roots = &probing->members};

	while (!handles_wait(&probing->members, MOVE_MS)) {
		if (is_told_to_end())
			return failed(probing, "interrupted", "");
		if (!handle_alive(guard))
			return handles_wait(&probing->members, KILL_MS) ||
			       failed(probing, "its holder was killed, and it outlived its guard",
				      "");
		if (!still_move(&movement, STALL_MS))
			return failed(probing, "its holder was killed, and its guard does nothing",
				      "");
	}
	return true;
}

static bool kill_holder(struct probing *probing, int *ms)
{
	int64_t before = boottime_ms();

	if (!handle_signal(&probing->holder, SIGKILL))
		return failed(probing, "its holder could not be killed", strerror(errno));
	if (!wait_for_end(probing))
		return false;
	*ms = (int)(boottime_ms() - before);
	return has_no_run(probing) ||
	       failed(probing, "its holder was killed, it ended, and files are left", "");
}

/* Ends what may still be there within @ms. */
static bool end_all(struct probing *probing, int ms)
{
	struct report report = {.silent = true};
	struct cancel cancel = {
		.directory = probing->directory,
		.path = probing->path,
		.grace_ms = 0,
		.timeout_ms = ms,
		.report = &report,
	};

	/* podleash run removes it where its command could not be started */
	return piddir_is_removed(probing->directory) || cancel_unit(&cancel) ||
	       piddir_is_removed(probing->directory);
}

static bool end_holder(struct probing *probing)
{
	if (!probing->holder.id.pid)
		return true;
	(void)handle_signal(&probing->holder, SIGKILL);
	bool ended = handle_wait(&probing->holder, KILL_MS);
	(void)waitpid(probing->holder.id.pid, NULL, WNOHANG);
	return ended;
}

/* Ends it all, as long as that takes, and removes the directory. */
static bool clean_up(struct probing *probing)
{
	_cleanup_names_ struct names names = {0};
	const char *why;
	/* first: nothing starts whose podleash run has ended */
	bool ended = end_holder(probing);

	if (probing->directory < 0) /* it may have been made just now */
		probing->directory = piddir_open(probing->path, &why);
	if (probing->directory < 0)
		return ended && errno == ENOENT;
	/* where no process may be told to end it is no use to wait */
	ended = end_all(probing, ended ? REAPERS_MS : KILL_MS) && ended;
	if (ended && piddir_is_removed(probing->directory))
		return true;
	if (!ended || !names_read(probing->directory, &names))
		return false;
	for (size_t i = 0; i < names.count; i++)
		(void)unlinkat(probing->directory, names.name[i], 0); /* rmdir tells */
	return rmdir(probing->path) == 0;
}

/* All of it. */
static bool try(struct probing *probing, int *ms)
{
	bool good = start(probing) && wait_for_container(probing) && kill_holder(probing, ms);

	if (!clean_up(probing))
		good = failed(probing, "something of it is left in", probing->path);
	handle_close(&probing->holder);
	handles_close(&probing->members);
	cleanup_close(&probing->output);
	cleanup_close(&probing->directory);
	return good;
}

const char *probe(const char *program, const char *podman, const char *image, const char *root,
		  int *ms, char *text, size_t size)
{
	struct probing probing = {.program = program,
				  .podman = podman,
				  .image = image,
				  .directory = -1,
				  .output = -1,
				  .holder = HANDLE_NONE,
				  .text = text,
				  .size = size};
	sigset_t set, before;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, &before);
	bool made = file_make_directory(AT_FDCWD, root); /* as podleash run makes it */
	bool good = snprintf(probing.path, sizeof(probing.path), "%s/doctor-%d-%jx", root,
			     (int)getpid(), (uintmax_t)boottime_ns()) < (int)sizeof(probing.path)
			    ? try(&probing, ms)
			    : failed(&probing, root, strerror(ENAMETOOLONG));
	if (made)
		(void)rmdir(root); /* others may use it by now */
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return good ? NULL : text;
}
