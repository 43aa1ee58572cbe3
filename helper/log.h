/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where podleash says what happened while a job runs. Never stdout or stderr: receptor takes both
 * as the job's result stream (receptor, workceptor/command.go).
 */
#ifndef PODLEASH_LOG_H
#define PODLEASH_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct run;

/*
 * Remembers where lines go: appended to the file that PODLEASH_LOG names by an absolute path,
 * else sent to the journal, else to /dev/log, as LOG_DAEMON. Opens nothing until the first line.
 */
void log_init(void);

/* Writes one such line: cut if too long; what is not printable ASCII is shown as `?`. */
__attribute__((format(printf, 3, 0))) void format_line(char *line, size_t size, const char *format,
						       va_list arguments);

/*
 * Logs one such line about @run, printf-like, without a newline, `unit UNIT, run NAME: ` in front
 * of it. The journal gets these two, the container's id and @reason (NULL: none) as fields:
 * PODLEASH_UNIT, PODLEASH_RUN, PODLEASH_CONTAINER_ID, PODLEASH_REASON. Waits for nobody but the
 * disk of PODLEASH_LOG; errors are ignored, no one is left to tell.
 */
__attribute__((format(printf, 3, 4))) void log_run(const struct run *run, const char *reason,
						   const char *format, ...);

/* Logs such a line that is about no run. */
#define log_line(...) log_run(NULL, NULL, __VA_ARGS__)

/*
 * Where a person reads that, of @unit alone (NULL: of all): the file, or what prints it from the
 * journal. Good until the next call.
 */
const char *log_place(const char *unit);
#define LOG_OF_JOURNAL "journalctl -t podleash"

/* Logs why @run is ended (run->why), once. Behind the signals: the log's disk may take its time. */
void log_ending(struct run *run);

/* Makes @text safe to show: what is not printable ASCII becomes `?`. */
void make_printable(char *text);

/* Prints `podleash: ` and one such line to stderr: for commands that a person runs. */
__attribute__((format(printf, 1, 2))) void print_error(const char *format, ...);

/* Puts @name, which is kept, in the place of `podleash`. */
void print_errors_as(const char *name);

/* Returns @status, or, where not all that was printed goes out to stdout, one that is not 0. */
int check_output(int status);

/* A directory may hold thousands of files that ask for a line each: so many get one. */
#define NAMES_MAX 32

/* Counts one more such file in @found; whether it gets a line. */
static inline bool may_name(size_t *found)
{
	return ++*found <= NAMES_MAX;
}

/* How many of @found got none. */
static inline size_t unnamed(size_t found)
{
	return found > NAMES_MAX ? found - NAMES_MAX : 0;
}

#endif
