/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of a run: what a guard, a canceller or a sweeper of any later time needs to know.
 *
 * Text, one `key=value` a line, first `podleash=1`. Control characters and `%` in values are
 * written %XX. It comes into sight whole, by rename; lines are only ever appended, each by one
 * write(2). A last line without its newline is ignored, and so is an unknown key; any other line
 * without `=` is damage. Its guard holds flock(LOCK_EX) on it for as long as it lives: a free lock
 * means no guard.
 */
#ifndef PODLEASH_RECORD_H
#define PODLEASH_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "draft.h"
#include "names.h"
#include "proc.h"

#define RECORD_LIMIT	(256U << 10) /* bytes; a larger one is no record of ours */
#define RUN_HOLDERS	32
#define RUN_ENVIRONMENT 32
#define RUN_WORDS	256
#define RUN_GLOBALS	192 /* conmon's exit command has some of these, and up to 40 of its own */
#define NO_UID		UINT64_MAX
#define CID_SIZE	65 /* 64 hex digits and a NUL */

struct holder {
	struct process id;
	char name[16];
};

/*
 * A run, as its record tells it. All strings belong to @text or @learned and live as long.
 * A key that is missing leaves "" or zero.
 */
struct run {
	char name[RUN_SIZE];  /* "" for one known by a plain pid file alone (plain.h) */
	int directory;	      /* of the record; borrowed from the caller, -1: none */
	int fd;		      /* the record, open and locked; -1: not */
	char *text;	      /* owned */
	struct words learned; /* conmon's own command line, once it was seen; owned */
	uint64_t over; /* ticks; a conmon that started later is not the run's; 0: it goes on */

	const char *boot;	/* boot_name() */
	const char *namespaces; /* in which pids and start times are meant: place_name() */
	uint64_t uid;		/* who started podman; NO_UID: not said */
	const char *unit;	/* valid by unit_name_valid() */
	uint64_t created;	/* CLOCK_BOOTTIME in ns */
	struct process podman;
	struct holder holder[RUN_HOLDERS]; /* the nearest first: podman's parent */
	size_t holders;
	struct process guard;
	const char *cidfile;	    /* as podman was given it, like the next two */
	const char *conmon_pidfile; /* "" where podman was not given one: conmon tells */
	const char *pidfile;	    /* the same */
	const char *cwd;	    /* what these three are relative to */
	bool detach;
	bool remove;		       /* --rm */
	bool restarts;		       /* --restart */
	uint64_t ignored;	       /* bit N-1: podman was started to ignore signal N */
	int grace_ms;		       /* -1: the default */
	const char *container_name;    /* --name, or "" */
	const char *executable;	       /* podman's path */
	const char *global[RUN_WORDS]; /* its flags before the subcommand; NULL-terminated */
	size_t globals;
	const char *environment[RUN_ENVIRONMENT]; /* NULL-terminated */
	size_t environments;

	const char *why; /* it is ended, where that is to be logged (log_ending()); borrowed */
	char said[256];	 /* by the last call of podman or a runtime for it that failed, or "" */

	/* appended once known */
	struct process conmon;
	struct process container; /* the container init */
	uint64_t mounts;	  /* inode of the init's own mount namespace; 0: none known */
	bool container_is_proven; /* by this process, not read from the record */
	bool own_pids;		  /* it is the first of a pid namespace: all there end with it */
	char cid[CID_SIZE];	  /* "" or valid by cid_valid() */
	int stop_signal;	  /* that the container is asked to end by; 0: SIGTERM */
	const char *runtime;	  /* conmon's -r */
	const char *bundle;	  /* conmon's -b; podman removes it with the container */
	const char *exit_dir;	  /* conmon's --exit-dir */
	const char *cleanup[RUN_WORDS]; /* conmon's exit command; NULL-terminated */
	size_t cleanups;
};

/* Whether @cid is a container id: 64 lower-case hex digits. */
bool cid_valid(const char *cid);

/* Makes @run the one called @name ("" for none) in @directory, with nothing known of it. */
void run_init(struct run *run, int directory, const char *name);

