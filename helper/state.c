/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include "identity.h"
#include "tombstone.h"

static const struct {
	const char *word, *colour;
} states[] = {
	[STATE_STARTING] = {"starting", "33"},	 [STATE_RUNNING] = {"running", "32"},
	[STATE_ENDING] = {"ending", "33"},	 [STATE_ORPHANED] = {"orphaned", "31"},
	[STATE_UNGUARDED] = {"unguarded", "31"}, [STATE_REBOOTED] = {"rebooted", "33"},
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
	if (!process_lives(run->podman) && !run->detach)
		return false;
	return learn_conmon(run) ? process_lives(run->conmon) : process_lives(run->podman);
}

/* Whether its guard lives, or hold, which has not started one yet. */
static bool is_guarded(const struct run *run)
{
	struct handle keeper;

	if (!guard_open(run, &keeper) && !hold_open(run, &keeper))
		return false;
	handle_close(&keeper);
	return true;
}

enum run_state run_state(struct run *run)
{
	if (!run_is_of_this_boot(run))
		return STATE_REBOOTED;
	bool held = run_is_held(run);
	bool known = learn_container(run);
	if (!is_guarded(run)) /* a guard that has done its work has removed the record */
		return record_exists(run->directory, run->name) ? STATE_UNGUARDED : STATE_ENDING;
	if (run_is_cancelled(run, NULL) || (known && !process_lives(run->container)))
		return STATE_ENDING;
	if (!held)
		return STATE_ORPHANED;
	return known ? STATE_RUNNING : STATE_STARTING;
}
