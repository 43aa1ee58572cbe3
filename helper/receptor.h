/* SPDX-License-Identifier: Apache-2.0 */
/* The receptor daemons of this machine, as proc(5) shows them. */
#ifndef PODLEASH_RECEPTOR_H
#define PODLEASH_RECEPTOR_H

#include "proc.h"

#define RECEPTORS_MAX 8

struct receptor {
	pid_t pid;
	uid_t uid;
	bool own;		  /* our user's, below our root directory, and readable */
	struct words environment; /* as it was started; empty where we may not read it. Owned */
	char conf[PATH_MAX];	  /* of its command line; "" where there is none */
};

/*
 * Finds the processes whose first word is `receptor` and that are no command-runner: what a process
 * says of itself, so a place to look and no proof. Those of other containers and chroots are left
 * out where proc(5) shows that they are. Returns how many.
 */
size_t receptors_find(struct receptor receptor[RECEPTORS_MAX]);

#endif
