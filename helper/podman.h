/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of podman itself. Each has a time bound, the run's own environment, the
 * storage options of the run, / as its directory, and nothing on stdin, stdout
 * or stderr that reaches ours.
 */
#ifndef PODLEASH_PODMAN_H
#define PODLEASH_PODMAN_H

#include "record.h"

/* What a podman takes; asked of the program itself. */
enum podman_knows {
	PODMAN_DOES_NOT_START,
	PODMAN_DOES_NOT_ANSWER, /* in time, or it knows neither; or no process was to be had */
	PODMAN_KNOWS_CONMON_PIDFILE,
	PODMAN_KNOWS_BOTH, /* --pidfile came with podman 3.1 */
};

/*
 * Asks @executable once for each flag, by `podman run FLAG --help`, which fails on one
 * it does not know. The answer is kept in @directory under the file's device,
 * inode, size and mtime; none is not. @environment is podman's.
 */
enum podman_knows podman_knows(int directory, const char *executable, char *const environment[]);

/* Copies the answer @name from one directory to the other, where it is not there yet. */
void podman_share_answer(int from, int to, const char *name);

/* Writes what `podman --version` prints, without the newline; "" where it does not. */
void podman_version(const char *executable, char *const environment[], char *version, size_t size);

/* Writes the id of the first image that `podman images` lists; "" where there is none. */
void podman_first_image(const char *executable, char *const environment[], char *image,
			size_t size);

/*
 * Finds the id of the container of a run whose conmon, which carries it, was never
 * seen: by the container's name, else among all that podman knows; one of the pid files
 * that `podman inspect` shows of it must be the run's own. Leaves run->cid "" where podman
 * has no such container. Returns false where podman could not be asked.
 */
bool podman_find(struct run *run);

/*
 * Ends the container through podman (`podman stop --time=0`), which then also knows
 * that it is meant to stay ended: a restart policy starts one that was only killed
 * again, and without conmon nobody told podman of its end. Best effort.
 */
void podman_stop(const struct run *run);

/*
 * Removes the container of a --rm run (`podman rm --force`), or lets podman clean
 * up after one that stays (`podman container cleanup`), and the runtime forget it. Its id is
 * found by podman_find().
 * Returns true when podman did, or says that it has no such container.
 */
bool podman_forget(struct run *run);

#endif
