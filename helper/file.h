/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that opens files which someone else may have put there. Nothing
 * here follows a symbolic link at the end of a path, waits for a FIFO, a lease or
 * a device, takes a terminal for its own, or hands a descriptor on to a child.
 */
#ifndef PODLEASH_FILE_H
#define PODLEASH_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Opens @path at @directory with @flags (open(2)); O_CREAT makes it 0600, whatever the umask is.
 * Only a regular file of this user's under one name: else -1 with errno, which file_error() tells.
 */
int file_open_own(int directory, const char *path, int flags);

/* Makes the directory @name at @directory, 0700 whatever the umask is. False with errno. */
bool file_make_directory(int directory, const char *name);

/* Opens the directory @name at @directory to list it. -1 with errno. */
int file_open_directory(int directory, const char *name);

/*
 * The same of the log @path, to append to, which is made where there is none; but it may be root's,
 * and for root no directory or link on the way may be another user's (walk.h).
 */
int file_open_log(const char *path);

/* Whether that would open it. Makes nothing. */
bool file_takes_log(const char *path);

/*
 * Puts /dev/null in the place of stdin, stdout and stderr, and @output, where it is not -1, in that
 * of stdout. False where that cannot be done. Async-signal-safe.
 */
bool file_close_stdio(int output);

/* Closes all descriptors from @first on. */
void file_close_from(int first);

/* Closes all that were open when this program was started; stdin, stdout and stderr are /dev/null.
 */
void file_close_inherited(void);

/* Writes @text to @name, which is made, and removed where not all goes in. False with errno. */
bool file_write_new(int directory, const char *name, const char *text);

/*
 * Writes @text to @temporary and makes that @name, which is never half written, whoever is killed.
 * False with errno.
 */
bool file_replace(int directory, const char *name, const char *temporary, const char *text);

/* Whether @path leads to what is open as @fd, whatever it is called. */
bool leads_to(const char *path, int fd);

/* What errno says of such a file, in words. */
const char *file_error(void);

/*
 * Reads all of @path, such a file of at most @limit bytes, NUL-terminated. NULL with errno. @size
 * may be NULL. Owned by the caller.
 */
char *read_own_file(int directory, const char *path, size_t limit, size_t *size);

/* The same of any regular file: of proc(5). */
char *read_file(int directory, const char *path, size_t limit, size_t *size);

/* The same of one that @path leads to through links, as a library or a configuration often is. */
char *read_through(const char *path, size_t limit, size_t *size);

/* Reads the pid in the pid file @path at @directory; 0 where there is none, or it is not ours. */
pid_t read_pid_file(int directory, const char *path);

#endif
