/* SPDX-License-Identifier: Apache-2.0 */
#include "piddir.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "file.h"
#include "log.h"
#include "util.h"
#include "walk.h"

static const char anothers[] =
	"owned by another user, or below what is; run podleash as the one who runs podman";

int piddir_look_at(int parent, const char *name, const char **why)
{
	struct stat st;

	/* O_DIRECTORY comes first in the kernel: a symlink is ENOTDIR or ELOOP, look which */
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW)) {
		*why = strerror(errno);
		return -1;
	}
	errno = EPERM;
	if (S_ISLNK(st.st_mode)) {
		*why = "a symbolic link; name the directory itself";
		return -1;
	}
	_cleanup_close_ int fd = file_open_directory(parent, name);
	if (fd < 0 || fstat(fd, &st)) {
		*why = strerror(errno);
		return -1;
	}
	errno = EPERM;
	if (st.st_uid != geteuid()) {
		*why = anothers;
		return -1;
	}
	return take_fd(&fd);
}

bool piddir_is_closed(int directory, const char **why)
{
	struct stat st;

	if (fstat(directory, &st)) {
		*why = strerror(errno);
		return false;
	}
	errno = EPERM;
	if (st.st_mode & S_ISVTX) /* /tmp is one */
		*why = "writable by others, who share it; name a directory of your own";
	else
		*why = "writable by others; chmod 0700 it";
	return !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* Closes @directory, which may be -1, where others may write to it. As piddir_open(). */
static int closed(int directory, const char **why)
{
	_cleanup_close_ int fd = directory;

	return fd >= 0 && piddir_is_closed(fd, why) ? take_fd(&fd) : -1;
}

/* The directory that holds @path, and its last component. */
static int open_parent(const char *path, char name[NAME_MAX + 1], const char **why)
{
	uid_t other;
	int parent = walk(path, name, &other);

	if (parent < 0)
		*why = other ? anothers : strerror(errno);
	return parent;
}

int piddir_look(const char *path, const char **why)
{
	char name[NAME_MAX + 1];
	_cleanup_close_ int parent = open_parent(path, name, why);

	return parent < 0 ? -1 : piddir_look_at(parent, name, why);
}

int piddir_open(const char *path, const char **why)
{
	return closed(piddir_look(path, why), why);
}

/* Writes the first directory that @variable names (systemd.exec(5): a colon-separated list). */
static void first_place(const char *variable, char *path, size_t size)
{
	const char *value = getenv(variable);

	(void)snprintf(path, size, "%.*s", value ? (int)strcspn(value, ":") : 0,
		       value ? value : "");
}

/* Why nothing can be made in the directory @path; NULL where it can. */
static const char *problem_of(const char *path)
{
	struct stat st;

	if (path[0] != '/')
		return "not an absolute path";
	if (stat(path, &st) || access(path, W_OK | X_OK))
		return strerror(errno);
	if (!S_ISDIR(st.st_mode))
		return strerror(ENOTDIR);
	return st.st_uid == geteuid() ? NULL : "owned by another user";
}

const char *piddir_place_problem(const char *variable, char *path, size_t size)
{
	first_place(variable, path, size);
	return path[0] ? problem_of(path) : NULL;
}

void piddir_root(char *path, size_t size)
{
	size_t length;

	if (geteuid() == 0) {
		(void)snprintf(path, size, "/run/podleash");
		return;
	}
	first_place("XDG_RUNTIME_DIR", path, size);
	length = strlen(path);
	if (!problem_of(path)) {
		(void)snprintf(path + length, size - length, "/podleash");
		return;
	}
	first_place("RUNTIME_DIRECTORY", path, size);
	if (problem_of(path))
		(void)snprintf(path, size, "/tmp/podleash-%u", (unsigned int)geteuid());
}

void piddir_default(char *path, size_t size)
{
	const char *set = getenv("RECEPTOR_PID_DIRECTORY");

	if (set && *set)
		(void)snprintf(path, size, "%s", set);
	else
		piddir_root(path, size);
}

bool piddir_absolute(const char *path, char absolute[PATH_MAX])
{
	bool relative = path[0] != '/';

	if (relative && !getcwd(absolute, PATH_MAX))
		return false;
	size_t before = relative ? strlen(absolute) : 0, room = PATH_MAX - before;
	errno = ENAMETOOLONG;
	return snprintf(absolute + before, room, "%s%s", relative ? "/" : "", path) < (int)room;
}

void piddir_unit(int directory, char unit[UNIT_SIZE])
{
	char link[32], path[PATH_MAX];

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", directory);
	ssize_t length = directory < 0 ? -1 : readlink(link, path, sizeof(path) - 1);
	path[length > 0 ? length : 0] = '\0';
	const char *slash = strrchr(path, '/');
	const char *name = slash && unit_name_valid(slash + 1) ? slash + 1 : "default";
	memcpy(unit, name, strlen(name) + 1); /* a valid name fits */
}

/* Removes what was just made and cannot be used; keeps errno. As piddir_make() where that fails. */
static int unmake(int parent, const char *name)
{
	int error = errno;

	(void)unlinkat(parent, name, AT_REMOVEDIR);
	errno = error;
	return -1;
}

int piddir_make(const char *path, int *lock, const char **why)
{
	char name[NAME_MAX + 1];
	_cleanup_close_ int parent = open_parent(path, name, why);

	*lock = -1;
	for (int try = 0; parent >= 0 && try < 3; try++) {
		bool made = file_make_directory(parent, name);
		int directory = closed(piddir_look_at(parent, name, why), why);
		struct stat st;

		if (directory < 0)
			return made ? unmake(parent, name) : -1;
		*lock = file_open_own(directory, DIRECTORY_MARK, (made ? O_CREAT : 0) | O_RDWR);
		/* a sweep may have removed it between two of these calls */
		if ((*lock < 0 && !made) || (*lock >= 0 && flock(*lock, LOCK_SH) == 0 &&
					     fstat(*lock, &st) == 0 && st.st_nlink > 0))
			return directory;
		if (*lock < 0 && errno != ENOENT) { /* without a mark no sweep would remove it */
			*why = strerror(errno);
			cleanup_close(&directory);
			return unmake(parent, name);
		}
		cleanup_close(lock);
		*lock = -1;
		cleanup_close(&directory);
	}
	if (parent >= 0)
		*why = "it is removed again and again";
	return -1;
}

bool piddir_is_removed(int directory)
{
	struct stat st;

	return fstat(directory, &st) == 0 && st.st_nlink == 0;
}

bool piddir_remove(int directory, const char *path)
{
	_cleanup_close_ int mark = file_open_own(directory, DIRECTORY_MARK, O_RDWR);
	char run[RUN_SIZE], name[NAME_MAX + 1];
	const char *why;
	_cleanup_close_ int parent = open_parent(path, name, &why);
	_cleanup_names_ struct names names = {0};
	bool empty = true;

	if (parent < 0 || mark < 0 || flock(mark, LOCK_EX | LOCK_NB) ||
	    !names_read(directory, &names))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		enum file_kind kind = file_kind(names.name[i], run);

		empty = empty && (kind == FILE_MARK || kind == FILE_ANSWER);
	}
	for (size_t i = 0; empty && i < names.count; i++)
		(void)unlinkat(directory, names.name[i], 0); /* rmdir tells */
	errno = ENOTEMPTY;
	if (empty && unlinkat(parent, name, AT_REMOVEDIR) == 0)
		return true;
	int error = errno;
	/* a cancel has come: a sweep removes what has the mark */
	int again = file_open_own(directory, DIRECTORY_MARK, O_CREAT | O_RDWR);
	cleanup_close(&again);
	errno = error;
	return false;
}

uid_t piddir_owner(const char *path)
{
	char name[NAME_MAX + 1];
	struct stat st;
	uid_t other;
	_cleanup_close_ int parent = walk(path, name, &other);

	if (parent >= 0 && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_anothers(&st))
		other = st.st_uid;
	return other ? other : geteuid();
}
