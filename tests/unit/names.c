/* SPDX-License-Identifier: Apache-2.0 */
/* Which names in a pid directory are whose. */
#include "../../helper/piddir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

/* @name with what cannot be shown in a TAP line replaced. */
static const char *shown(const char *name)
{
	static char text[300];
	size_t i;

	for (i = 0; name[i] && i + 1 < sizeof(text); i++)
		text[i] = name[i] < ' ' || name[i] > '~' || name[i] == '#' ? '?' : name[i];
	text[i] = '\0';
	return text;
}

static void test_run_names(void)
{
	static const struct {
		const char *name;
		bool valid;
	} rows[] = {
		{"1-0", true},
		{"4711-1a2b3c", true},
		{"2147483647-ffffffffffffffff", true},
		{"9999999999-0123456789abcdef", true},
		{"", false},
		{"-", false},
		{"-1a", false},
		{"4711", false},
		{"4711-", false},
		{"12345678901-1a", false},
		{"4711-0123456789abcdef0", false},
		{"4711-1A", false},
		{"4711-1g", false},
		{"4711-1a-1", false},
		{"4711--1a", false},
		{"+4711-1a", false},
		{" 4711-1a", false},
		{"4711-1a ", false},
		{"4711-1a\n", false},
		{"a-1", false},
		{"../4711-1a", false},
		{"4711-1a/", false},
		{"4711-1a.run", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ok(run_name_valid(rows[i].name) == rows[i].valid, "'%s' is %s run's name",
		   shown(rows[i].name), rows[i].valid ? "a" : "no");
}

static void test_unit_names(void)
{
	static const struct {
		const char *name;
		bool valid;
	} rows[] = {
		{"U1", true},	{"aBc9", true},	 {"job-1.2_3@host:4+5", true},
		{"-", true},	{"a.", true},	 {"", false},
		{".", false},	{"..", false},	 {".hidden", false},
		{"a/b", false}, {"../a", false}, {"a b", false},
		{"a\n", false}, {"a\tb", false}, {"a%b", false},
		{"a=b", false}, {"a*", false},	 {"\xc3\xa4", false},
	};
	char name[UNIT_SIZE + 1];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ok(unit_name_valid(rows[i].name) == rows[i].valid, "'%s' is %s unit's name",
		   shown(rows[i].name), rows[i].valid ? "a" : "no");
	memset(name, 'a', sizeof(name));
	name[128] = '\0';
	ok(unit_name_valid(name), "128 characters are a unit's name");
	name[128] = 'a';
	name[129] = '\0';
	ok(!unit_name_valid(name), "129 characters are none");
}

static void test_file_kinds(void)
{
	static const struct {
		const char *name;
		enum file_kind kind;
		const char *run;
	} rows[] = {
		{"4711-1a.run", FILE_RECORD, "4711-1a"},
		{"4711-1a.conmon.pid", FILE_CONMON_PID, "4711-1a"},
		{"4711-1a.pid", FILE_CONTAINER_PID, "4711-1a"},
		{"4711-1a.cid", FILE_CONTAINER_ID, "4711-1a"},
		{".4711-1a.run", FILE_TEMPORARY, "4711-1a"},
		{".4711-1a.pid", FILE_TEMPORARY, "4711-1a"},
		{"4711-1a.conmon.pid.A1B2C3", FILE_TEMPORARY, "4711-1a"},
		{"2147483647-ffffffffffffffff.conmon.pid", FILE_CONMON_PID,
		 "2147483647-ffffffffffffffff"},
		{"cancelled.U1", FILE_TOMBSTONE, ""},
		{"cancelled.4711-1a.run", FILE_TOMBSTONE, ""},
		{"cancelled.U1.pid", FILE_TOMBSTONE, ""},
		{".podman-1-2-3-4.5", FILE_ANSWER, ""},
		{".podleash-run", FILE_MARK, ""},
		{".cancelled-4711-1a", FILE_TEMPORARY, ""},
		{".podleash-run.pid", FILE_FOREIGN, ""},
		{"podleash-run", FILE_FOREIGN, ""},
		{"conmon.pid", FILE_PLAIN_PID, ""},
		{"my.pid", FILE_PLAIN_PID, ""},
		{"4711.pid", FILE_PLAIN_PID, ""},
		{"4711-1A.pid", FILE_PLAIN_PID, ""},
		{"4711-1a.conmon.pid.pid", FILE_PLAIN_PID, ""},
		{"a\nb.pid", FILE_PLAIN_PID, ""},
		{".pid", FILE_FOREIGN, ""},
		{".my.pid", FILE_FOREIGN, ""},
		{".4711-1a.pid.x", FILE_FOREIGN, ""},
		{"4711-1a.conmon.pid.12345", FILE_FOREIGN, ""},
		{"4711-1a.pid.A1B2C3", FILE_FOREIGN, ""},
		{"my.conmon.pid.A1B2C3", FILE_FOREIGN, ""},
		{".cid", FILE_FOREIGN, ""},
		{"my.cid", FILE_FOREIGN, ""},
		{"4711.cid", FILE_FOREIGN, ""},
		{"4711-1A.cid", FILE_FOREIGN, ""},
		{".4711-1a.cid", FILE_FOREIGN, ""},
		{"4711-1a.conmon.cid", FILE_FOREIGN, ""},
		{"4711-1a.cid.A1B2C3", FILE_FOREIGN, ""},
		{"4711-1a.cid.pid", FILE_PLAIN_PID, ""},
		{"cancelled.4711-1a.cid", FILE_TOMBSTONE, ""},
		{".run", FILE_FOREIGN, ""},
		{"my.run", FILE_FOREIGN, ""},
		{"4711-1a", FILE_FOREIGN, ""},
		{"4711-1a.run.swp", FILE_FOREIGN, ""},
		{"4711-1a.runs", FILE_FOREIGN, ""},
		{"4711-1A.run", FILE_FOREIGN, ""},
		{"4711-1a\n.run", FILE_FOREIGN, ""},
		{"\n4711-1a.run", FILE_FOREIGN, ""},
		{"cancelled.", FILE_FOREIGN, ""},
		{"cancelled..", FILE_FOREIGN, ""},
		{"cancelled.a b", FILE_FOREIGN, ""},
		{"notes", FILE_FOREIGN, ""},
		{"", FILE_FOREIGN, ""},
	};
	char run[RUN_SIZE], name[NAME_MAX + 1];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		memset(run, 'x', sizeof(run));
		enum file_kind kind = file_kind(rows[i].name, run);
		ok(kind == rows[i].kind && !strcmp(run, rows[i].run), "'%s' is of kind %d",
		   shown(rows[i].name), rows[i].kind);
	}
	memset(name, '1', NAME_MAX);
	memcpy(name + NAME_MAX - 4, ".run", 5);
	ok(file_kind(name, run) == FILE_FOREIGN && !run[0], "the longest of names is no record");
	memcpy(name + NAME_MAX - 4, ".pid", 5);
	ok(file_kind(name, run) == FILE_PLAIN_PID && !run[0],
	   "the longest of names may be a plain pid file's");
}

static void test_units_of_directories(const char *directory)
{
	static const struct {
		const char *name, *unit;
	} rows[] = {
		{"U1", "U1"},		{"job-1.2_3@host:4+5", "job-1.2_3@host:4+5"},
		{".hidden", "default"}, {"a b", "default"},
		{"a\nb", "default"},
	};
	char unit[UNIT_SIZE], path[PATH_MAX], link[PATH_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", directory, rows[i].name);
		(void)mkdir(path, 0700);
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		piddir_unit(fd, unit);
		ok(!strcmp(unit, rows[i].unit), "the directory '%s' stands for the unit %s",
		   shown(rows[i].name), rows[i].unit);
		(void)close(fd);
		(void)snprintf(link, sizeof(link), "%s/link", directory);
		(void)!symlink(path, link);
		fd = open(link, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		piddir_unit(fd, unit);
		ok(!strcmp(unit, rows[i].unit), "by whatever path it was opened");
		(void)close(fd);
		(void)unlink(link);
		(void)rmdir(path);
	}
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	piddir_unit(root, unit);
	ok(!strcmp(unit, "default"), "/ stands for the default unit");
	(void)close(root);
	piddir_unit(-1, unit);
	ok(!strcmp(unit, "default"), "and so does a directory that could not be opened");
}

static void make(const char *directory, const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	(void)close(open(path, O_WRONLY | O_CREAT, 0600));
}

static void test_names_read(const char *directory)
{
	char path[PATH_MAX];
	struct names names;
	bool sorted = true;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ok(names_read(fd, &names) && names.count == 0, "an empty directory has no names");
	names_free(&names);
	for (int i = 0; i < 200; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "%d", i);
		make(directory, name);
	}
	make(directory, "a\nb");
	make(directory, ".hidden");
	for (int round = 0; round < 2; round++) {
		ok(names_read(fd, &names) && names.count == 202, "all names are read, %s",
		   round ? "and once more" : "with hidden ones, without . and ..");
		for (size_t i = 1; i < names.count; i++)
			sorted = sorted && strcmp(names.name[i - 1], names.name[i]) < 0;
		ok(sorted && names.count && !strcmp(names.name[0], ".hidden"), "they are sorted");
		for (size_t i = 0; i < names.count && round; i++) {
			(void)snprintf(path, sizeof(path), "%s/%s", directory, names.name[i]);
			(void)unlink(path);
		}
		names_free(&names);
	}
	ok(!names.count && !names.name, "freed names are none");
	(void)close(fd);
	ok(!names_read(-1, &names) && !names.count, "no directory, no names");
}

static void test_piddir_open(const char *directory)
{
	char path[PATH_MAX], link[PATH_MAX], slashes[PATH_MAX];
	const char *why = NULL;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/pids", directory);
	(void)snprintf(slashes, sizeof(slashes), "%s/pids//", directory);
	(void)snprintf(link, sizeof(link), "%s/link", directory);
	(void)mkdir(path, 0700);
	(void)!symlink(path, link);

	fd = piddir_open(path, &why);
	ok(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC, "a directory of one's own is opened");
	(void)close(fd);
	fd = piddir_open(slashes, &why);
	ok(fd >= 0, "with slashes at its end as well");
	(void)close(fd);
	ok(piddir_open(link, &why) < 0 && strstr(why, "symbolic link"), "a symlink is refused");
	(void)strcat(link, "/");
	ok(piddir_open(link, &why) < 0 && strstr(why, "symbolic link"),
	   "a symlink with a slash at its end is refused");
	static const mode_t modes[] = {0720, 0702, 0777, 01777};
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		(void)chmod(path, modes[i]);
		ok(piddir_open(path, &why) < 0 && strstr(why, "writable by others"),
		   "mode %04o is refused", (unsigned int)modes[i]);
	}
	(void)chmod(path, 0755);
	fd = piddir_open(path, &why);
	ok(fd >= 0, "one that others may read is opened");
	(void)close(fd);
	(void)rmdir(path);
	ok(piddir_open(path, &why) < 0 && errno == ENOENT, "a missing one is ENOENT");
	make(directory, "pids");
	ok(piddir_open(path, &why) < 0, "a file is refused");
	(void)unlink(path);
	(void)mkfifo(path, 0600);
	ok(piddir_open(path, &why) < 0, "a FIFO is refused, at once");
	(void)unlink(path);
	ok(piddir_open("", &why) < 0 && why, "an empty path is refused");
	*strrchr(link, '/') = '\0';
	(void)unlink(link);
}

