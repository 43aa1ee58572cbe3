/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes above this one that hold its leash.
 *
 * Where a receptor command-runner or a `podleash run` is among the ancestors,
 * the holders are all processes from the parent up to it; otherwise the parent
 * alone. A detached run has one of them, ancestors_topmost(). A `podleash run` that our environment
 * names as the owner is one as well, also where its command left us to init. The receptor daemon
 * above them is never one: it may restart while its jobs go on.
 */
#ifndef PODLEASH_ANCESTORS_H
#define PODLEASH_ANCESTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "record.h"

struct ancestors {
	struct holder holder[RUN_HOLDERS]; /* the nearest first */
	size_t holders;			   /* 0: unknown */
	bool command_runner;		   /* receptor's is the last of them */
	bool known;			   /* the same, or a `podleash run` */
	struct holder owner;		   /* the owner that is none of them; pid 0: none */
	char unit[UNIT_SIZE]; /* of the command-runner's unitdir=, "" where there is none */
};

enum ancestry {
	ANCESTORS_FOUND,
	ANCESTORS_ENDED,   /* the parent, or another holder: nobody would end what is started now */
	ANCESTORS_UNKNOWN, /* the parent lives, and proc(5) does not show it (hidepid) */
};

/*
 * Looks upwards, and where one of them ends meanwhile anew, if our environment names an owner that
 * lives: it holds what the others have left.
 *
 * A parent that dies leaves its child to init (credentials(7), PR_SET_CHILD_SUBREAPER). What a
 * command-runner started is known by its stdout then: the one of the unit. It does so at the end
 * of its exit, and has no command line before that.
 * A process that init starts on purpose leads a session without a terminal, inherits
 * init's own RECEPTOR_PID_DIRECTORY, or is told so by systemd (SYSTEMD_EXEC_PID,
 * systemd.exec(5)); an orphan of a runner has none of these. A `podleash run` that is the
 * first process of a container is a parent like any other.
 */
enum ancestry ancestors_find(struct ancestors *ancestors);

/*
 * Who holds a detached run: the topmost command-runner or `podleash run`, and nobody between, since
 * who starts one goes on at once. Where there is neither: the topmost that was itself started with
 * our RECEPTOR_PID_DIRECTORY in its environment, else the parent.
 */
const struct holder *ancestors_topmost(const struct ancestors *ancestors);

/* Whether none has ended since they were found: each is still the child of the next. */
bool ancestors_hold(const struct ancestors *ancestors);

/*
 * When what holds a run began, in ns since boot: a cancel that stops the run came later. Our owner
 * tells it to the ns; else it is the start of @topmost, rounded down to a clock tick.
 */
uint64_t ancestors_began(const struct holder *topmost);

/*
 * Names the process @pid, a `podleash run`, in our environment as the owner of all that inherits
 * it, and when it, or what holds it, began. False with errno.
 */
bool owner_name(pid_t pid, uint64_t began);

/* Whether our environment names an owner, alive or not. */
bool owner_is_named(void);

/* Waits up to @ms for the end of the owner that our environment names; whether it has come. */
bool owner_ends(int ms);

/* Whether our environment names an owner, and that lives. */
bool owner_lives(void);

#endif
