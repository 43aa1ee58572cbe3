/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tombstone, the file `cancelled.UNIT` in the pid directory, says that a unit was cancelled: it
 * holds the boot (boot_name()), the boot-time clock of the cancel, and the grace it asks for. It
 * stops any run whose owner began before. A canceller writes it first and looks for records second,
 * a run publishes its record first and looks for the tombstone second: one of the two always sees
 * the other.
 */
#ifndef PODLEASH_TOMBSTONE_H
#define PODLEASH_TOMBSTONE_H

#include <stdbool.h>
#include <stdint.h>

#include "proc.h"
#include "record.h"

/* What the file says. */
struct tombstone {
	char boot[BOOT_ID_SIZE]; /* boot_name() */
	uint64_t when;		 /* CLOCK_BOOTTIME in ns */
	int grace_ms;		 /* at most GRACE_MAX seconds; -1: the guards' own */
};

/* Parses the @size bytes of @text, which a NUL follows. Pure. False where they are no tombstone. */
bool tombstone_parse(const char *text, size_t size, struct tombstone *stone);

/* Writes the tombstone of @unit, or renews it; @grace_ms as above. False with errno. */
bool tombstone_write(int directory, const char *unit, int grace_ms);

/*
 * Whether @unit, or the directory as a whole, was cancelled in this boot at @began (boottime_ns())
 * or later. The grace that the last of these cancels asks for, if any, is written to *@grace_ms,
 * which may be NULL.
 */
bool tombstone_stops(int directory, const char *unit, uint64_t began, int *grace_ms);

/*
 * Whether @run was there before a cancel of it: the hold of one that came later has seen the
 * tombstone. Grace as above; false for a run without a record.
 */
bool run_is_cancelled(const struct run *run, int *grace_ms);

/* The grace of @run in milliseconds: what the last cancel that stops it asks for, else its own. */
int run_grace(const struct run *run);

/* Whether the file is there and is a tombstone, of whatever boot. */
bool tombstone_is_one(int directory, const char *unit);

/* Removes the tombstone of @unit; a missing one is fine. */
void tombstone_remove(int directory, const char *unit);

/* Whether the tombstone of @unit is of an earlier boot, older than a day, or damaged. */
bool tombstone_expired(int directory, const char *unit);

#endif
