/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podleash run: sets the leash for a command and everything it starts.
 *
 * Stands where the command stood: passes signals on, and exits as it did. What the command
 * has started ends when it does. Below receptor, which gives it ten seconds, the unit is
 * cancelled as soon as it is told to end.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ancestors.h"
#include "cancel.h"
#include "commands.h"
#include "file.h"
#include "grace.h"
#include "handle.h"
#include "library.h"
#include "log.h"
#include "passed_on.h"
#include "piddir.h"
#include "podman.h"
#include "signals.h"
#include "suspend.h"
#include "tombstone.h"
#include "unheard.h"
#include "util.h"

/* receptor kills the command 10 s after it told it to end: workceptor/command.go */
#define CANCEL_MS  8000
#define COMMAND_MS 9000

/* After the command's own end: guards that still wait for podman's cleanup. */
#define SETTLE_MS 60000

/* How often what is left is looked at before the directory stays for a sweep, and between them. */
#define LAST_LOOKS   5
#define LAST_LOOK_MS 100

/* Between two looks at a command-runner for which the kernel gives no pidfd. */
#define NO_PIDFD_MS 100

struct job {
	const char *pid_dir, *grace; /* as given, or NULL */
	const char *given_unit;
	char **command;
	int kill_ms;	/* from the command's first signal to end to SIGKILL; 0: never */
	uint64_t began; /* boottime_ns; it, or the topmost above it: a cancel of it comes later */
	char unit[UNIT_SIZE];
	char path[PATH_MAX]; /* of the pid directory */
	int root;	     /* the directory above it, where `podleash run` made it; else -1 */
	int directory;
	int lock;	     /* on the mark of a directory that `podleash run` made; else -1 */
	bool inherited_unit; /* its name is an outer job's: that job's other runs are not ours */
	void *library;	     /* libpodleash.so, NULL where it could not be loaded */
	struct ancestors ancestors;
	struct run whole; /* no run but the unit, as the log speaks of it */
};

static bool parse(struct job *job, int argc, char *argv[])
{
	static const struct option longs[] = {
		{"pid-dir", required_argument, NULL, 'd'},
		{"unit", required_argument, NULL, 'u'},
		{"grace", required_argument, NULL, 'g'},
		{"kill-after", required_argument, NULL, 'k'},
		{HELP_OPTION},
		{0},
	};
	const char *kill_after = NULL;
	int option, grace_ms;

	while ((option = command_option(argc, argv, "+h", longs)) != -1) {
		if (option == '?')
			return false;
		*(option == 'd'	  ? &job->pid_dir
		  : option == 'u' ? &job->given_unit
		  : option == 'g' ? &job->grace
				  : &kill_after) = optarg;
	}
	job->command = argv + optind;
	if ((job->grace && !grace_given(job->grace, &grace_ms)) ||
	    (kill_after && !grace_given(kill_after, &job->kill_ms)))
		return false;
	if (job->given_unit && !unit_name_valid(job->given_unit)) {
		print_error("%s: not a unit's name", job->given_unit);
		return false;
	}
	if (job->pid_dir && !job->pid_dir[0]) {
		print_error("--pid-dir: no directory given");
		return false;
	}
	if (!job->command[0])
		print_error("no command given");
	return job->command[0] != NULL;
}

/* The unit given, else PODLEASH_UNIT, else the command-runner's, else one of our own. */
static void name_unit(struct job *job)
{
	const char *variable = getenv("PODLEASH_UNIT");
	const char *unit = job->given_unit;

	if (!unit && variable && unit_name_valid(variable)) {
		unit = variable;
		job->inherited_unit = true;
	}
	if (!unit && job->ancestors.unit[0]) {
		unit = job->ancestors.unit;
		/* a step of what the command-runner has started is not the whole unit */
		job->inherited_unit = job->ancestors.holders > 1;
	}
	if (unit)
		(void)snprintf(job->unit, sizeof(job->unit), "%s", unit);
	else
		(void)snprintf(job->unit, sizeof(job->unit), "run-%d-%llx", (int)getpid(),
			       (unsigned long long)boottime_ns());
	run_init(&job->whole, -1, "");
	job->whole.unit = job->unit;
}

/* Makes and opens the root and the unit's directory in it. */
static bool open_own(struct job *job, const char **why)
{
	char root[PATH_MAX];

	piddir_root(root, sizeof(root));
	*why = "too long a path";
	if (snprintf(job->path, sizeof(job->path), "%s/%s", root, job->unit) >=
	    (int)sizeof(job->path))
		return false;
	(void)file_make_directory(AT_FDCWD,
				  root); /* there already, or the next call says why not */
	job->root = piddir_open(root, why);
	if (job->root < 0)
		return false;
	job->directory = piddir_make(job->path, &job->lock, why);
	if (job->directory >= 0)
		podman_share_answers(job->root, job->directory);
	return job->directory >= 0;
}

