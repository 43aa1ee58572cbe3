/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "commands.h"
#include "file.h"
#include "guard_fds.h"
#include "identity.h"
#include "log.h"
#include "piddir.h"
#include "record.h"
#include "tombstone.h"
#include "users.h"
#include "util.h"

/* What is called and where, for users_call(). */
struct call {
	char set[PATH_MAX];  /* the default directory of who has called us */
	char path[PATH_MAX]; /* the one that is given, else that, absolute */
	uid_t owner;	     /* of it: the child that becomes he looks at it */
	bool only;	     /* one user is looked at */
	bool quiet;	     /* it is not said which places are refused */
	given_command *command;
	void *context;
};

/*
 * Writes the @i-th of the places where podleash has directories, false where there are no more:
 * @set, what piddir_root() tells this user, and what it tells him elsewhere, as in a service, or as
 * root that has become him and has none of his variables.
 */
static bool usual_place(size_t i, const char *set, char path[PATH_MAX])
{
	unsigned int uid = (unsigned int)geteuid();

	switch (i) {
	case 0:
		return snprintf(path, PATH_MAX, "%s", set) >= 0;
	case 1:
		piddir_root(path, PATH_MAX);
		return true;
	case 2:
		return snprintf(path, PATH_MAX, "/run/podleash") > 0;
	case 3:
		return snprintf(path, PATH_MAX, "/run/user/%u/podleash", uid) > 0;
	case 4:
		return snprintf(path, PATH_MAX, "/tmp/podleash-%u", uid) > 0;
	default:
		return false;
	}
}

/* Whether @path at @directory is the directory @other. */
static bool is_same(int directory, const char *path, int other)
{
	struct stat st, others;

	return fstatat(directory, path, &st, 0) == 0 && fstat(other, &others) == 0 &&
	       st.st_dev == others.st_dev && st.st_ino == others.st_ino;
}

static bool is_usual(int directory, const char *set)
{
	char path[PATH_MAX];
	const char *why;

	for (size_t i = 0; usual_place(i, set, path); i++) {
		/* no link of another user's makes one of it */
		_cleanup_close_ int place = piddir_look(path, &why);

		if (place >= 0 && is_same(place, ".", directory))
			return true;
	}
	return false;
}

/* Whether only podleash makes such a file: others may call theirs 2026-11.run or cancelled.txt. */
static bool is_mark(int directory, const char *name)
{
	char run[RUN_SIZE];

	switch (file_kind(name, run)) {
	case FILE_RECORD:
		return record_is_one(directory, name);
	case FILE_TOMBSTONE:
		return tombstone_is_one(directory, name + strlen(TOMBSTONE_PREFIX));
	case FILE_ANSWER:
	case FILE_MARK:
		return true;
	default:
		return false;
	}
}

/* Whether a file in it is podleash's; false with errno where that cannot be told, else with 0. */
static bool holds_ours(int directory)
{
	_cleanup_names_ struct names names;
	bool ours = false;

	if (!names_read(directory, &names))
		return false;
	errno = 0;
	for (size_t i = 0; i < names.count && !ours; i++)
		ours = is_mark(directory, names.name[i]);
	if (!is_shortage())
		errno = 0;
	return ours;
}

static bool note_guard(const char *run, struct handle *guard, void *context)
{
	bool *found = context;

	(void)run;
	(void)guard;
	*found = true;
	return false;
}

/* As holds_ours(). */
static bool is_proven(int directory, const char *path)
{
	bool guarded = false;

	if (holds_ours(directory))
		return true;
	int error = errno;
	(void)guard_each(directory, path, note_guard, &guarded);
	errno = error;
	return guarded;
}

/* Opens the directory of @given, @set being the default one. As piddir_open(). */
static int open_given(struct given *given, const char *set, const char **why)
{
	_cleanup_close_ int directory = piddir_look(given->path, why);

	if (directory < 0)
		return -1;
	given->usual = is_usual(directory, set);
	/* first: how others may write to it is its owner's business then */
	if (!given->usual && !is_proven(directory, given->path)) {
		*why = errno ? strerror(errno) : "not a pid directory";
		errno = EPERM;
		return -1;
	}
	return piddir_is_closed(directory, why) ? take_fd(&directory) : -1;
}

static void name_refused(const char *path, const char *why)
{
	print_error("%s: %s; nothing was touched", path, why);
}

static int call_given(void *context)
{
	struct call *call = context;
	struct given given = {.alone = true};
	const char *why;

	(void)snprintf(given.path, sizeof(given.path), "%s", call->path);
	_cleanup_close_ int directory = open_given(&given, call->set, &why);
	if (directory < 0) {
		name_refused(given.path, why);
		return EXIT_LEFT;
	}
	given.directory = directory;
	return call->command(&given, 1, call->context);
}

/* All directories of one user. */
struct places {
	struct given *all;
	size_t count;
	size_t removed; /* guards' directories, or not fit to be looked at any more */
	bool refused, quiet;
};

