/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What proc(5) says of a process. Nothing here is async-signal-safe. A pid may be reused between
 * two reads: who acts on an answer holds a handle (handle.h) opened before, and sees afterwards
 * that the process lives still: then every read was about it.
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

static inline bool is_same_process(struct process a, struct process b)
{
	return a.pid == b.pid && a.start == b.start;
}

struct proc_stat {
	char name[16]; /* the command name, cut at 15 bytes by the kernel */
	char state;    /* proc_is_dead() */
	bool exiting;  /* or will be at once (PF_EXITING, linux/sched.h): it has no command line */
	pid_t ppid;
	pid_t session;
	int tty;      /* device number of the controlling terminal, 0: none */
	uint64_t cpu; /* clock ticks that it has run */
	uint64_t start;
};

/* Whether it has ended, waited for by its parent or not, or its first thread alone has. */
static inline bool proc_is_dead(const struct proc_stat *stat)
{
	return stat->state == 'Z' || stat->state == 'X';
}

struct proc_status {
	pid_t process; /* not the number asked for: that is a thread's of it */
	uid_t uid, effective_uid, saved_uid;
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

/* As read_file() (file.h), of /proc/PID/@name. */
char *proc_read(pid_t pid, const char *name, size_t limit, size_t *size);

/* Parses the @size bytes of a /proc/PID/stat. Pure. Returns false where they are not one. */
bool proc_parse_stat(const char *text, size_t size, struct proc_stat *stat);

/* Reads /proc/PID/stat. Returns false where there is no such process. */
bool proc_stat(pid_t pid, struct proc_stat *stat);

/* Parses a NUL-terminated /proc/PID/status. Pure. Returns false where a line is missing. */
bool proc_parse_status(const char *text, struct proc_status *status);
bool proc_status(pid_t pid, struct proc_status *status);

/*
 * Reads /proc/PID/cmdline, or environ, that it was started with. False where it is empty (kernel
 * threads, zombies) or unreadable. The process itself chooses what stands there.
 */
bool proc_cmdline(pid_t pid, struct words *words);
bool proc_environ(pid_t pid, struct words *words);
void words_free(struct words *words);
#define _cleanup_words_ __attribute__((cleanup(words_free)))

/* Splits the @size bytes at @text at their NULs; takes ownership of @text. */
bool words_split(char *text, size_t size, struct words *words);

/* Writes the basename of /proc/PID/exe, without " (deleted)". False where it cannot be read. */
bool proc_exe_name(pid_t pid, char name[NAME_MAX + 1]);

/*
 * Whether @pid runs in the container @cid: its cgroup is libpod-CID, or, as without one of its own
 * (rootless on cgroup v1), podman's …/CID/userdata/.containerenv is what it has at
 * /run/.containerenv (podman, libpod/container_internal_common.go).
 */
bool proc_in_container(pid_t pid, const char *cid);

/* The two marks in a /proc/PID/cgroup and a /proc/PID/mountinfo. Pure. */
bool in_container_cgroup(const char *text, const char *cid);
bool has_container_mount(const char *text, const char *cid);

/*
 * Whether podman started @pid as a conmon: the pipe between the two is in its environment
 * (_OCI_SYNCPIPE; podman, libpod/oci_conmon_common.go).
 */
bool proc_has_syncpipe(pid_t pid);

/*
 * The inode of /proc/PID/ns/@kind ("mnt", "pid"); 0 where it cannot be read. @pid 0 is this
 * process, also where /proc is another pid namespace's.
 */
ino_t proc_namespace(pid_t pid, const char *kind);

/* Whether @pid has our root directory; @known: whether that could be told. */
bool proc_shares_root(pid_t pid, bool *known);

/*
 * Whether @pid is @uid's and nobody else's: by its real, effective and saved uid. A set-user-id
 * program is of two users, and the owner of /proc/PID tells one of them, or root.
 */
bool proc_is_of(pid_t pid, uid_t uid);

/* Whether @pid is a descendant of @ancestor. */
bool proc_descends(pid_t pid, pid_t ancestor);

/*
 * Calls @visit for each process of /proc until it returns false. Returns whether it was called for
 * all: false also where /proc does not even show the caller.
 */
typedef bool proc_visit(pid_t pid, void *context);
bool proc_each(proc_visit *visit, void *context);

/*
 * The pid that the @size bytes of @text, which a NUL follows, are: one decimal number and at most
 * one newline. 0 where it is none above 0. Pure.
 */
pid_t proc_parse_pid(const char *text, size_t size);

#endif