static void test_making(const char *directory)
{
	char path[PATH_MAX];
	const char *why = NULL;
	int lock, other_lock;
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/unit", directory);
	int fd = piddir_make(path, &lock, &why);
	ok(fd >= 0 && lock >= 0 && !stat(path, &st) && (st.st_mode & 07777) == 0700,
	   "a directory is made, for its owner alone");
	int other = piddir_make(path, &other_lock, &why);
	ok(other >= 0 && other_lock >= 0, "two may use it");
	(void)close(lock);
	ok(!piddir_remove(fd, path), "it is not removed while one of them does");
	(void)close(other_lock);
	make(path, "notes");
	ok(!piddir_remove(fd, path), "nor while it holds anything of others");
	(void)unlinkat(fd, "notes", 0);
	make(path, ".podman-1-2-3-4.5");
	ok(piddir_remove(fd, path) && stat(path, &st), "then it is, with what it keeps for itself");
	(void)close(fd);
	(void)close(other);

	(void)mkdir(path, 0700);
	fd = piddir_make(path, &lock, &why);
	ok(fd >= 0 && lock < 0, "one that is there already is used as it is");
	ok(!piddir_remove(fd, path) && !stat(path, &st), "and not removed, though it is empty");
	(void)close(fd);
	(void)rmdir(path);
}

int main(void)
{
	char directory[] = "/tmp/unit-names.XXXXXX";

	test_run_names();
	test_unit_names();
	test_file_kinds();
	if (ok(mkdtemp(directory) != NULL, "a directory to test in")) {
		test_units_of_directories(directory);
		test_units_of_directories(directory);
		test_making(directory);
		test_names_read(directory);
		test_piddir_open(directory);
		ok(rmdir(directory) == 0, "nothing is left in it");
	}
	return done();
}
