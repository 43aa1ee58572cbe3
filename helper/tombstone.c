/* SPDX-License-Identifier: Apache-2.0 */
#include "tombstone.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "names.h"
#include "proc.h"
#include "util.h"

#define TOMBSTONE_LIMIT 4096
#define DAY_NS		(24ULL * 3600 * 1000000000U)

static void file_name(const char *unit, char name[NAME_MAX + 1])
{
	(void)snprintf(name, NAME_MAX + 1, "%s%s", TOMBSTONE_PREFIX, unit);
}

bool tombstone_write(int directory, const char *unit, int grace_ms)
{
	char name[NAME_MAX + 1], temporary[NAME_MAX + 1], text[BOOT_ID_SIZE + 48];
	char boot[BOOT_ID_SIZE];

	proc_boot_id(boot);
	file_name(unit, name);
	(void)snprintf(temporary, sizeof(temporary), "%s%d-%" PRIx64, TOMBSTONE_TEMPORARY,
		       (int)getpid(), boottime_ns());
	int length =
		snprintf(text, sizeof(text), "%s %" PRIu64 " %d\n", boot, boottime_ns(), grace_ms);
	_cleanup_close_ int fd = openat(directory, temporary,
					O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	if (write(fd, text, (size_t)length) == length &&
	    renameat(directory, temporary, directory, name) == 0)
		return true;
	int error = errno;
	(void)unlinkat(directory, temporary, 0); /* the write's error is the one that matters */
	errno = error;
	return false;
}

/* Returns when @unit was cancelled in this boot (CLOCK_BOOTTIME in ns), or 0; and its grace, or -1.
 */
static uint64_t cancelled_at(int directory, const char *unit, int *grace_ms)
{
	char name[NAME_MAX + 1], boot[BOOT_ID_SIZE], written[BOOT_ID_SIZE];
	uint64_t when = 0;

	*grace_ms = -1;
	proc_boot_id(boot);
	file_name(unit, name);
	_cleanup_free_ char *text = read_file(directory, name, TOMBSTONE_LIMIT, NULL);
	if (!text || sscanf(text, "%36s %" SCNu64 " %d", written, &when, grace_ms) < 2 ||
	    !equal(written, boot))
		return 0;
	return when;
}

void tombstone_grace(int directory, const char *unit, int *grace_ms)
{
	int asked;

	if (cancelled_at(directory, unit, &asked) && asked >= 0)
		*grace_ms = asked;
}

bool tombstone_stops(int directory, const char *unit, uint64_t start)
{
	int grace_ms;
	uint64_t when = cancelled_at(directory, unit, &grace_ms);
	uint64_t tick_ns = 1000000000U / (uint64_t)sysconf(_SC_CLK_TCK);

	/* start times are rounded down: an owner of the same tick counts as earlier */
	return when && start <= when / tick_ns;
}

void tombstone_remove(int directory, const char *unit)
{
	char name[NAME_MAX + 1];

	file_name(unit, name);
	(void)unlinkat(directory, name, 0); /* none there is as good */
}

bool tombstone_expired(int directory, const char *unit)
{
	int grace_ms;
	uint64_t when = cancelled_at(directory, unit, &grace_ms);

	return !when || boottime_ns() - when > DAY_NS;
}
