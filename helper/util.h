/* SPDX-License-Identifier: Apache-2.0 */
/* The few idioms that every file uses. */
#ifndef PODLEASH_UTIL_H
#define PODLEASH_UTIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Closes a descriptor, or frees a pointer, when the variable goes out of scope. */
#define _cleanup_close_ __attribute__((cleanup(cleanup_close)))
#define _cleanup_free_	__attribute__((cleanup(cleanup_free)))

static inline void cleanup_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd); /* read-only, or written by write(2) whose result was seen */
	errno = saved;
}

/* Returns *@fd to a new owner; the old one closes nothing any more. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void cleanup_free(void *pointer)
{
	int saved = errno;

	free(*(void **)pointer);
	errno = saved;
}

/* Whether errno tells what was short, and nothing of what was to be looked at: it may be there. */
static inline bool is_shortage(void)
{
	return errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EIO;
}

static inline bool equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Returns what follows @prefix in @text, or NULL where @text does not start with it. */
static inline const char *after(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* Nanoseconds since boot, suspended time included: the clock of proc(5)'s start times. */
static inline uint64_t boottime_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now); /* fails only for a bad clock id */
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static inline int64_t boottime_ms(void)
{
	return (int64_t)(boottime_ns() / 1000000U);
}

/* A clock tick of proc(5), in ns. */
static inline uint64_t tick_ns(void)
{
	return 1000000000U / (uint64_t)sysconf(_SC_CLK_TCK);
}

/* The same clock in these ticks, rounded down as start times are. */
static inline uint64_t now_ticks(void)
{
	return boottime_ns() / tick_ns();
}

/* Whole seconds since @then (boottime_ns), 0 where that is to come. */
static inline uint64_t seconds_since(uint64_t then)
{
	uint64_t now = boottime_ns();

	return then < now ? (now - then) / 1000000000U : 0;
}

/* Milliseconds from now to @deadline (boottime_ms), never negative. */
static inline int ms_until(int64_t deadline)
{
	int64_t left = deadline - boottime_ms();

	return left < 0 ? 0 : (int)left;
}

/* Sleeps while there is nothing to poll: only where the kernel gives no descriptor. */
static inline void sleep_ms(int ms)
{
	struct timespec pause = {ms / 1000, (ms % 1000) * 1000000L};

	(void)nanosleep(&pause, NULL); /* a signal may cut it short: every caller looks again */
}

#endif
