/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is ours: the proofs that every signal rests on (docs/SECURITY.md). A process takes part in a
 * run when it is of our user, its program fits the role, and its command line says so:
 *     podman   run … --cidfile=…/RUN.cid, as a flag of podman's
 *     conmon   -c CID -u CID … --exit-command-arg CID, whatever its name; podman's pipe in its
 *              environment
 *     runtime  create … CID, or start CID
 *     cleanup  the exit command of that conmon, word by word; a runtime's delete or kill of the
 *              CID that no podman waits for but the run's
 *     session  as conmon, but -u SESSION -b …/CID/userdata/SESSION: of a podman exec
 *     starter  podman start or restart of the CID, with the run's directory in its environment,
 *              begun before the run was over
 *     namesake the same of the name that the run gave, with the flags and the environment by which
 *              the run's podman found its storage: podman is to be asked whose that name is now
 * The container init is a descendant of such a conmon, or its cgroup or its mounts name the CID,
 * the id that podman writes into RUN.cid. What was proven is in the record as (pid, start); as that
 * is a file, it is proven again.
 *
 * A conmon that came after the run was over (run->over), or a second one of a run that podman does
 * not start again, is somebody else's: a container that stays is its owner's.
 *
 * Each function opens the handle first and looks second: what it returns is open on the process
 * that was looked at. Nothing here sends a signal.
 */
#ifndef PODLEASH_IDENTITY_H
#define PODLEASH_IDENTITY_H

#include "handle.h"
#include "record.h"

/* All living processes of a run but the container's own. Owned; freed by census_free(). */
struct census {
	struct handles podman; /* podman, its rootless child, hold before it is podman */
	struct handles conmon;
	struct handles runtime;	 /* `runc create` and its like; what becomes conmon */
	struct handles cleanup;	 /* conmon's exit command, and a runtime's delete */
	struct handles session;	 /* conmons of a podman exec in the container */
	struct handles starter;	 /* podman start or restart of a detached container, by its job */
	struct handles namesake; /* the same of its name, which may be another's by now */
	bool unsure;		 /* some processes could not be looked at: there may be more */
	bool taken;		 /* somebody else has started the container anew */
};

/* Takes those with and without a conmon above them. Looks through /proc. */
void census_take(const struct run *run, struct census *census);

/* Whether somebody else has started the run's container anew. Looks through /proc. */
bool run_is_taken(const struct run *run);

/* Whether nothing of the run lives: what could not be looked at may. */
bool census_empty(const struct census *census);
void census_free(struct census *census);
#define _cleanup_census_ __attribute__((cleanup(census_free)))

/* Learns the container's id from RUN.cid, where podman has written it. */
void learn_cid(struct run *run);

/*
 * The same, and conmon from its pid file, also another one after a restart: fills in what
 * struct run has of it, forgets the container init, and appends what it learned to the record where
 * that is open. Returns whether conmon is known, alive or not.
 */
bool learn_conmon(struct run *run);

/* The same from all processes, where no pid file tells. Looks through /proc. */
bool find_conmon(struct run *run);

/* Whether podman has made the id file, and not written the id: a full disk, or it was killed. */
bool has_no_id(const struct run *run);

/* Whether conmon was started, as far as is known, and the id may be lost with a user's own file. */
bool id_is_lost(const struct run *run);

/*
 * Reads the id in such a file. It proves nothing: the file may have been there before, or be
 * another run's as well. False where there is none so far.
 */
bool read_foreign_cid(const struct run *run, char cid[CID_SIZE]);

/* The same from a conmon that was proven by a pid file (plain.h). */
bool learn_from(struct run *run, const struct handle *conmon);

/*
 * Learns the container init from its pid file, once, while conmon proves it. Returns whether it is
 * known; false with a shortage in errno (util.h) where it could not be looked at.
 */
bool learn_container(struct run *run);

/* Opens it where it lives, if it was recorded proven anew. Else false, with errno as above. */
bool container_open(struct run *run, struct handle *handle);

/*
 * Opens the living podman of the record, also while it is hold still or a script in podman's place,
 * and the living conmon, proven anew. False where there is none, or the record is not right.
 */
bool podman_open(const struct run *run, struct handle *podman);
bool conmon_open(const struct run *run, struct handle *conmon);

/*
 * Whether @pid is the container's: its cgroup or its mounts name the id, or it is below the run's
 * living conmon in the mount namespace that the container init had, where podman has taken the
 * mounts away (a rootless one, when its init has ended).
 */
bool is_of_container(const struct run *run, pid_t pid);

/* Whether the container's pid file names a process, alive or not. */
bool container_was_made(const struct run *run);

/* Whether podman has removed the container: its bundle went with it. */
bool container_was_removed(const struct run *run);

/*
 * Whether @words, of @pid, are a conmon's that podman has started for the container @cid, whatever
 * program that is (conmon_path, containers.conf(5)), and not for a podman exec in it.
 */
bool is_conmon_of(const char *cid, pid_t pid, const struct words *words);

/*
 * Opens the living guard that the record names, proven by program and argument; or one that has not
 * written itself down yet: looks through /proc then.
 */
bool guard_find(const struct run *run, struct handle *guard);

/* Opens the living hold of the run, proven by program and command line; false once it is podman. */
bool hold_open(const struct run *run, struct handle *hold);

/*
 * Calls @found for each living guard of @directory, with the name of its run, until it returns
 * false. Looks through /proc; one is proven by program and argument, and by the directory that it
 * has open, or was named when that lay at @path (NULL: any will do). The handle is closed then,
 * unless the callee has taken it and left HANDLE_NONE. Returns what proc_each() does.
 */
typedef bool guard_found(const char *run, struct handle *guard, void *context);
bool guard_each(int directory, const char *path, guard_found *found, void *context);

/* Adds all living descendants of @ancestor to @list. */
void descendants_add(struct handles *list, const struct handle *ancestor);

#endif
