/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podleash list --tree: the runs of a unit, who holds them and what runs of them, as one tree.
 *
 *         PID   AGE  STATE      PROCESS
 *                               unit aBcD1234
 *        4711    3m             └─ receptor
 *        4712    3m                └─ ansible-runner
 *        4713    3m  running          └─ podman, run 4712-5f3a
 *        4720    3m                      ╞═ podleash, guard
 *        4725    3m                      ╘═ conmon
 *        4740    3m                         └─ dumb-init, container 0123456789ab
 *
 * ─ leads to a child, as the kernel has it; ═ to a process that the kernel has elsewhere. Holders
 * are as recorded: one that is dead stays. Of the rest there is what lives: below podman and
 * conmon, where these prove to be the run's (identity.h), and what is in the container by its id.
 */
#ifndef PODLEASH_TREE_H
#define PODLEASH_TREE_H

#include "record.h"
#include "state.h"

struct tree_run {
	struct run run;
	enum run_state state;
};

/* Starts as {0}. */
struct tree {
	struct tree_run *run;
	size_t count;
};

/* Takes @run over. False where memory is short. */
bool tree_add(struct tree *tree, struct run *run, enum run_state state);

/*
 * Prints a tree for each unit to stdout, fit for the terminal: where there is no room for STATE
 * that goes, then ends of lines. Looks through /proc, once. False where memory is short.
 */
bool tree_print(struct tree *tree);
void tree_free(struct tree *tree);

#endif
