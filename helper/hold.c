/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podleash hold PATH ARGV0 … run --conmon-pidfile=P --pidfile=Q …
 * podleash hold PATH ARGV0 … create …
 * podleash hold PATH ARGV0 …                          (there may be a run in it)
 *
 * Stands between the runner's exec and podman, in the same process: publishes the run's record,
 * starts its guard, and becomes podman, which is asked for the container's id besides (--cidfile).
 * Whatever fails here must not fail the job: podman is then started as the runner asked for it. So
 * is a `podman create`, but with nothing of ours in its environment: --env-host takes that along.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#include "../preload/podman_command.h"
#include "ancestors.h"
#include "commands.h"
#include "containers_conf.h"
#include "grace.h"
#include "guard.h"
#include "library.h"
#include "log.h"
#include "piddir.h"
#include "podman.h"
#include "record.h"
#include "run_flags.h"
#include "signals.h"
#include "tombstone.h"
#include "util.h"

#define CONMON_FLAG "--conmon-pidfile="
#define PID_FLAG    "--pidfile="
#define ID_FLAG	    "--cidfile="

/* What conmon and the runtime put behind a slash in the directory, before they rename it. */
#define LONGEST_NAME (RUN_SIZE + 32)

/* Of a path in a line of the log, which is cut where it is too long. */
#define SHOWN 512

#define NAME_FLAG "--name=" /* podman would take a random one */

/* Why podman is not started. */
#define OVER	  "the process that asked for podman has ended"
#define CANCELLED "it was cancelled"
#define NO_OWNER  "its podleash run has ended"

/* How long a `podleash run` that has removed its directory may take to end. */
#define OWNER_MS 1000

struct hold {
	const char *path;	  /* of podman, as the caller named it */
	char **argv;		  /* podman's, with our two flags behind `run` */
	size_t run;		  /* index of `run` in it */
	size_t ours;		  /* how many of the two still stand there */
	char cwd[PATH_MAX];	  /* "" where it cannot be told */
	char absolute[PATH_MAX];  /* podman's path, from / on; "" where it has none */
	bool is_too_long;	  /* the directory's path, which then is cut */
	char directory[PATH_MAX]; /* the pid directory's, as given */
	int error;		  /* why it cannot be opened */
	char all[UNIT_SIZE];	  /* the unit that stands for all of it */
	char name[RUN_SIZE];
	char boot[BOOT_ID_SIZE]; /* boot_name() */
	char **environment;	 /* podman's: ours less our own variables */
	struct ancestors ancestors;
	struct run_flags flags;
	char id_flag[PATH_MAX + RUN_SIZE + 32], name_flag[RUN_SIZE + 32];
};

/*
 * Takes the command line apart. False where the preload library did not write it. hold->run is 0
 * where there may be a run in it.
 */
static bool parse(struct hold *hold, int argc, char *argv[])
{
	if (argc < 4)
		return false;
	hold->path = argv[1];
	hold->argv = argv + 2;
	hold->run = podman_run_index(hold->argv);
	if (!hold->run)
		return podman_may_run(hold->argv);
	hold->ours = 2;
	if (!hold->argv[hold->run + 1] || !hold->argv[hold->run + 2])
		return false;
	const char *conmon = after(hold->argv[hold->run + 1], CONMON_FLAG);
	const char *slash = conmon ? strrchr(conmon, '/') : NULL;
	if (!slash || !after(hold->argv[hold->run + 2], PID_FLAG))
		return false;
	size_t length = (size_t)(slash - conmon);
	if (length == 0)
		return false;
	hold->is_too_long = length + LONGEST_NAME >= sizeof(hold->directory);
	(void)snprintf(hold->directory, sizeof(hold->directory), "%.*s", (int)length, conmon);
	return file_kind(slash + 1, hold->name) == FILE_CONMON_PID;
}

/* Becomes podman with @argv; returns its status for a program that cannot be started. */
static int become(const struct hold *hold, char *const argv[])
{
	signals_give_back();
	(void)execve(hold->path, argv, hold->environment);
	/* a script without #! is run by the shell, as the caller's own execvp(3) may have it */
	if (errno == ENOEXEC)
		(void)execvpe(strchr(hold->path, '/') ? hold->path : hold->absolute, argv,
			      hold->environment);
	print_error("%s: %s", hold->path, strerror(errno));
	return errno == ENOENT ? 127 : 126;
}

/* Puts @word directly behind `run`: for two the words `hold` and PATH leave room in front. */
static void put_in(struct hold *hold, char *word)
{
	memmove(hold->argv - 1, hold->argv, (hold->run + 1) * sizeof(*hold->argv));
	hold->argv--;
	hold->argv[hold->run + 1] = word;
}

