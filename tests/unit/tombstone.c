/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a tombstone stops, and for how long it stands. */
#include "../../helper/tombstone.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../helper/piddir.h"
#include "../../helper/proc.h"
#include "../../helper/util.h"
#include "tap.h"

#define HOUR_NS (3600ULL * 1000000000U)
#define OWN_MS	5000

static int directory;

static void put(const char *text)
{
	int fd = openat(directory, "cancelled.U1", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	(void)!write(fd, text, strlen(text));
	(void)close(fd);
}

/* A tombstone of this boot (or @boot), @age_ns old. */
static void put_aged(const char *boot, uint64_t age_ns)
{
	char text[128], this_boot[BOOT_ID_SIZE];

	proc_boot_id(this_boot);
	(void)snprintf(text, sizeof(text), "%s %" PRIu64 " -1\n", boot ? boot : this_boot,
		       boottime_ns() - age_ns);
	put(text);
}

static size_t files(void)
{
	struct names names;

	if (!names_read(directory, &names))
		return 99;
	size_t count = names.count;
	names_free(&names);
	return count;
}

/* What a guard gives whose own grace is OWN_MS. */
static int grace_for(const char *unit, uint64_t began)
{
	int grace_ms = OWN_MS;

	(void)tombstone_stops(directory, unit, began, &grace_ms);
	return grace_ms;
}

static void test_stops(void)
{
	uint64_t before = boottime_ns();
	struct stat st;

	ok(!tombstone_stops(directory, "U1", 0, NULL), "no tombstone stops nobody");
	ok(tombstone_write(directory, "U1", -1), "one is written");
	ok(grace_for("U1", before) == OWN_MS,
	   "one that asks for no grace leaves the guard its own");
	ok(tombstone_write(directory, "U1", 0), "one is written that asks for none");
	ok(grace_for("U1", before) == 0, "the guard learns of it");
	ok(grace_for("U1", boottime_ns()) == OWN_MS,
	   "not the guard of a run that it does not stop");
	ok(files() == 1 && !fstatat(directory, "cancelled.U1", &st, 0) &&
		   (st.st_mode & 07777) == 0600,
	   "it is the only file, and its owner's");
	ok(tombstone_stops(directory, "U1", before, NULL), "it stops an owner that started before");
	ok(tombstone_stops(directory, "U1", 1, NULL), "it stops an owner as old as the machine");
	ok(!tombstone_stops(directory, "U1", boottime_ns(), NULL),
	   "it does not stop an owner that started later");
	ok(!tombstone_stops(directory, "U2", 1, NULL), "it does not stop another unit");
	ok(!tombstone_stops(directory, "U", 1, NULL),
	   "it does not stop a unit whose name is shorter");
	ok(!tombstone_expired(directory, "U1"), "it is fresh");

	put_aged(NULL, HOUR_NS / 3600);
	ok(!tombstone_stops(directory, "U1", boottime_ns(), NULL),
	   "an old one does not stop a new owner");
	ok(tombstone_write(directory, "U1", -1) && tombstone_stops(directory, "U1", before, NULL) &&
		   files() == 1,
	   "it is renewed");
	tombstone_remove(directory, "U1");
	ok(files() == 0 && !tombstone_stops(directory, "U1", 1, NULL), "it is removed");
	tombstone_remove(directory, "U1");
	ok(files() == 0, "a missing one is removed as well");
}

/* Puts @text behind this boot's id. */
static void put_behind_boot(const char *text, size_t size)
{
	char whole[256], boot[BOOT_ID_SIZE];

	proc_boot_id(boot);
	int length = snprintf(whole, sizeof(whole), "%s", boot);
	memcpy(whole + length, text, size);
	int fd = openat(directory, "cancelled.U1", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	(void)!write(fd, whole, (size_t)length + size);
	(void)close(fd);
}

static void test_behind_boot(void)
{
	static const struct {
		const char *behaviour, *text;
		size_t size;
	} rows[] = {
		{"no time", "\n", 1},
		{"no grace", " 9\n", 3},
		{"no newline", " 9 -1", 5},
		{"a time with letters", " 12abc -1\n", 10},
		{"a negative time", " -9 -1\n", 7},
		{"a time with a sign", " +9 -1\n", 7},
		{"a time of more than 64 bits", " 99999999999999999999 -1\n", 25},
		{"a grace with letters", " 9 1s\n", 6},
		{"a negative grace", " 9 -2\n", 6},
		{"a grace of more than an hour", " 9 3600001\n", 11},
		{"a grace of more than 32 bits", " 9 4294967297\n", 14},
		{"two blanks", " 9  -1\n", 7},
		{"something behind it", " 9 -1\n9", 7},
		{"a NUL in it", " 9 -1\0\n", 7},
		{"a NUL behind it", " 9 -1\n\0", 7},
	};
	put_behind_boot(" 9 3600000\n", 11);
	ok(tombstone_stops(directory, "U1", 0, NULL) && grace_for("U1", 0) == 3600000,
	   "a good one");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put_behind_boot(rows[i].text, rows[i].size);
		ok(!tombstone_stops(directory, "U1", 0, NULL) && grace_for("U1", 0) == OWN_MS &&
			   tombstone_expired(directory, "U1"),
		   "damaged, so it stops nobody and may go: %s", rows[i].behaviour);
	}
	tombstone_remove(directory, "U1");
}

static void test_damaged(void)
{
	static const char *const texts[] = {
		"",
		"\n",
		"now\n",
		"123456789\n",
		"00000000-0000-0000-0000-000000000000\n",
		"00000000-0000-0000-0000-000000000000 then\n",
		"not-this-boot 99999999999999999\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		put(texts[i]);
		ok(!tombstone_stops(directory, "U1", 1, NULL) && tombstone_expired(directory, "U1"),
		   "a damaged tombstone stops nobody and may go, %zu", i + 1);
	}

	put_aged("00000000-0000-0000-0000-000000000000", 0);
	ok(!tombstone_stops(directory, "U1", 1, NULL), "one of another boot stops nobody");
	ok(tombstone_expired(directory, "U1"), "one of another boot may go");

	tombstone_remove(directory, "U1");
	(void)mkfifoat(directory, "cancelled.U1", 0600);
	ok(!tombstone_stops(directory, "U1", 1, NULL), "a FIFO stops nobody, at once");
	tombstone_remove(directory, "U1");
	(void)!symlinkat("/etc/hostname", directory, "cancelled.U1");
	ok(!tombstone_stops(directory, "U1", 1, NULL), "a symlink stops nobody");
	ok(tombstone_write(directory, "U1", -1) && tombstone_stops(directory, "U1", 1, NULL),
	   "writing replaces a symlink and does not follow it");
	tombstone_remove(directory, "U1");
}

static void test_expired(void)
{
	ok(tombstone_expired(directory, "U1"), "one that is not there may go");
	/* before this boot, where that is younger: the clock's arithmetic is the same */
	put_aged(NULL, 23 * HOUR_NS);
	ok(!tombstone_expired(directory, "U1"), "one of 23 hours stays");
	put_aged(NULL, 25 * HOUR_NS);
	ok(tombstone_expired(directory, "U1"), "one of 25 hours may go");
	tombstone_remove(directory, "U1");
}

static void test_no_room(void)
{
	int full = open("/proc/self", O_RDONLY | O_DIRECTORY);

	errno = 0;
	ok(!tombstone_write(full, "U1", -1) && errno, "where none can be written, errno says why");
	(void)close(full);
}

/* The unit's and that of the directory as a whole: the last of them has its say. */
static void test_whole(void)
{
	uint64_t before = boottime_ns();
	char all[UNIT_SIZE];

	piddir_unit(directory, all);
	ok(tombstone_write(directory, all, 600000) && grace_for("U1", before) == 600000 &&
		   tombstone_stops(directory, "U1", before, NULL),
	   "the directory's stops every unit");
	ok(tombstone_write(directory, "U1", 1000) && grace_for("U1", before) == 1000,
	   "the unit's later one has its say");
	ok(grace_for("U2", before) == 600000, "not over another unit");
	ok(tombstone_write(directory, "U1", -1) && grace_for("U1", before) == OWN_MS,
	   "also where it asks for no grace");
	ok(tombstone_write(directory, all, 0) && grace_for("U1", before) == 0,
	   "and so has the directory's");
	tombstone_remove(directory, all);
	tombstone_remove(directory, "U1");
}

int main(void)
{
	char path[] = "/tmp/unit-tombstone.XXXXXX";

	if (!ok(mkdtemp(path) != NULL, "a directory to test in"))
		return done();
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_stops();
	test_damaged();
	test_behind_boot();
	test_expired();
	test_no_room();
	test_whole();
	(void)close(directory);
	ok(rmdir(path) == 0, "nothing is left in it");
	return done();
}
