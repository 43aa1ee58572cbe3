/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include "identity.h"
#include "tombstone.h"

static const struct {
	const char *word, *colour;
} states[] = {
	[STATE_STARTING] = {"starting", "33"}, [STATE_RUNNING] = {"running", "32"},
	[STATE_STOPPED] = {"stopped", "33"},   [STATE_ENDING] = {"ending", "33"},
	[STATE_ORPHANED] = {"orphaned", "31"}, [STATE_UNGUARDED] = {"unguarded", "31"},
	[STATE_REBOOTED] = {"rebooted", "33"}, [STATE_ELSEWHERE] = {"elsewhere", "33"},
};

const char *state_word(enum run_state state)
{
	return states[state].word;
}

const char *state_colour(enum run_state state)
{
	return states[state].colour;
}

bool run_is_held(struct run *run)
{
	for (size_t i = 0; i < run->holders; i++)
		if (!process_lives(run->holder[i].id))
			return false;
	bool known = learn_conmon(run);
	if (run->detach) {
		(void)learn_container(run);
		return !known || process_lives(run->conmon) || !process_lives(run->container);
	}
	return process_lives(run->podman) && (!known || process_lives(run->conmon));
}

enum run_state run_state(struct run *run)
{
	if (run_place(run) != PLACE_HERE)
		return run_place(run) == PLACE_ELSEWHERE ? STATE_ELSEWHERE : STATE_REBOOTED;
	bool held = run_is_held(run);
	bool known = learn_container(run), stays = run->detach && !run->remove;
	/* a guard that has done its work has removed the record */
	if (record_is_unguarded(run->directory, run->name))
		return STATE_UNGUARDED;
	if (run_is_cancelled(run, NULL) || !record_exists(run->directory, run->name))
		return STATE_ENDING;
	bool ended = known && !process_lives(run->container);
	if (ended && !stays) /* conmon, which holds it as well, goes before podman */
		return STATE_ENDING;
	if (!held)
		return STATE_ORPHANED;
	if (ended)
		return STATE_STOPPED;
	return known ? STATE_RUNNING : STATE_STARTING;
}
