/* SPDX-License-Identifier: Apache-2.0 */
/* What is opened of all that may lie under a file's name, and what is read of it. */
#include "../../helper/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "../../helper/util.h"
#include "tap.h"

#define ALWAYS (O_NOFOLLOW | O_NONBLOCK)

static int directory;

static void put(const char *name, const char *bytes, size_t size)
{
	_cleanup_close_ int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	(void)!write(fd, bytes, size);
}

static bool refused(const char *name, int error)
{
	errno = 0;
	return file_open_own(directory, name, O_RDONLY) < 0 && errno == error &&
	       !read_own_file(directory, name, 64, NULL) && !read_pid_file(directory, name);
}

static void test_open(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
	_cleanup_close_ int socket_fd = socket(AF_UNIX, SOCK_STREAM, 0);

	put("plain", "1\n", 2);
	_cleanup_close_ int fd = file_open_own(directory, "plain", O_RDWR | O_APPEND);
	ok(fd >= 0 && (fcntl(fd, F_GETFL) & ALWAYS) == ALWAYS && fcntl(fd, F_GETFD) == FD_CLOEXEC,
	   "a file of our own is opened, and not handed on");
	_cleanup_close_ int made = file_open_own(directory, "made", O_WRONLY | O_CREAT | O_EXCL);
	struct stat st;
	ok(made >= 0 && !fstat(made, &st) && (st.st_mode & 07777) == 0600,
	   "one that is made is its owner's alone");
	ok(refused("missing", ENOENT), "none is there: ENOENT");

	(void)!symlinkat("plain", directory, "link");
	ok(refused("link", ELOOP), "a symbolic link is not followed");
	(void)!symlinkat("nowhere", directory, "dangling");
	ok(file_open_own(directory, "dangling", O_WRONLY | O_CREAT) < 0 &&
		   fstatat(directory, "nowhere", &st, 0),
	   "nothing is made where a symbolic link points");
	(void)!linkat(directory, "plain", directory, "second", 0);
	ok(refused("plain", EINVAL) && refused("second", EINVAL),
	   "a file with a second name is refused");
	(void)unlinkat(directory, "second", 0);
	(void)mkfifoat(directory, "fifo", 0600);
	ok(refused("fifo", EINVAL), "a FIFO is refused, at once");
	(void)mkdirat(directory, "directory", 0700);
	ok(refused("directory", EINVAL), "a directory is refused");
	ok(file_open_own(directory, "directory", O_RDWR) < 0 && errno == EISDIR,
	   "a directory is refused for writing");
	(void)!fchdir(directory);
	(void)!bind(socket_fd, (const struct sockaddr *)&address, sizeof(address));
	(void)!chdir("/");
	ok(refused("socket", ENXIO), "a socket is refused");
	ok(file_open_own(AT_FDCWD, "/dev/null", O_RDONLY) < 0 && errno == EINVAL,
	   "a device is refused");

	/* a lease would have the opener wait for its holder: open(2) */
	put("leased", "1\n", 2);
	(void)signal(SIGIO, SIG_IGN);
	_cleanup_close_ int lease = openat(directory, "leased", O_RDONLY | O_CLOEXEC);
	ok(fcntl(lease, F_SETLEASE, F_RDLCK) == 0 &&
		   file_open_own(directory, "leased", O_RDWR) < 0 && errno == EBUSY,
	   "a lease on a file is not waited for, nor taken for a lock");
}

static void test_owner(void)
{
	if (geteuid() != 0)
		return;
	put("theirs", "1\n", 2);
	(void)!fchownat(directory, "theirs", 1, 1, 0);
	ok(refused("theirs", EINVAL), "another user's file is refused");
}

static void test_read(void)
{
	size_t size = 0;

	put("data", "ab\0c", 4);
	char *text = read_own_file(directory, "data", 4, &size);
	ok(text && size == 4 && !memcmp(text, "ab\0c", 5), "all of a file is read, NULs included");
	free(text);
	ok(!read_own_file(directory, "data", 3, &size) && errno == EFBIG,
	   "a file above the limit is refused");
	_cleanup_close_ int fd = openat(directory, "data", O_WRONLY | O_CLOEXEC);
	(void)!ftruncate(fd, 100 << 20);
	ok(!read_own_file(directory, "data", 4096, &size) && errno == EFBIG,
	   "one of 100 MiB as well");
}

static void test_pid(void)
{
	static const struct {
		const char *behaviour, *text;
		size_t size;
		pid_t pid;
	} rows[] = {
		{"a pid", "4711", 4, 4711},
		{"a pid and a newline", "4711\n", 5, 4711},
		{"nothing", "", 0, 0},
		{"a NUL alone", "", 1, 0},
		{"a pid and a NUL", "4711\0", 5, 0},
		{"a NUL and more behind a pid", "4711\0001", 6, 0},
		{"a NUL behind the newline", "4711\n\0", 6, 0},
		{"two lines", "4711\n1\n", 7, 0},
		{"more than a pid file holds",
		 "0000000000000000000000000000000000000000000000000000000000000004711", 67, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put("pid", rows[i].text, rows[i].size);
		ok(read_pid_file(directory, "pid") == rows[i].pid, "pid file: %s: %d",
		   rows[i].behaviour, (int)rows[i].pid);
	}
}

static void test_make_directory(void)
{
	mode_t before = umask(0777);
	struct stat st;

	ok(file_make_directory(directory, "new") &&
		   !fstatat(directory, "new", &st, AT_SYMLINK_NOFOLLOW) &&
		   (st.st_mode & 07777) == 0700,
	   "under a umask of 0777 a directory is its owner's");
	ok(!file_make_directory(directory, "new") && errno == EEXIST, "one that is there is said");
	(void)umask(before);
}

int main(void)
{
	char path[] = "/tmp/unit-file.XXXXXX";
	static const char *const names[] = {"plain",  "made",	"link",	  "dangling", "fifo",
					    "socket", "leased", "theirs", "data",     "pid"};

	if (!ok(mkdtemp(path) != NULL, "a directory to test in"))
		return done();
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_open();
	test_owner();
	test_read();
	test_pid();
	test_make_directory();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void)unlinkat(directory, names[i], 0);
	(void)unlinkat(directory, "directory", AT_REMOVEDIR);
	(void)unlinkat(directory, "new", AT_REMOVEDIR);
	(void)close(directory);
	ok(rmdir(path) == 0, "nothing is left in it");
	return done();
}