static void refuse(struct places *places, const char *path, const char *why)
{
	if (!places->quiet)
		name_refused(path, why);
	places->refused = true;
}

/* Adds @directory, which is at @path, and takes it over. */
static void add_place(struct places *places, int directory, const char *path, bool usual,
		      bool hidden)
{
	_cleanup_close_ int fd = directory;
	struct given *larger;

	for (size_t i = 0; i < places->count; i++) {
		struct given *place = &places->all[i];

		if (is_same(fd, ".", place->directory) || is_same(fd, "..", place->directory))
			return;
		if (!is_same(place->directory, "..", fd))
			continue;
		cleanup_close(&place->directory); /* a unit's own */
		*place = places->all[--places->count];
		i--;
	}
	larger = reallocarray(places->all, places->count + 1, sizeof(*larger));
	if (!larger) {
		refuse(places, path, strerror(errno));
		return;
	}
	places->all = larger;
	larger[places->count] = (struct given){
		.directory = take_fd(&fd),
		.usual = usual,
		.hidden = hidden,
	};
	(void)snprintf(larger[places->count++].path, PATH_MAX, "%s", path);
}

/*
 * Adds @path where it is there and ours. What else it is is said of the @expected one alone; for
 * root another user's is that one's to look at.
 */
static void look_at_place(struct places *places, const char *path, bool expected)
{
	const char *why;
	_cleanup_close_ int directory = piddir_look(path, &why);

	if (directory >= 0 && piddir_is_closed(directory, &why))
		add_place(places, take_fd(&directory), path, true, false);
	else if (directory >= 0 || is_shortage() ||
		 (expected && errno != ENOENT && piddir_owner(path) == geteuid()))
		refuse(places, path, why);
}

/* The same of one that may have nothing to do with podleash. */
static void look_at_unusual(struct places *places, const char *path)
{
	const char *why;
	_cleanup_close_ int directory = piddir_look(path, &why);

	if (directory >= 0 && holds_ours(directory) && piddir_is_closed(directory, &why))
		add_place(places, take_fd(&directory), path, false, false);
}

/*
 * Opens the directory of @guard, which proc(5) has at @link. Through that alone where it is not at
 * @path here, which is written anew then: the guard is alive, so @link led to what is its own.
 */
static int open_guarded(const struct handle *guard, const char *link, char path[PATH_MAX],
			bool *hidden)
{
	const char *why;
	_cleanup_close_ int here = piddir_look(path, &why);
	char own[PATH_MAX];

	*hidden = here < 0 || !leads_to(link, here);
	if (!*hidden)
		return take_fd(&here);
	_cleanup_close_ int there = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (there < 0 || !handle_alive(guard) || piddir_is_removed(there) ||
	    snprintf(own, PATH_MAX, "/proc/%d/root%s", (int)guard->id.pid, path) >= PATH_MAX)
		return -1;
	memcpy(path, own, sizeof(own));
	return piddir_look_at(there, ".", &why);
}

static bool add_guarded(const char *run, struct handle *guard, void *context)
{
	struct places *places = context;
	char link[64], path[PATH_MAX];
	pid_t pid = guard->id.pid;
	const char *why;
	bool hidden;

	(void)snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, GUARD_FD_DIRECTORY);
	ssize_t length = readlink(link, path, sizeof(path) - 1);
	if (length <= 0)
		return true;
	path[length] = '\0';
	_cleanup_close_ int directory = open_guarded(guard, link, path, &hidden);
	/* else it is in a container */
	bool is_here = proc_namespace(pid, "pid") == proc_namespace(0, "pid");
	if (directory >= 0 && (!hidden || is_here) && piddir_is_closed(directory, &why)) {
		add_place(places, take_fd(&directory), path, false, hidden);
	} else if (is_here && handle_alive(guard)) {
		if (!places->quiet && may_name(&places->removed))
			print_error("pid %d, the guard of run %s: its directory is not at %s here; "
				    "act from where it runs",
				    (int)pid, run, path);
		places->refused = true;
	}
	return true;
}

static int call_places(void *context)
{
	struct call *call = context;
	struct places places = {.quiet = call->quiet};
	char path[PATH_MAX];
	int status = EXIT_NOTHING;

	if (call->owner != geteuid())
		piddir_root(call->path, sizeof(call->path));
	for (size_t i = 0; usual_place(i, call->path, path); i++)
		look_at_place(&places, path, i == 0);
	(void)piddir_place_problem("RUNTIME_DIRECTORY", path, sizeof(path));
	if (path[0])
		look_at_unusual(&places, path);
	if (!guard_each(-1, NULL, add_guarded, &places))
		refuse(&places, "/proc", "not all processes could be looked at");
	for (size_t i = 0; i < places.count; i++)
		places.all[i].alone = call->only && places.count == 1;
	if (places.count)
		status = call->command(places.all, places.count, call->context);
	for (size_t i = 0; i < places.count; i++)
		cleanup_close(&places.all[i].directory);
	free(places.all);
	return places.refused && (!status || status == EXIT_NOTHING) ? EXIT_LEFT : status;
}