/* The directory given, else RECEPTOR_PID_DIRECTORY, else the unit's own below the root. */
static bool open_directory(struct job *job, const char **why)
{
	const char *variable = getenv("RECEPTOR_PID_DIRECTORY");
	const char *path = job->pid_dir ? job->pid_dir : variable && *variable ? variable : NULL;

	if (!path)
		return open_own(job, why);
	/* podman may be called for anywhere */
	if (!piddir_absolute(path, job->path)) {
		*why = strerror(errno);
		return false;
	}
	job->directory = piddir_make(job->path, &job->lock, why);
	return job->directory >= 0;
}

/* Sets the environment of the leash. What ld.so cannot load would print into the job's result. */
static bool set_environment(struct job *job, const char **why)
{
	char helper[PATH_MAX], library[PATH_MAX];
	static char text[PATH_MAX + 96]; /* the caller's to read */

	*why = "/proc/self/exe cannot be read";
	if (!program_path(helper))
		return false;
	library_find(helper, library);
	const char *problem = library_problem(library);
	if (problem) {
		(void)snprintf(text, sizeof(text), "%s: %s", library, problem);
		*why = text;
		return false;
	}
	job->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (!job->library) {
		*why = dlerror();
		return false;
	}
	*why = strerror(ENOMEM);
	return environment_load(library) && setenv("PODLEASH_HELPER", helper, 1) == 0 &&
	       setenv("RECEPTOR_PID_DIRECTORY", job->path, 1) == 0 &&
	       setenv("PODLEASH_UNIT", job->unit, 1) == 0 &&
	       (!job->grace || setenv("PODLEASH_GRACE", job->grace, 1) == 0);
}

/* Says of a bad PODLEASH_GRACE that it is one, so that each podman below need not. */
static void check_grace(const struct job *job)
{
	const char *grace = getenv("PODLEASH_GRACE");

	if (job->grace || !grace || !grace[0] || grace_from_environment(&job->whole) >= 0)
		return;
	if (isatty(STDERR_FILENO))
		print_error(GRACE_IGNORED, grace, GRACE_MAX);
	(void)unsetenv("PODLEASH_GRACE");
}

/*
 * Becomes the command; as env(1): 127 where there is none, 126 where it cannot be
 * started. By the library's execvp(3), since the command may be podman itself.
 */
