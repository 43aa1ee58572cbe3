/* SPDX-License-Identifier: Apache-2.0 */
#include "walk.h"

#include <fcntl.h>
#include <sys/statfs.h>

#include "util.h"

/* As many as the kernel follows on one path: path_resolution(7). */
#define LINKS_MAX 40

#define PROC 0x9fa0 /* statfs(2) */

struct walk {
	int at;		     /* the directory it has come to */
	char rest[PATH_MAX]; /* of the path, from there */
	int links;	     /* followed so far */
	uid_t other;
};

bool is_anothers(const struct stat *st)
{
	struct stat root;

	/* in a user namespace / may be the real root's, who is shown as nobody there */
	return geteuid() == 0 && st->st_uid != 0 && (stat("/", &root) || st->st_uid != root.st_uid);
}

/* Whether it may be led by what @st describes. */
static bool may_follow(struct walk *walk, const struct stat *st)
{
	if (!is_anothers(st))
		return true;
	walk->other = st->st_uid;
	errno = EPERM;
	return false;
}

/* Goes on from the directory @fd, which it takes over. */
static bool enter(struct walk *walk, int fd)
{
	_cleanup_close_ int next = fd;
	struct stat st;

	if (next < 0 || fstat(next, &st) || !may_follow(walk, &st))
		return false;
	cleanup_close(&walk->at);
	walk->at = take_fd(&next);
	return true;
}

/* Puts @path in front of the rest, and goes to where it begins. */
static bool prepend(struct walk *walk, const char *path, size_t length)
{
	size_t behind = strlen(walk->rest);

	errno = length ? ENAMETOOLONG : ENOENT;
	if (!length || length + behind + 2 > sizeof(walk->rest))
		return false;
	memmove(walk->rest + length + 1, walk->rest, behind + 1);
	memcpy(walk->rest, path, length);
	walk->rest[length] = '/';
	if (path[0] == '/')
		return enter(walk, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	return walk->at >= 0 || enter(walk, open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* Moves the first component of the rest to @name, "." where there is none. */
static bool take_component(struct walk *walk, char name[NAME_MAX + 1])
{
	char *start = walk->rest + strspn(walk->rest, "/");
	size_t length = strcspn(start, "/");
	char *next = start + length + strspn(start + length, "/");

	errno = ENAMETOOLONG;
	if (length > NAME_MAX)
		return false;
	memcpy(name, length ? start : ".", length ? length : 1);
	name[length ? length : 1] = '\0';
	memmove(walk->rest, next, strlen(next) + 1);
	return true;
}

/* One component that is not the last one: a directory, or a link to follow. */
static bool step(struct walk *walk, const char *name)
{
	_cleanup_close_ int next = openat(walk->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char target[PATH_MAX];
	struct statfs fs;
	struct stat st;

	if (next < 0 || fstat(next, &st))
		return false;
	if (!S_ISLNK(st.st_mode))
		return enter(walk, take_fd(&next));
	if (!may_follow(walk, &st))
		return false;
	errno = ELOOP;
	if (++walk->links > LINKS_MAX)
		return false;
	ssize_t length = readlinkat(next, "", target, sizeof(target));
	if (length < 0 || fstatfs(next, &fs))
		return false;
	errno = ELOOP; /* as openat2(2) says: what proc(5) shows may be another place here */
	return (fs.f_type != PROC || target[0] != '/') && prepend(walk, target, (size_t)length);
}

int walk(const char *path, char name[NAME_MAX + 1], uid_t *other)
{
	struct walk walk = {.at = -1};
	bool good = prepend(&walk, path, strlen(path)) && take_component(&walk, name);

	while (good && walk.rest[0])
		good = step(&walk, name) && take_component(&walk, name);
	*other = walk.other;
	if (good)
		return walk.at;
	cleanup_close(&walk.at);
	return -1;
}
