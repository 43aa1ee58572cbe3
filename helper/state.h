/* SPDX-License-Identifier: Apache-2.0 */
/* In which state a run is: the words of `podleash list`, in the table, the tree and the JSON. */
#ifndef PODLEASH_STATE_H
#define PODLEASH_STATE_H

#include "record.h"

enum run_state {
	STATE_STARTING,	 /* held and guarded; its container is not known yet */
	STATE_RUNNING,	 /* held and guarded; the container init lives */
	STATE_STOPPED,	 /* the same of a detached one that has ended, and may be started again */
	STATE_ENDING,	 /* it was cancelled, or the container init is dead: what is left goes */
	STATE_ORPHANED,	 /* who holds it is dead, its guard lives and ends it */
	STATE_UNGUARDED, /* no guard lives: `podleash sweep` ends it or gives it a new one */
	STATE_REBOOTED,	 /* its record is of an earlier boot: nothing of it runs */
	STATE_ELSEWHERE, /* of another pid or time namespace: from here nothing can be told */
};

/*
 * Tells the state, the worst where several fit: unguarded, ending, orphaned. Learns conmon and the
 * container init on the way.
 */
enum run_state run_state(struct run *run);

/*
 * Whether all who hold the run live: its holders, podman and conmon; of a detached run, which may
 * be stopped and started, its holders, and conmon while its container lives.
 */
bool run_is_held(struct run *run);

/* "starting" and so on: promised in docs/json.md. */
const char *state_word(enum run_state state);

/* Its colour on a terminal, an SGR parameter (ECMA-48). */
const char *state_colour(enum run_state state);

#endif
