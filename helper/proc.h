/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What proc(5) says of a process. Nothing here is async-signal-safe.
 *
 * A pid alone names no process: it may be reused between two reads. Callers
 * that act on an answer hold a pidfd (handle.h) opened before the read and check
 * afterwards that the process is still alive: then every read was about it.
 */
#ifndef PODLEASH_PROC_H
#define PODLEASH_PROC_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One process of this boot: @start is field 22 of /proc/PID/stat, in clock ticks. pid 0: none. */
struct process {
	pid_t pid;
	uint64_t start;
};

struct proc_stat {
	char name[16]; /* the command name, cut at 15 bytes by the kernel */
	char state;    /* 'Z' and 'X' are dead */
	pid_t ppid;
	pid_t session;
	int tty; /* device number of the controlling terminal, 0: none */
	uint64_t start;
};

struct proc_status {
	uint64_t caught, blocked, ignored; /* bit N-1 stands for signal N */
	bool namespace_init;		   /* pid 1 of a pid namespace below ours */
};

/* The words of a command line. Owned by the caller; freed by words_free(). */
struct words {
	char *text;
	char **word; /* NULL-terminated */
	size_t count;
};

/* Boot id, /proc/sys/kernel/random/boot_id: 36 characters and a NUL. "" where unreadable. */
#define BOOT_ID_SIZE 37
void proc_boot_id(char boot[BOOT_ID_SIZE]);

/* Parses the @size bytes of a /proc/PID/stat. Pure. Returns false where they are not one. */
bool proc_parse_stat(const char *text, size_t size, struct proc_stat *stat);

/* Reads /proc/PID/stat. Returns false where there is no such process. */
bool proc_stat(pid_t pid, struct proc_stat *stat);

/* Parses a NUL-terminated /proc/PID/status. Pure. Returns false where a line is missing. */
bool proc_parse_status(const char *text, struct proc_status *status);
bool proc_status(pid_t pid, struct proc_status *status);

/*
 * Reads /proc/PID/cmdline into words. Returns false where it is empty (kernel
 * threads, zombies) or unreadable. The process itself chooses what stands there.
 */
bool proc_cmdline(pid_t pid, struct words *words);
void words_free(struct words *words);

/* Splits the @size bytes at @text at their NULs; takes ownership of @text. */
bool words_split(char *text, size_t size, struct words *words);

/* Writes the basename of /proc/PID/exe, without " (deleted)". False where it cannot be read. */
bool proc_exe_name(pid_t pid, char name[NAME_MAX + 1]);

/* Whether a line of /proc/PID/cgroup names the container @cid ("libpod-CID"). */
bool proc_in_cgroup(pid_t pid, const char *cid);

/* The inode of /proc/PID/ns/@kind ("mnt", "pid"); 0 where it cannot be read. */
ino_t proc_namespace(pid_t pid, const char *kind);

/* The effective uid of @pid, by the owner of /proc/PID. (uid_t)-1 where there is none. */
uid_t proc_uid(pid_t pid);

/* Whether @pid is a descendant of @ancestor. */
bool proc_descends(pid_t pid, pid_t ancestor);

/* Calls @visit for each process of /proc until it returns false. */
typedef bool proc_visit(pid_t pid, void *context);
void proc_each(proc_visit *visit, void *context);

/* The pid that @text, one decimal number and at most one newline, is; 0 where it is none above 0.
 */
pid_t proc_parse_pid(const char *text);

/* Reads the pid in the pid file @path at @directory; 0 where there is none. */
pid_t read_pid_file(int directory, const char *path);

/* Reads all of @path at @directory, at most @limit bytes, NUL-terminated. NULL with errno set. */
char *read_file(int directory, const char *path, size_t limit, size_t *size);

#endif