static int become(const struct job *job)
{
	__typeof__(&execvp) leashed =
		job->library ? (__typeof__(&execvp))dlsym(job->library, "execvp") : NULL;

	signals_give_back();
	(void)(leashed ? leashed : execvp)(job->command[0], job->command);
	print_error("%s: %s", job->command[0], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}

#define A_LEASH	   "a leash"
#define SUPERVISOR "anyone above it to cancel it"

/* Without @what the command runs all the same, unless PODLEASH_STRICT=1. */
static int go_without(const struct job *job, const char *what, const char *why)
{
	const char *strict = getenv("PODLEASH_STRICT");

	if (strict && equal(strict, "1")) {
		print_error("%s: %s; the unit cannot be leashed and PODLEASH_STRICT is set",
			    job->path, why);
		return EXIT_REFUSED;
	}
	log_run(&job->whole, why, "%s: %s; %s is started without %s", job->path, why,
		job->command[0], what);
	if (isatty(STDERR_FILENO)) /* a person's, and no result of a job */
		print_error("%s: %s; %s is started without %s; podleash doctor says more",
			    job->path, why, job->command[0], what);
	return become(job);
}

/*
 * Whether all of the unit is this job's: what receptor has started, and not in a directory of
 * others, of whom a unit's tombstone would stop all that has the directory's name.
 */
static bool is_whole_unit(const struct job *job)
{
	char all[UNIT_SIZE];

	piddir_unit(job->directory, all);
	return job->ancestors.command_runner && !job->inherited_unit &&
	       (job->root >= 0 || !equal(job->unit, all));
}

/* Ends all of the unit where that is this job's, else what this process holds. */
static bool cancel_job(const struct job *job, int timeout_ms)
{
	struct report report = {.silent = true};
	struct cancel cancel = {
		.directory = job->directory,
		.path = job->path,
		.grace_ms = -1, /* they have the same environment */
		.timeout_ms = timeout_ms,
		.report = &report,
	};

	if (is_whole_unit(job))
		cancel.unit = job->unit;
	else
		cancel.holder = getpid();
	return cancel_unit(&cancel);
}

/* What the loop below looks after. */
struct supervision {
	pid_t command;	   /* our child, not waited for yet: its pid is its own */
	int signals;	   /* signalfd */
	bool had_terminal; /* at the start */
	bool has_runner;
	struct handle command_runner;
	bool told;	 /* the command, to end */
	int64_t kill_at; /* boottime_ms; 0: it is not to be killed */
};

/* Whether the terminal was lost: nobody is left who could ask again, or wants a reload. */
static bool is_hangup(const struct supervision *watch, const struct passed_on *signal)
{
	return signal->number == SIGHUP &&
	       (signal->by_kernel || (watch->had_terminal && !has_terminal()));
}

/*
 * Tells the command to end, unless @signal has reached it. A podman that ends with its container
 * is not told besides: it would complain that there is no container to hand the signal on to.
 */
static void tell_command(const struct job *job, struct supervision *watch,
			 const struct passed_on *signal)
{
	bool last = watch->has_runner || is_hangup(watch, signal);

	if (!end_unheard(job->directory, watch->command, signal, last) && !signal->reached)
		(void)kill(watch->command, signal->number);
	if (signal->reached && signal->number == SIGINT && !watch->has_runner)
		return; /* Ctrl-C: what else the command makes of it is its own affair */
	if (!watch->told && job->kill_ms)
		watch->kill_at = boottime_ms() + job->kill_ms;
	watch->told = true;
}

/* Receptor's cancel: tells the command to end and cancels the unit, once. */
static void end_job(const struct job *job, struct supervision *watch,
		    const struct passed_on *signal)
{
	bool again = watch->told;

	tell_command(job, watch, signal);
	if (!again && !cancel_job(job, CANCEL_MS))
		log_run(&job->whole, NULL, "not all of it ended within %d ms; its guards go on",
			CANCEL_MS);
}

/* Below receptor what ends the unit is meant, also where it was ignored. */
static bool ends_command(const struct supervision *watch, const struct passed_on *signal)
{
	return (signal->number == SIGINT || signal->number == SIGTERM ||
		signal->number == SIGHUP) &&
	       (watch->has_runner || !signal->was_ignored);
}

static void take_signal(const struct job *job, struct supervision *watch)
{
	struct passed_on signal;

	if (!passed_on_read(watch->signals, watch->command, &signal))
		return;
	if (!ends_command(watch, &signal)) {
		if (!signal.reached)
			(void)kill(watch->command, signal.number);
	} else if (watch->has_runner) {
		end_job(job, watch, &signal);
	} else {
		tell_command(job, watch, &signal);
	}
}

/* Collects what has ended, as the first process of a container its orphans too, and stops where the
 * command has. Whether the command has ended, with its wait status. */
static bool collect(const struct supervision *watch, int *status)
{
	pid_t whom = getpid() == 1 ? -1 : watch->command, changed;

	while ((changed = waitpid(whom, status, WNOHANG | WUNTRACED)) > 0) {
		if (changed == watch->command && !WIFSTOPPED(*status))
			return true;
		if (changed == watch->command)
			suspend_with(watch->command, WSTOPSIG(*status));
	}
	return false;
}

/* Waits for the command's end; returns its wait status. */
static int watch_command(const struct job *job, struct supervision *watch)
{
	int status;

	for (;;) {
		struct pollfd fds[] = {{watch->signals, POLLIN, 0},
				       {watch->command_runner.fd, POLLIN, 0}};
		int timeout = watch->kill_at ? ms_until(watch->kill_at) : -1;

		if (watch->has_runner && watch->command_runner.fd < 0 &&
		    (timeout < 0 || timeout > NO_PIDFD_MS))
			timeout = NO_PIDFD_MS;
		(void)poll(fds, ARRAY_SIZE(fds), timeout);
		if (fds[0].revents & POLLIN)
			take_signal(job, watch);
		if (collect(watch, &status))
			return status;
		if (watch->has_runner && !handle_alive(&watch->command_runner)) {
			const struct passed_on gone = {.number = SIGTERM, .reached = watch->told};

			handle_close(&watch->command_runner);
			end_job(job, watch, &gone);
			watch->has_runner = false;
		}
		if (watch->kill_at && !ms_until(watch->kill_at)) {
			(void)kill(watch->command, SIGKILL);
			watch->kill_at = 0;
		}
	}
}

/* Removes the unit's directory, where it was made for this job; false: something is in it. */
static bool remove_directory(struct job *job)
{
	if (job->lock < 0)
		return true;
	if (job->root >= 0)
		podman_share_answers(job->directory, job->root);
	(void)flock(job->lock, LOCK_UN); /* the last that uses it removes it */
	return piddir_remove(job->directory, job->path) || errno == ENOENT || errno == EWOULDBLOCK;
}

/*
 * In the child: what a service manager has told @parent by its pid is told the command by its own
 * (sd_listen_fds(3), sd_watchdog_enabled(3)). LISTEN_PIDFDID names the parent once more.
 */
static void take_over_service(pid_t parent)
{
	static const char *const names[] = {"LISTEN_PID", "WATCHDOG_PID"};
	char theirs[16], ours[16];

	(void)snprintf(theirs, sizeof(theirs), "%d", (int)parent);
	(void)snprintf(ours, sizeof(ours), "%d", (int)getpid());
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);

		if (value && equal(value, theirs) && setenv(names[i], ours, 1) == 0 && i == 0)
			(void)unsetenv("LISTEN_PIDFDID");
	}
}

