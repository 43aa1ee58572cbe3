/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes above this one that hold its leash: all from the parent up to the topmost receptor
 * command-runner or `podleash run`, else the parent alone. A `podleash run` that our environment
 * names as the owner is one as well, also where its command left us to init. The receptor daemon
 * never is: it may restart while its jobs go on.
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
 * Who alone holds a detached run, since who starts one goes on at once: the topmost of these; where
 * it is the parent alone, the topmost that was started with our RECEPTOR_PID_DIRECTORY in its
 * environment, if there is one.
 */
const struct holder *ancestors_topmost(const struct ancestors *ancestors);

/* Whether none has ended since they were found: each is still the child of the next. */
bool ancestors_hold(const struct ancestors *ancestors);

/* When what holds a run began, in ns since boot: as our owner says, else @topmost's clock tick. */
uint64_t ancestors_began(const struct holder *topmost);

/*
 * Names the process @pid, a `podleash run`, in our environment as the owner of all that inherits
 * it, and when it, or what holds it, began. False with errno.
 */
bool owner_name(pid_t pid, uint64_t began);

/* Whether our environment names an owner, alive or not; whether that lives. */
bool owner_is_named(void);
bool owner_lives(void);

/* Waits up to @ms for its end; whether that has come. */
bool owner_ends(int ms);

#endif