/* Takes @count words out of @argv, from @at on. */
static void take_out(char **argv, size_t at, size_t count)
{
	for (; argv[at + count]; at++)
		argv[at] = argv[at + count];
	argv[at] = NULL;
}

/* Takes the last @count of the library's flags out again. */
static void take_ours_out(struct hold *hold, size_t count)
{
	hold->ours -= count;
	take_out(hold->argv, hold->run + 1 + hold->ours, count);
}

static bool is_strict(void)
{
	const char *strict = getenv("PODLEASH_STRICT");

	return strict && equal(strict, "1");
}

/* The unit's name: PODLEASH_UNIT, else the command-runner's, else the directory's. */
static const char *find_unit(const struct hold *hold)
{
	const char *given = getenv("PODLEASH_UNIT");

	if (given && unit_name_valid(given))
		return given;
	if (hold->ancestors.unit[0])
		return hold->ancestors.unit;
	return hold->all;
}

/* What is known of the run while it has no record, for the log. */
static struct run make_run(const struct hold *hold)
{
	struct run run;

	run_init(&run, -1, hold->name);
	run.unit = find_unit(hold);
	return run;
}

static int refuse(const struct hold *hold, const char *why)
{
	const struct run run = make_run(hold);

	log_run(&run, why, "%s; podman is not started", why);
	print_error("unit %s: %s; podman is not started", run.unit, why);
	return EXIT_REFUSED;
}

/* Whether a holder has ended since they were found. */
static bool is_over(const struct hold *hold)
{
	return hold->ancestors.holders && !ancestors_hold(&hold->ancestors);
}

/* Whether a holder has ended, and the owner, which lives, holds the run with what is left. */
static bool is_held_anew(struct hold *hold)
{
	struct ancestors anew;

	if (!is_over(hold) || !owner_lives() || ancestors_find(&anew) != ANCESTORS_FOUND)
		return false;
	hold->ancestors = anew;
	return true;
}

/* Whether @error comes of a `podleash run` that removes its directory, which it does last of all.
 */
static bool owner_went(int error)
{
	return error == ENOENT && owner_ends(OWNER_MS);
}

/* Starts podman without the leash and logs why; with PODLEASH_STRICT=1 does not start it. */
static int go_without(struct hold *hold, const char *what, const char *why)
{
	const struct run run = make_run(hold);

	/* what went wrong may have taken its time, and nobody would end this one */
	if (is_over(hold) && !is_held_anew(hold))
		return refuse(hold, OVER);
	if (is_strict()) {
		print_error("%.*s: %s; the run cannot be leashed and PODLEASH_STRICT is set", SHOWN,
			    what, why);
		return EXIT_REFUSED;
	}
	log_run(&run, why, "%.*s: %s; podman is started without a leash", SHOWN, what, why);
	take_ours_out(hold, hold->ours);
	return become(hold, hold->argv);
}

static void describe_holders(const struct hold *hold, struct draft *draft)
{
	const struct ancestors *ancestors = &hold->ancestors;
	const struct holder *last = &ancestors->owner;

	for (size_t i = 0; !hold->flags.detach && i < ancestors->holders; i++)
		draft_add_process(draft, "holder", ancestors->holder[i].id,
				  ancestors->holder[i].name);
	if (hold->flags.detach)
		last = ancestors_topmost(ancestors);
	if (last->id.pid)
		draft_add_process(draft, "holder", last->id, last->name);
}

/* The grace that the job was given, else the container: `podman stop` would wait as long. */
static bool find_grace(const struct hold *hold, int *grace_ms)
{
	const char *timeout = hold->flags.stop_timeout;
	const struct run run = make_run(hold);

	*grace_ms = grace_from_environment(&run);
	if (*grace_ms < 0 && timeout[0] && !grace_parse(timeout, grace_ms) &&
	    strspn(timeout, "0123456789") == strlen(timeout))
		*grace_ms = GRACE_MAX * 1000;
	return *grace_ms >= 0;
}

