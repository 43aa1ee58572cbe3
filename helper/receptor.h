/* SPDX-License-Identifier: Apache-2.0 */
/* The receptor daemons of this machine, as proc(5) shows them. */
#ifndef PODLEASH_RECEPTOR_H
#define PODLEASH_RECEPTOR_H

#include "proc.h"

struct receptor {
	pid_t pid;
	uid_t uid;
	struct words environment; /* as it was started; empty where we may not read it. Owned */
	char conf[PATH_MAX];	  /* of its command line, from its own directory on; "": none */
};

/*
 * Finds the processes whose first word is `receptor` and that are no command-runner, our user's
 * first: what a process says of itself, so a place to look and no proof. Those of other containers
 * and chroots are left out where proc(5) shows that they are, and set-user-id programs: their
 * environment is another user's. Returns how many; *@receptor and their environments are the
 * caller's. Where memory is short there are fewer.
 */
size_t receptors_find(struct receptor **receptor);

/*
 * As fork(2); the child is in the user, mount and pid namespaces of @receptor, in its directory,
 * and its user with its groups. Where the namespaces may not be entered, *@outside says why, and
 * the rest is done. A child that may not be that user ends with status EXIT_LEFT, and says so. The
 * child leads a session, so that what it starts has no terminal to type into, and gets SIGTERM when
 * the parent dies.
 */
pid_t receptor_fork(const struct receptor *receptor, const char **outside);

#endif
