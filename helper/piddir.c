/* SPDX-License-Identifier: Apache-2.0 */
#include "piddir.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "log.h"
#include "util.h"

/* A slash at the end would make O_NOFOLLOW follow a symlink. Returns false where @path is too long.
 */
static bool without_slashes(const char *path, char trimmed[PATH_MAX])
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	if (length == 0 || length >= PATH_MAX)
		return false;
	memcpy(trimmed, path, length);
	trimmed[length] = '\0';
	return true;
}

int piddir_open(const char *path, const char **why)
{
	char trimmed[PATH_MAX];
	struct stat st;

	*why = "no usable path";
	if (!without_slashes(path, trimmed))
		return -1;
	/* O_DIRECTORY comes first in the kernel: a symlink is ENOTDIR or ELOOP, look which */
	if (lstat(trimmed, &st)) {
		*why = strerror(errno);
		return -1;
	}
	if (S_ISLNK(st.st_mode)) {
		*why = "a symbolic link; name the directory itself";
		return -1;
	}
	_cleanup_close_ int fd =
		open(trimmed, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		*why = strerror(errno);
		return -1;
	}
	if (st.st_uid != geteuid()) {
		*why = "owned by another user; run podleash as the one who runs podman";
		return -1;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		*why = "writable by others; chmod 0700 it";
		return -1;
	}
	int opened = fd;
	fd = -1; /* the caller's from here on */
	return opened;
}

void piddir_root(char *path, size_t size)
{
	const char *session = getenv("XDG_RUNTIME_DIR");
	const char *service = getenv("RUNTIME_DIRECTORY");

	if (geteuid() == 0)
		(void)snprintf(path, size, "/run/podleash");
	else if (session && session[0] == '/')
		(void)snprintf(path, size, "%s/podleash", session);
	else if (service && service[0] == '/') /* systemd.exec(5): a colon-separated list */
		(void)snprintf(path, size, "%.*s", (int)strcspn(service, ":"), service);
	else
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

void piddir_each_unit(int directory, const char *path, piddir_visit *visit, void *context)
{
	struct names names;

	if (!names_read(directory, &names)) {
		log_line("%s: cannot be read: %s", path, strerror(errno));
		return;
	}
	for (size_t i = 0; i < names.count; i++) {
		char below[PATH_MAX];
		const char *why;
		struct stat st;

		if (!unit_name_valid(names.name[i]) ||
		    fstatat(directory, names.name[i], &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISDIR(st.st_mode) ||
		    snprintf(below, sizeof(below), "%s/%s", path, names.name[i]) >=
			    (int)sizeof(below))
			continue;
		_cleanup_close_ int unit = piddir_open(below, &why);
		if (unit < 0)
			log_line("%s: %s; left alone", below, why);
		else
			visit(unit, below, context);
	}
	names_free(&names);
}

int piddir_make(const char *path, int *lock, const char **why)
{
	*lock = -1;
	for (int try = 0; try < 3; try++) {
		bool made = mkdir(path, 0700) == 0;
		int directory = piddir_open(path, why);
		struct stat st;

		if (directory < 0)
			return -1;
		*lock = openat(directory, DIRECTORY_MARK,
			       (made ? O_CREAT : 0) | O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
			       0600);
		/* a sweep may have removed it between two of these calls */
		if ((*lock < 0 && !made) || (*lock >= 0 && flock(*lock, LOCK_SH) == 0 &&
					     fstat(*lock, &st) == 0 && st.st_nlink > 0))
			return directory;
		cleanup_close(lock);
		*lock = -1;
		cleanup_close(&directory);
	}
	*why = "it is removed again and again";
	return -1;
}

bool piddir_remove(int directory, const char *path)
{
	_cleanup_close_ int mark =
		openat(directory, DIRECTORY_MARK, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char run[RUN_SIZE];
	struct names names;
	bool empty = true;

	if (mark < 0 || flock(mark, LOCK_EX | LOCK_NB) || !names_read(directory, &names))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		enum file_kind kind = file_kind(names.name[i], run);

		empty = empty && (kind == FILE_MARK || kind == FILE_ANSWER);
	}
	for (size_t i = 0; empty && i < names.count; i++)
		(void)unlinkat(directory, names.name[i], 0); /* rmdir tells */
	names_free(&names);
	return empty && rmdir(path) == 0;
}

int piddir_from_argument(const char *argument, char path[PATH_MAX], int *status)
{
	const char *why;
	int directory = -1;

	piddir_default(path, PATH_MAX);
	if (argument)
		(void)snprintf(path, PATH_MAX, "%s", argument); /* too long: not found */
	*status = 1;
	if (piddir_become_owner(path)) {
		directory = piddir_open(path, &why);
		if (directory < 0 && !argument && errno == ENOENT)
			*status = 0;
		else if (directory < 0)
			print_error("%s: %s; nothing was touched", path, why);
	}
	return directory;
}

bool piddir_become_owner(const char *path)
{
	char trimmed[PATH_MAX];
	struct stat st;

	if (geteuid() != 0 || !without_slashes(path, trimmed) || lstat(trimmed, &st) ||
	    !S_ISDIR(st.st_mode) || st.st_uid == 0)
		return true;
	/* the user's own group: the directory's may be anyone's, root's as well */
	const struct passwd *user = getpwuid(st.st_uid);
	if (user && setgroups(0, NULL) == 0 && setgid(user->pw_gid) == 0 && setuid(st.st_uid) == 0)
		return true;
	print_error("%s: cannot become its owner, uid %u: %s; nothing was touched", path,
		    (unsigned int)st.st_uid, user ? strerror(errno) : "no such user");
	return false;
}
