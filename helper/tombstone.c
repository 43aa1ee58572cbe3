/* SPDX-License-Identifier: Apache-2.0 */
#include "tombstone.h"

#include <inttypes.h>
#include <stdio.h>

#include "file.h"
#include "grace.h"
#include "names.h"
#include "piddir.h"
#include "util.h"

#define TEXT_SIZE (BOOT_ID_SIZE + 48)
#define DAY_NS	  (24ULL * 3600 * 1000000000U)

/* "BOOT TIME GRACE": returns the text's length. */
static size_t print(char text[TEXT_SIZE], const struct tombstone *stone)
{
	return (size_t)snprintf(text, TEXT_SIZE, "%s %" PRIu64 " %d\n", stone->boot, stone->when,
				stone->grace_ms);
}

bool tombstone_parse(const char *text, size_t size, struct tombstone *stone)
{
	char again[TEXT_SIZE];

	/* printed again it is the same: nothing that sscanf(3) skips, wraps or leaves over */
	return sscanf(text, "%36s %" SCNu64 " %d", stone->boot, &stone->when, &stone->grace_ms) ==
		       3 &&
	       print(again, stone) == size && memcmp(text, again, size) == 0 &&
	       stone->grace_ms >= -1 && stone->grace_ms <= GRACE_MAX * 1000;
}

static void file_name(const char *unit, char name[NAME_MAX + 1])
{
	(void)snprintf(name, NAME_MAX + 1, "%s%s", TOMBSTONE_PREFIX, unit);
}

bool tombstone_write(int directory, const char *unit, int grace_ms)
{
	struct tombstone stone = {.when = boottime_ns(), .grace_ms = grace_ms};
	char name[NAME_MAX + 1], temporary[NAME_MAX + 1], text[TEXT_SIZE];

	boot_name(directory, stone.boot);
	if (!stone.boot[0]) /* it would stop nothing */
		return false;
	file_name(unit, name);
	(void)snprintf(temporary, sizeof(temporary), "%s%d-%" PRIx64, TOMBSTONE_TEMPORARY,
		       (int)getpid(), stone.when);
	(void)print(text, &stone);
	return file_replace(directory, name, temporary, text);
}

/* Reads the tombstone of @unit, of whatever boot. */
static bool read_any_stone(int directory, const char *unit, struct tombstone *stone)
{
	char name[NAME_MAX + 1];
	size_t size = 0;

	errno = 0;
	file_name(unit, name);
	_cleanup_free_ char *text = read_own_file(directory, name, TEXT_SIZE - 1, &size);
	return text && tombstone_parse(text, size, stone);
}

/* Reads that of this boot. False where there is none, or by a shortage in errno it is not known. */
static bool read_stone(int directory, const char *unit, struct tombstone *stone)
{
	return read_any_stone(directory, unit, stone) && boot_is_this(directory, stone->boot);
}

bool tombstone_is_one(int directory, const char *unit)
{
	struct tombstone stone;

	return read_any_stone(directory, unit, &stone);
}

bool tombstone_stops(int directory, const char *unit, uint64_t began, int *grace_ms)
{
	struct tombstone stone, last = {.when = 0};
	char all[UNIT_SIZE];
	const char *names[] = {unit, all};

	piddir_unit(directory, all);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (read_stone(directory, names[i], &stone) && stone.when > last.when)
			last = stone;
	if (!last.when || began > last.when)
		return false;
	if (grace_ms && last.grace_ms >= 0)
		*grace_ms = last.grace_ms;
	return true;
}

bool run_is_cancelled(const struct run *run, int *grace_ms)
{
	return run->holders && tombstone_stops(run->directory, run->unit, run->created, grace_ms);
}

int run_grace(const struct run *run)
{
	int grace_ms = run->grace_ms < 0 ? GRACE_DEFAULT * 1000 : run->grace_ms;

	(void)run_is_cancelled(run, &grace_ms);
	return grace_ms;
}

void tombstone_remove(int directory, const char *unit)
{
	char name[NAME_MAX + 1];

	file_name(unit, name);
	(void)unlinkat(directory, name, 0); /* none there is as good */
}

bool tombstone_expired(int directory, const char *unit)
{
	struct tombstone stone;

	if (!read_stone(directory, unit, &stone))
		return !is_shortage();
	return boottime_ns() - stone.when > DAY_NS;
}
