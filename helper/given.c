/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "commands.h"
#include "file.h"
#include "identity.h"
#include "log.h"
#include "piddir.h"
#include "record.h"
#include "tombstone.h"
#include "util.h"

/*
 * Whether @directory is the default one: @set, or what piddir_root() tells this user
 * elsewhere, as in a service, or as root that has become him and has none of his variables.
 */
static bool is_usual(int directory, const char *set)
{
	unsigned int uid = (unsigned int)geteuid();
	char path[PATH_MAX];

	piddir_root(path, sizeof(path));
	if (leads_to(set, directory) || leads_to(path, directory))
		return true;
	(void)snprintf(path, sizeof(path), "/run/user/%u/podleash", uid);
	if (leads_to(path, directory))
		return true;
	(void)snprintf(path, sizeof(path), "/tmp/podleash-%u", uid);
	return leads_to(path, directory);
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
	guard_each(directory, path, note_guard, &guarded);
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

int given_open(struct given *given, char *const words[], int *status)
{
	char set[PATH_MAX];
	const char *why, *name = words[0] ? words[0] : set;

	*status = WRONG_USAGE;
	if (words[0] && words[1]) {
		print_error("more than one directory given");
		return -1;
	}
	*status = EXIT_LEFT;
	*given = (struct given){.directory = -1};
	piddir_default(set, sizeof(set));	   /* before root's environment is given up */
	if (!piddir_absolute(name, given->path)) { /* a guard's directory is / */
		print_error("%s: %s; nothing was touched", name, strerror(errno));
		return -1;
	}
	if (!piddir_become_owner(given->path))
		return -1;
	given->directory = open_given(given, set, &why);
	if (given->directory < 0 && !words[0] && errno == ENOENT) {
		*status = 0;
		if (isatty(STDERR_FILENO)) /* another user's may be meant */
			print_error("%s is not there: this user has no runs", given->path);
	} else if (given->directory < 0) {
		print_error("%s: %s; nothing was touched", given->path, why);
	}
	return given->directory;
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