/* Whether podman needs this "NAME=value" to find the same storage and runtime directory again. */
bool is_storage_variable(const char *variable);

/*
 * Parses @size bytes of @text into @run, fresh from run_init(). Takes over @text, which it writes
 * to, in either case: run_free() frees it. Returns NULL, or why it is no record (static text).
 * Touches no file.
 */
const char *record_parse(struct run *run, char *text, size_t size);

/*
 * Opens and parses RUN.run in @directory. With @lock it also takes the lock, and fails with
 * EWOULDBLOCK where a guard has it, with ENOENT where the record was removed meanwhile. One that
 * cannot be written to is never appended to. False with errno and @why; EBADMSG: it is damaged.
 */
bool record_open(struct run *run, int directory, const char *name, bool lock, const char **why);

/* The same of @run as it is (a guard that was handed run->fd). */
bool record_read(struct run *run, const char **why);

/* Closes the record and gives its lock up; what it said stays, and nothing is appended any more. */
void record_unlock(struct run *run);

/* Whether the file @name begins as a record does, whole or damaged. */
bool record_is_one(int directory, const char *name);

/* Whether there is a record of that name, whatever is in it. */
bool record_exists(int directory, const char *name);

/* Closes the record, which gives the lock up, and frees what it said; twice is fine. */
void run_free(struct run *run);
#define _cleanup_run_ __attribute__((cleanup(run_free)))

/*
 * Publishes @draft, which it frees, as RUN.run in @directory, and locks that. Returns its
 * descriptor, or -1 with errno and @why (static text); then no file is left. Refuses what
 * record_open() would not take, now or once more is known of the run, and where the file system has
 * no room for the run's files: podman fails whose conmon cannot write.
 */
int record_publish(struct draft *draft, int directory, const char *name, const char **why);

/*
 * Appends @draft's lines to the record, one write(2) a line, and frees it. False with errno: the
 * run is then known less well, and goes on.
 */
bool record_append(const struct run *run, struct draft *draft);

/* Whether @path is the file that podleash named for this run alone, DIRECTORY/RUN@suffix. */
bool run_owns(const struct run *run, const char *path, const char *suffix);

/* Where (pid, start) of the record names a process. */
enum run_place {
	PLACE_HERE,
	PLACE_EARLIER_BOOT, /* nowhere: nothing of the run is left but files */
	PLACE_ELSEWHERE,    /* another user's, or in another pid or time namespace, or boot: from
			       here nothing can be told */
};

enum run_place run_place(const struct run *run);

/* What an operator is told of a run that is PLACE_ELSEWHERE, or in a hidden directory (given.h). */
#define ELSEWHERE                                                                                  \
	"it is of another user, pid, time or mount namespace, or the boot id cannot be read "      \
	"here; left alone, act from where it was started"

/*
 * Writes in which boot the pids and times are meant that lie in @directory: its id; where that
 * cannot be read (ProcSubset=pid), BOOT_OF_TMPFS on a file system that no boot outlives; else "".
 */
#define BOOT_OF_TMPFS "tmpfs"
void boot_name(int directory, char boot[BOOT_ID_SIZE]);

/* Why there is no such name. */
#define BOOT_UNKNOWN                                                                               \
	"no boot id can be read (ProcSubset=pid), and it is on no tmpfs, which goes with the "     \
	"boot; name one that is, as RuntimeDirectory=podleash does"

/* Whether @boot, such a name in @directory, is of this boot; false also where nobody can tell. */
bool boot_is_this(int directory, const char *boot);

/*
 * Writes the inodes of our pid and time namespace, as the record has them. False where one could
 * not be read.
 */
#define PLACE_SIZE 48
bool place_name(char place[PLACE_SIZE]);

/* Takes @cid for the run's, and appends it to the record where that is open. */
void run_set_cid(struct run *run, const char *cid);

/* Whether no guard, no hold that starts one and no reaper has the lock, as far as can be told. */
bool record_is_unguarded(int directory, const char *name);

/*
 * Removes the files of the run that podleash has named, the record last. What cannot be removed is
 * named in the log, and the record then stays.
 */
void record_remove(const struct run *run);

#endif
