/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of the files in a pid directory.
 *
 *     RUN.run            the record of a run (record.h)
 *     RUN.conmon.pid     written by conmon, named to it by podman
 *     RUN.pid            the container init's pid, written by the runtime
 *     RUN.cid            the container's id, written by podman
 *     cancelled.UNIT     a tombstone (tombstone.h)
 *
 * RUN is `<pid of the caller>-<CLOCK_BOOTTIME in ns, hex>`, given by the preload library.
 */
#ifndef PODLEASH_NAMES_H
#define PODLEASH_NAMES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define RUN_SIZE  32  /* "PID-TIME" and a NUL */
#define UNIT_SIZE 129 /* a unit's name and a NUL */

#define RECORD_SUFFIX	    ".run"
#define CONMON_SUFFIX	    ".conmon.pid"
#define CONTAINER_SUFFIX    ".pid"
#define ID_SUFFIX	    ".cid"
#define TOMBSTONE_PREFIX    "cancelled."
#define TOMBSTONE_TEMPORARY ".cancelled-"
#define ANSWER_PREFIX	    ".podman-"
#define DIRECTORY_MARK	    ".podleash-run"

/* The name of a --rm container that its user gave none, before RUN. */
#define NAME_PREFIX "podleash-"

/* Whether @name is a run's name: digits, "-", lower-case hex digits. */
bool run_name_valid(const char *name);

/* Whether @name may be a unit's: 1-128 of [A-Za-z0-9._@:+-], not starting with a dot. */
bool unit_name_valid(const char *name);

/* The name of the file of the run @run that has @suffix. */
struct file_name {
	char text[RUN_SIZE + 16];
};
struct file_name run_file(const char *run, const char *suffix);

/* What a file's name says it is. */
enum file_kind {
	FILE_FOREIGN,	    /* nothing of podleash's */
	FILE_RECORD,	    /* RUN.run */
	FILE_CONMON_PID,    /* RUN.conmon.pid */
	FILE_CONTAINER_PID, /* RUN.pid */
	FILE_CONTAINER_ID,  /* RUN.cid */
	FILE_PLAIN_PID,	    /* *.pid or conmon.pid that something else wrote */
	FILE_TOMBSTONE,	    /* cancelled.UNIT */
	FILE_TEMPORARY,	    /* being written, and never published: .RUN.run, .cancelled-… */
	FILE_ANSWER,	    /* .podman-…, what a podman knows (podman.h) */
	FILE_MARK, /* .podleash-run: `podleash run` made the directory, and uses it while locked */
};

/* Tells @name's kind and, for the files of a run, writes its name to @run. Pure. */
enum file_kind file_kind(const char *name, char run[RUN_SIZE]);

/* The names of files. Owned by the caller; freed by names_free(). */
struct names {
	char (*name)[NAME_MAX + 1];
	size_t count;
};

/* Adds a copy of @name, which is a file's. False where memory is short. */
bool names_add(struct names *names, const char *name);

/* Lists @directory, sorted ("." and ".." left out). False with errno where it cannot be read. */
bool names_read(int directory, struct names *names);
void names_free(struct names *names);
#define _cleanup_names_ __attribute__((cleanup(names_free)))

#endif