/* What podman was started to ignore, as by trap '' INT: it sets up handlers of its own. */
static void describe_ignored(struct draft *draft)
{
	static const int asked[] = {SIGHUP, SIGINT, SIGTERM};
	struct sigaction action;

	for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
		if (sigaction(asked[i], NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			draft_add_number(draft, "ignores", (uint64_t)asked[i]);
}

/* Writes down all that a reaper will need. */
static struct draft describe(const struct hold *hold, const char *unit)
{
	struct draft draft = {0};
	struct proc_stat self = {0};
	int grace_ms;
	char place[PLACE_SIZE];

	if (!proc_stat(getpid(), &self) || !place_name(place))
		draft.failed = true;
	draft_add(&draft, "podleash", "1");
	draft_add(&draft, "boot", hold->boot);
	draft_add(&draft, "namespaces", place);
	draft_add_number(&draft, "uid", geteuid());
	draft_add(&draft, "unit", unit);
	draft_add_number(&draft, "created", boottime_ns());
	draft_add_process(&draft, "podman", (struct process){getpid(), self.start}, NULL);
	describe_holders(hold, &draft);
	draft_add(&draft, "cidfile", hold->flags.cidfile);
	draft_add(&draft, "conmon_pidfile", hold->flags.conmon_pidfile);
	draft_add(&draft, "pidfile", hold->flags.pidfile);
	draft_add(&draft, "cwd", hold->cwd);
	draft_add(&draft, "detach", hold->flags.detach ? "1" : "0");
	draft_add(&draft, "remove", hold->flags.remove ? "1" : "0");
	draft_add(&draft, "restarts", hold->flags.restarts ? "1" : "0");
	describe_ignored(&draft);
	if (find_grace(hold, &grace_ms))
		draft_add_number(&draft, "grace", (uint64_t)grace_ms);
	draft_add(&draft, "name", hold->flags.name);
	draft_add(&draft, "executable", hold->absolute);
	for (size_t i = 1; i < hold->run; i++)
		if (!equal(hold->argv[i], "container"))
			draft_add(&draft, "global", hold->argv[i]);
	for (char **variable = hold->environment; *variable; variable++)
		if (is_storage_variable(*variable))
			draft_add(&draft, "env", *variable);
	return draft;
}

/* podman writes no id where the last --cidfile has an empty value: that becomes @path as well. */
static void replace_empty_id_flag(struct hold *hold, char *path)
{
	for (size_t i = hold->run + 1; i < hold->flags.image; i++) {
		if (hold->argv[i] == hold->flags.cidfile)
			hold->argv[i] = path;
		else if (after(hold->argv[i], ID_FLAG) == hold->flags.cidfile)
			hold->argv[i] = hold->id_flag;
	}
	hold->flags.cidfile = path;
}

/* Whether a `podleash run` has made the directory for this job: it goes with it. */
static bool goes_with_job(int directory)
{
	return owner_is_named() &&
	       faccessat(directory, DIRECTORY_MARK, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * Decides what podman is asked to write, and where. The id alone where a container stays and
 * the directory does not: podman would write its pid files there at every later start, and fail.
 */
static void choose_files(struct hold *hold, int directory)
{
	if (!hold->flags.remove && goes_with_job(directory)) {
		take_ours_out(hold, hold->ours);
		run_flags_parse(hold->argv, hold->run, &hold->flags);
	}
	(void)snprintf(hold->id_flag, sizeof(hold->id_flag), ID_FLAG "%s/%s" ID_SUFFIX,
		       hold->directory, hold->name);
	if (!hold->flags.cidfile[0])
		replace_empty_id_flag(hold, hold->id_flag + strlen(ID_FLAG));
	/* by its name podman finds a container whose id it had no time to write */
	if (hold->flags.remove && !hold->flags.name[0] && !hold->flags.replace) {
		(void)snprintf(hold->name_flag, sizeof(hold->name_flag), NAME_FLAG NAME_PREFIX "%s",
			       hold->name);
		hold->flags.name = hold->name_flag + strlen(NAME_FLAG);
	}
}

/* Becomes podman with what choose_files() has decided. */
static int become_leashed(struct hold *hold)
{
	if (hold->name_flag[0])
		put_in(hold, hold->name_flag);
	put_in(hold, hold->id_flag); /* the last: podman is known by it, behind `run` */
	return become(hold, hold->argv);
}

/* When the process began that the run's life is bound to: a cancel comes after it. */
static uint64_t owner_began(const struct hold *hold)
{
	const struct ancestors *ancestors = &hold->ancestors;

	return ancestors_began(hold->flags.detach ? ancestors_topmost(ancestors)
						  : &ancestors->holder[ancestors->holders - 1]);
}

/* Publishes the record, then looks for a tombstone, then starts the guard. */
static int leash_and_become(struct hold *hold, int directory)
{
	struct run run = make_run(hold);
	char path[PATH_MAX]; /* the guard has another working directory */
	const char *why;

	choose_files(hold, directory);
	struct draft draft = describe(hold, run.unit);
	run.directory = directory;
	run.fd = record_publish(&draft, directory, hold->name, &why);
	int error = errno;
	if (tombstone_stops(directory, run.unit, owner_began(hold), NULL)) {
		if (run.fd >= 0)
			record_remove(&run);
		return refuse(hold, CANCELLED);
	}
	if (run.fd < 0 && owner_went(error))
		return refuse(hold, NO_OWNER);
	if (run.fd < 0)
		return go_without(hold, hold->directory, why);
	if (piddir_absolute(hold->directory, path) && guard_start(&run, path))
		return become_leashed(hold);
	error = errno;
	if (is_held_anew(hold)) { /* one process less each time */
		record_remove(&run);
		return leash_and_become(hold, directory);
	}
	if (is_strict() || is_over(hold)) {
		record_remove(&run);
		return go_without(hold, "no guard", strerror(error));
	}
	/* the record stays: a canceller has nothing else to find the run by */
	log_run(&run, strerror(error),
		"no guard: %s; podman is started all the same, cancel and sweep end it",
		strerror(error));
	return become_leashed(hold);
}

/* Finds out what the leash needs; returns 0, or the status of a podman that was started without. */
static int prepare(struct hold *hold, int directory, const char *why)
{
	enum ancestry ancestry = ancestors_find(&hold->ancestors);

	if (directory < 0 && owner_went(hold->error))
		return refuse(hold, NO_OWNER);
	if (ancestry == ANCESTORS_ENDED)
		return refuse(hold, owner_ends(0) ? NO_OWNER : OVER);
	if (ancestry == ANCESTORS_UNKNOWN)
		return go_without(hold, "the process that asked for podman",
				  "proc(5) does not show it");
	if (directory < 0)
		return go_without(hold, hold->directory, why);
	boot_name(directory, hold->boot);
	if (!hold->boot[0])
		return go_without(hold, hold->directory, BOOT_UNKNOWN);
	switch (podman_knows(directory, hold->directory, hold->absolute, hold->environment)) {
	case PODMAN_DOES_NOT_START:
		return go_without(hold, hold->path,
				  "does not start when it is asked for its flags");
	case PODMAN_KNOWS_NEITHER:
		return go_without(hold, hold->path,
				  "takes no --conmon-pidfile; it is no podman, or one for other "
				  "machines");
	case PODMAN_CANNOT_WRITE:
		return go_without(hold, hold->path,
				  "cannot write into the directory; a script that becomes another "
				  "user, or enters other mounts");
	case PODMAN_DOES_NOT_ANSWER: /* a busy machine; that one every podman knows */
	case PODMAN_KNOWS_CONMON_PIDFILE:
		take_ours_out(hold, 1);
		break;
	case PODMAN_KNOWS_BOTH:
		break;
	}
	run_flags_parse(hold->argv, hold->run, &hold->flags);
	return 0;
}

static void find_absolute(struct hold *hold)
{
	if (!piddir_absolute(hold->path, hold->absolute))
		hold->absolute[0] = '\0';
}

static int create(struct hold *hold, char *argv[])
{
	hold->path = argv[1];
	find_absolute(hold);
	hold->environment = environment_unleashed();
	if (!hold->environment)
		hold->environment = environ;
	return become(hold, argv + 2);
}

/* Whether podman works elsewhere: it is asked where some containers.conf may say so. */
static bool is_elsewhere(const struct hold *hold)
{
	char conf[PATH_MAX];

	return containers_conf_may_be_remote(conf) &&
	       podman_is_elsewhere(hold->absolute, hold->argv + 1, hold->run - 1,
				   hold->environment);
}

static int open_directory(const struct hold *hold, const char **why)
{
	if (!hold->is_too_long && hold->run)
		return piddir_open(hold->directory, why);
	errno = ENAMETOOLONG;
	*why = strerror(errno);
	return -1;
}

int hold_main(int argc, char *argv[])
{
	struct hold hold = {0};
	const char *why = "";
	int status;

	if (!getcwd(hold.cwd, sizeof(hold.cwd)))
		hold.cwd[0] = '\0';
	if (argc > 3 && podman_create_index(argv + 2))
		return create(&hold, argv);
	if (!parse(&hold, argc, argv)) {
		print_error("hold: not a command line of libpodleash.so, which calls it");
		return WRONG_USAGE;
	}
	find_absolute(&hold);
	_cleanup_close_ int directory = open_directory(&hold, &why);
	hold.error = errno;
	piddir_unit(directory, hold.all);
	hold.environment = environment_unleashed();
	(void)unsetenv("LD_PRELOAD"); /* of no use to the guard; podman's own list stands already */
	if (!hold.environment) {
		(void)unsetenv("RECEPTOR_PID_DIRECTORY");
		hold.environment = environ;
		return go_without(&hold, "environment", strerror(ENOMEM));
	}
	if (!hold.run)
		return go_without(&hold, hold.path,
				  "a global flag before run that podleash does not know");
	if (is_elsewhere(&hold)) {
		take_ours_out(&hold, hold.ours);
		return become(&hold, hold.argv);
	}
	status = prepare(&hold, directory, why);
	if (!status)
		status = leash_and_become(&hold, directory);
	free(hold.environment);
	return status;
}