int given_places(bool quiet, given_command *command, void *context)
{
	struct call call = {
		.owner = geteuid(),
		.only = true,
		.quiet = quiet,
		.command = command,
		.context = context,
	};

	piddir_default(call.path, sizeof(call.path));
	return call_places(&call);
}

int given_call(const char *word, bool at_once, int ms, given_command *command, void *context)
{
	struct call call = {.command = command, .context = context};
	_cleanup_users_ struct users users = {0};
	size_t unknown = 0;

	piddir_default(call.set, sizeof(call.set)); /* a child gives root's environment up */
	if (!piddir_absolute(word ? word : call.set, call.path)) { /* a guard's directory is / */
		name_refused(word ? word : call.set, strerror(errno));
		return EXIT_LEFT;
	}
	call.owner = piddir_owner(call.path);
	if (!word)
		(void)users_add(&users, geteuid());
	if (!users_add(&users, call.owner)) {
		print_error(
			"%s: cannot become its owner, uid %u: no such user; nothing was touched",
			call.path, (unsigned int)call.owner);
		return EXIT_LEFT;
	}
	if (!word && geteuid() == 0)
		unknown = users_find(&users);
	call.only = users.count == 1;
	int status = users_call(&users, at_once, ms, word ? call_given : call_places, &call);
	return unknown && (!status || status == EXIT_NOTHING) ? EXIT_LEFT : status;
}

int given_none(void)
{
	char set[PATH_MAX];

	piddir_default(set, sizeof(set));
	if (isatty(STDERR_FILENO)) /* another user's may be meant */
		print_error("no runs: neither %s nor another directory of podleash's is %s", set,
			    geteuid() ? "yours" : "there");
	return 0;
}

void given_print(const struct given *given, char end)
{
	char path[PATH_MAX];

	if (given->alone)
		return;
	(void)snprintf(path, sizeof(path), "%s", given->path);
	make_printable(path); /* its user has chosen it */
	(void)printf("%s:%c", path, end);
}

bool given_is_directory(const char *word)
{
	return strchr(word, '/') || !unit_name_valid(word);
}

static bool has_run_of(int directory, const char *unit)
{
	_cleanup_names_ struct names names;
	bool found = false;

	(void)names_read(directory, &names); /* the command itself says why not */
	for (size_t i = 0; i < names.count && !found; i++) {
		_cleanup_run_ struct run run = {.fd = -1};
		char name[RUN_SIZE];
		const char *why;

		found = file_kind(names.name[i], name) == FILE_RECORD &&
			record_open(&run, directory, name, false, &why) && equal(run.unit, unit);
	}
	return found;
}

bool given_has_unit(const struct given *given, const char *name)
{
	char all[UNIT_SIZE], path[PATH_MAX];
	const char *why;
	_cleanup_close_ int own = given_open_unit(given, name, path, &why);

	piddir_unit(given->directory, all);
	return own >= 0 || why || equal(name, all) || tombstone_is_one(given->directory, name) ||
	       has_run_of(given->directory, name);
}

int given_open_unit(const struct given *given, const char *name, char path[PATH_MAX],
		    const char **why)
{
	struct stat st;

	*why = NULL;
	if (!unit_name_valid(name) || fstatat(given->directory, name, &st, AT_SYMLINK_NOFOLLOW) ||
	    !S_ISDIR(st.st_mode) ||
	    snprintf(path, PATH_MAX, "%s/%s", given->path, name) >= PATH_MAX)
		return -1;
	_cleanup_close_ int unit = piddir_look_at(given->directory, name, why);
	if (unit < 0 && (errno == ENOENT || (errno == EPERM && !given->usual)))
		*why = NULL; /* it is gone, or another user's, whose it may be */
	else if (unit >= 0 && !is_proven(unit, path))
		*why = errno ? strerror(errno) : NULL;
	else if (unit >= 0 && piddir_is_closed(unit, why))
		return take_fd(&unit);
	return -1;
}

size_t given_each_unit(const struct given *given, given_visit *visit, void *context)
{
	_cleanup_names_ struct names names;
	size_t refused = 0;

	if (!names_read(given->directory, &names)) {
		log_line("%s: cannot be read: %s", given->path, strerror(errno)); /* keeps errno */
		print_error("%s: cannot be read: %s", given->path, strerror(errno));
		return 1;
	}
	for (size_t i = 0; i < names.count; i++) {
		char path[PATH_MAX];
		const char *why;
		_cleanup_close_ int unit = given_open_unit(given, names.name[i], path, &why);

		if (unit >= 0) {
			visit(unit, path, context);
		} else if (why && may_name(&refused)) {
			log_line("%s: %s; left alone", path, why);
			print_error("%s: %s; left alone", path, why);
		}
	}
	if (unnamed(refused))
		print_error("%s: %zu more units", given->path, unnamed(refused));
	return refused;
}
