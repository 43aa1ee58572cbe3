/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of podman itself. Each has a time bound, the run's environment and storage options, / as
 * its directory, and nothing on stdin, stdout or stderr that reaches ours.
 */
#ifndef PODLEASH_PODMAN_H
#define PODLEASH_PODMAN_H

#include "record.h"

/* What a podman takes; asked of the program itself. */
enum podman_knows {
	PODMAN_DOES_NOT_START,
	PODMAN_DOES_NOT_ANSWER, /* in time, or is out of order; or no process was to be had */
	PODMAN_KNOWS_NEITHER,	/* it is no podman, or one for other machines alone */
	PODMAN_CANNOT_WRITE,	/* into the directory: it runs as another user, or elsewhere */
	PODMAN_KNOWS_CONMON_PIDFILE,
	PODMAN_KNOWS_BOTH, /* --pidfile came with podman 3.1 */
};

/*
 * Asks @executable once for each flag, by `podman run --syslog FLAG --help`, which fails on one
 * it does not know: --syslog is for podmans that work on this machine (podman, cmd/podman/root.go;
 * the other two flags a podman that works elsewhere knows, and hides). The answer is kept in
 * @directory under the file's device, inode, size and mtime; none of one that is out of order.
 * @executable has a slash, @environment is podman's, and it is asked in our own directory.
 *
 * A script may become another user, or enter other mounts, before it is podman. It is asked besides
 * to write a file into @directory, which it is given as @path: `podman completion --file` does that
 * and no more, from podman 2.2 on (cmd/podman/completion/completion.go). With @directory -1 nothing
 * is kept, nor written.
 */
enum podman_knows podman_knows(int directory, const char *path, const char *executable,
			       char *const environment[]);

/*
 * Whether @executable with the global flags @flags (@count, from its argv[1] on) works elsewhere:
 * by containers.conf, or the environment. Asked as above, each time.
 */
bool podman_is_elsewhere(const char *executable, char *const flags[], size_t count,
			 char *const environment[]);

/* Copies the answers that are kept in one directory to the other, where they are not there yet. */
void podman_share_answers(int from, int to);

/* Writes what `podman --version` prints, without the newline; "" where it does not. */
void podman_version(const char *executable, char *const environment[], char *version, size_t size);

/*
 * Writes the id of the first image that `podman images` lists; "" where there is none. False where
 * podman fails: @image is the last line of its stderr then.
 */
bool podman_first_image(const char *executable, char *const environment[], char *image,
			size_t size);

/* The last line of @text, whose newlines at the end are cut off: why a program failed. */
const char *last_line(char *text);

/*
 * Finds the id of the container where podleash's own file does not tell it: podman was killed
 * before it wrote that, had no room for it, or writes a file of the user's own. podman is asked
 * about one container, which that file names, or a conmon that may be the run's, or --name: its
 * command line, which podman keeps, must be the run's. Leaves run->cid "" where there is none.
 * Returns false where podman could not be asked.
 */
bool podman_find(struct run *run);

/* Whether podman calls the container by the name that the run gave. */
bool podman_calls_it_so(const struct run *run);

/*
 * Whether the container, which stays, has ended before: podman keeps the time of that when somebody
 * starts it again. False where that cannot be told.
 */
bool podman_has_ended_it(const struct run *run);

/* Whether conmon has written for podman how the container ended, and podman has not read it. */
bool podman_is_told(const struct run *run);

/*
 * Ends the container by `podman stop`, which keeps a restart policy from starting it again.
 * @grace_ms is rounded up to seconds. Best effort.
 */
void podman_stop(const struct run *run, int grace_ms);

/*
 * Does what conmon does in the end, where that was killed: says how the container ended, and calls
 * conmon's own exit command, which removes a --rm container with its volumes, and cleans up after
 * one that stays. Nothing of the container may run. Waits while that moves (stall.h). Returns
 * whether there is nothing left to do.
 */
bool podman_clean_up(struct run *run);

/*
 * Has @runtime forget the container, which podman no longer asks it about: one that was killed
 * before it wrote down that the runtime had made the container removes its own part alone, and the
 * runtime would refuse to make a container of that id. Where @runtime is "", as nobody has seen
 * conmon, those that podman calls as a rule. What still runs of it is killed. Best effort.
 */
void podman_forget(struct run *run, const char *runtime);

#endif