/* What exec(2) keeps and fork(2) does not, and a process was told to be: the parent of orphans. */
static bool is_subreaper(void)
{
	int set = 0;

	return prctl(PR_GET_CHILD_SUBREAPER, &set) == 0 && set;
}

/* In the child: becomes the command, and is told when `podleash run` itself is killed. */
__attribute__((noreturn)) static void start_command(const struct job *job, pid_t parent,
						    const sigset_t *mask, bool subreaper)
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, subreaper);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* neither can fail */
	if (getppid() != parent)
		_exit(EXIT_REFUSED);
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	(void)owner_name(parent, job->began); /* the leash holds without it */
	take_over_service(parent);
	_exit(become(job));
}

/*
 * What is left of the command has lost its holder: nothing stays, whatever its end was. After any
 * but its @own the tombstone does, for what the job may still try to start.
 */
static void end_what_is_left(struct job *job, bool own)
{
	bool removed = false;

	/* until the directory is gone, what is in the background may start one more podman */
	for (int look = 0; look < LAST_LOOKS && !removed; look++) {
		if (!cancel_job(job, SETTLE_MS)) {
			log_run(&job->whole, NULL, "something is left; podleash sweep %s",
				job->path);
			return;
		}
		if (is_whole_unit(job) && !own)
			return;
		if (is_whole_unit(job))
			tombstone_remove(job->directory, job->unit);
		removed = remove_directory(job);
		if (!removed)
			sleep_ms(LAST_LOOK_MS);
	}
	if (!removed)
		log_run(&job->whole, NULL, "%s: %s; sweep removes it once it is empty", job->path,
			strerror(errno));
}

static int run_job(struct job *job)
{
	struct supervision watch = {
		.had_terminal = has_terminal(),
		.has_runner = job->ancestors.command_runner,
	};
	bool subreaper = is_subreaper();
	pid_t self = getpid();
	sigset_t before;

	watch.command_runner = HANDLE_NONE;
	watch.signals = passed_on_open(&before);
	if (watch.has_runner)
		(void)handle_open_exact(&watch.command_runner,
					job->ancestors.holder[job->ancestors.holders - 1].id);
	watch.command = watch.signals < 0 ? -1 : fork();
	if (watch.command == 0)
		start_command(job, self, &before, subreaper);
	if (watch.command < 0) {
		int error = errno;

		(void)sigprocmask(SIG_SETMASK, &before, NULL);
		if (job->lock >= 0)
			(void)fcntl(job->lock, F_SETFD, 0); /* the directory stays the command's */
		return go_without(job, SUPERVISOR, strerror(error));
	}
	(void)prctl(PR_SET_CHILD_SUBREAPER, 0); /* cannot fail: the command is it now */
	/* what the command closes is closed: others read its pipes, and wait for its locks */
	file_close_inherited();
	int status = watch_command(job, &watch);

	end_what_is_left(job, !watch.told && WIFEXITED(status));
	return end_as(status);
}

static int refuse(struct job *job, const char *why)
{
	log_run(&job->whole, why, "%s; %s is not started", why, job->command[0]);
	print_error("unit %s: %s; %s is not started", job->unit, why, job->command[0]);
	(void)remove_directory(job); /* sweep removes it */
	return EXIT_REFUSED;
}

int run_main(int argc, char *argv[])
{
	struct job job = {.root = -1, .directory = -1, .lock = -1, .began = boottime_ns()};
	const char *why;

	if (!parse(&job, argc, argv))
		return WRONG_USAGE;
	/* an orphan may well be started by podleash run */
	if (ancestors_find(&job.ancestors) == ANCESTORS_FOUND && job.ancestors.known)
		job.began = ancestors_began(ancestors_topmost(&job.ancestors));
	if (job.ancestors.command_runner && (!job.kill_ms || job.kill_ms > COMMAND_MS))
		job.kill_ms = COMMAND_MS;
	name_unit(&job);
	check_grace(&job);
	if (!open_directory(&job, &why))
		return go_without(&job, A_LEASH, why);
	/* before the unit had its directory, where hold looks */
	if (job.root >= 0 && tombstone_stops(job.root, job.unit, job.began, NULL))
		return refuse(&job, "it was cancelled");
	if (!set_environment(&job, &why)) {
		(void)remove_directory(&job); /* as above */
		return go_without(&job, A_LEASH, why);
	}
	return run_job(&job);
}
