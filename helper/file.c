/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "proc.h"
#include "util.h"
#include "walk.h"

#define ALWAYS	      (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define PIDFILE_LIMIT 64

/* Reads @fd to its end, as read_file(). */
static char *read_all(int fd, size_t limit, size_t *size)
{
	_cleanup_free_ char *text = NULL;
	size_t used = 0, room = 512; /* and twice that: a guard keeps its record for hours */
	ssize_t n;

	do {
		if (!text || room - used < 2) {
			char *larger = realloc(text, room *= 2);

			if (!larger)
				return NULL;
			text = larger;
		}
		n = read(fd, text + used, room - used - 1);
		if (n < 0 && errno != EINTR)
			return NULL;
		used += n > 0 ? (size_t)n : 0;
		if (used > limit) {
			errno = EFBIG;
			return NULL;
		}
	} while (n);
	text[used] = '\0';
	if (size)
		*size = used;
	char *whole = text;
	text = NULL;
	return whole;
}

static int open_plain(int directory, const char *path, int flags, uid_t other)
{
	/* a job's umask may leave nothing of the mode, and then the file is not ours to open again
	 */
	mode_t before = flags & O_CREAT ? umask(0077) : 0;
	_cleanup_close_ int fd = openat(directory, path, flags | ALWAYS, 0600);
	struct stat st;

	if (flags & O_CREAT)
		(void)umask(before); /* cannot fail, and leaves errno */

	if (fd < 0) {
		/* a lease on it; to callers this is what flock(2) says of a live guard */
		if (errno == EWOULDBLOCK)
			errno = EBUSY;
		return -1;
	}
	if (fstat(fd, &st))
		return -1;
	if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != other) ||
	    st.st_nlink > 1) {
		errno = EINVAL;
		return -1;
	}
	return take_fd(&fd);
}

int file_open_own(int directory, const char *path, int flags)
{
	return open_plain(directory, path, flags, geteuid());
}

int file_open_directory(int directory, const char *name)
{
	return openat(directory, name, O_RDONLY | O_DIRECTORY | ALWAYS);
}

bool file_make_directory(int directory, const char *name)
{
	mode_t before = umask(0077);
	bool made = mkdirat(directory, name, 0700) == 0;

	(void)umask(before);
	return made;
}

int file_open_log(const char *path)
{
	char name[NAME_MAX + 1];
	uid_t other;
	_cleanup_close_ int directory = walk(path, name, &other);

	return directory < 0 ? -1 : open_plain(directory, name, O_WRONLY | O_APPEND | O_CREAT, 0);
}

bool file_takes_log(const char *path)
{
	char name[NAME_MAX + 1];
	uid_t other;
	_cleanup_close_ int directory = walk(path, name, &other);
	_cleanup_close_ int fd =
		directory < 0 ? -1 : open_plain(directory, name, O_WRONLY | O_APPEND, 0);

	return fd >= 0 || (directory >= 0 && errno == ENOENT &&
			   faccessat(directory, ".", W_OK | X_OK, 0) == 0);
}

bool file_close_stdio(int output)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	return null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	       dup2(output >= 0 ? output : null, STDOUT_FILENO) >= 0 &&
	       dup2(null, STDERR_FILENO) >= 0;
}

/* What we have opened ourselves is closed on exec. */
static bool was_inherited(int fd)
{
	return !(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

/* Closes all from @first on, or the @inherited alone. The limit may be in the billions, these not.
 */
static void close_each(int first, bool inherited)
{
	DIR *open_ones = opendir("/proc/self/fd");
	struct dirent *entry;

	while (open_ones && (entry = readdir(open_ones))) {
		int fd = proc_parse_pid(entry->d_name, strlen(entry->d_name));

		if (fd >= first && fd != dirfd(open_ones) && (!inherited || was_inherited(fd)))
			(void)close(fd);
	}
	if (open_ones)
		(void)closedir(open_ones);
}

void file_close_from(int first)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return;
#endif
	close_each(first, false); /* before Linux 5.9 */
}

void file_close_inherited(void)
{
	if (file_close_stdio(-1))
		close_each(STDERR_FILENO + 1, true);
}

bool file_write_new(int directory, const char *name, const char *text)
{
	_cleanup_close_ int fd = file_open_own(directory, name, O_WRONLY | O_CREAT | O_EXCL);

	if (fd < 0)
		return false;
	if (write(fd, text, strlen(text)) == (ssize_t)strlen(text))
		return true;
	int error = errno;
	(void)unlinkat(directory, name, 0); /* the write's error is the one that matters */
	errno = error;
	return false;
}

bool file_replace(int directory, const char *name, const char *temporary, const char *text)
{
	(void)unlinkat(directory, temporary, 0); /* of one that was killed in here */
	if (!file_write_new(directory, temporary, text))
		return false;
	if (renameat(directory, temporary, directory, name) == 0)
		return true;
	int error = errno;
	(void)unlinkat(directory, temporary, 0); /* the rename's error is the one that matters */
	errno = error;
	return false;
}

bool leads_to(const char *path, int fd)
{
	struct stat there, here;

	return stat(path, &there) == 0 && fstat(fd, &here) == 0 && there.st_dev == here.st_dev &&
	       there.st_ino == here.st_ino;
}

const char *file_error(void)
{
	if (errno == EINVAL)
		return "not a plain file of this user's under one name";
	return errno == ELOOP ? "a symbolic link" : strerror(errno);
}

char *read_own_file(int directory, const char *path, size_t limit, size_t *size)
{
	_cleanup_close_ int fd = file_open_own(directory, path, O_RDONLY);

	return fd < 0 ? NULL : read_all(fd, limit, size);
}

char *read_file(int directory, const char *path, size_t limit, size_t *size)
{
	_cleanup_close_ int fd = openat(directory, path, O_RDONLY | ALWAYS);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return NULL;
	}
	return read_all(fd, limit, size);
}

char *read_through(const char *path, size_t limit, size_t *size)
{
	char real[PATH_MAX];

	return realpath(path, real) ? read_file(AT_FDCWD, real, limit, size) : NULL;
}

pid_t read_pid_file(int directory, const char *path)
{
	size_t size = 0;
	_cleanup_free_ char *text = read_own_file(directory, path, PIDFILE_LIMIT, &size);

	return text ? proc_parse_pid(text, size) : 0;
}
