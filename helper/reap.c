/* SPDX-License-Identifier: Apache-2.0 */
#include "reap.h"

#include <signal.h>

#include "bounds.h"
#include "container.h"
#include "identity.h"
#include "log.h"
#include "podman.h"
#include "stall.h"
#include "tombstone.h"
#include "util.h"

#define ROUNDS	    5
#define IDLE_ROUNDS 3

/* What still runs of a run, at one look. */
struct scene {
	struct census census;
	struct handle container;
	bool unseen; /* the container could not be looked at: it may live */
};

/*
 * Says from when on a conmon is somebody else's, once podman has ended: what that starts in its
 * last moment is the run's. Where a holder is dead and no guard was there to see it, that is any
 * that came after the one that is known; where none is known and the container has ended once, any.
 * Where podman starts the container again by itself, none is.
 */
static void close_run(struct run *run)
{
	if (run->over || run->restarts || process_lives(run->podman))
		return;
	run->over = now_ticks();
	if (!run->conmon.pid && podman_has_ended_it(run))
		run->over = run->podman.start;
	for (size_t i = 0; run->guard.pid != getpid() && run->conmon.pid && i < run->holders; i++)
		if (!process_lives(run->holder[i].id))
			run->over = run->conmon.start;
}

/* Takes the census, in which who starts the container by its name does so where it has that. */
static void census_with_starters(const struct run *run, struct census *census)
{
	census_take(run, census);
	if (!census->namesake.count || !podman_calls_it_so(run))
		return;
	for (size_t i = 0; i < census->namesake.count; i++)
		(void)handles_add(&census->starter, census->namesake.item[i]); /* seen next time */
	census->namesake.count = 0;
}

static void scene_take(struct run *run, struct scene *scene)
{
	/* its id proves all but podman */
	learn_cid(run);
	close_run(run);
	(void)learn_conmon(run);
	census_with_starters(run, &scene->census);
	/* one that was stopped may have the container's lock, which podman's cleanup waits for */
	handles_wake(&scene->census.podman);
	/* the conmon that lives is the one to ask: after a restart it is another */
	if (scene->census.conmon.count)
		(void)learn_from(
			run, &scene->census.conmon.item[0]); /* gone meanwhile: seen next time */
	errno = 0;
	scene->unseen = !container_open(run, &scene->container) && is_shortage();
	scene->census.unsure = scene->census.unsure || scene->unseen;
}

static void scene_free(struct scene *scene)
{
	census_free(&scene->census);
	handle_close(&scene->container);
}

#define _cleanup_scene_ __attribute__((cleanup(scene_free)))

static bool scene_empty(const struct scene *scene)
{
	return census_empty(&scene->census) && !scene->container.id.pid;
}

/* Once more: a look misses what becomes conmon in its moment. */
static bool is_empty_still(struct run *run)
{
	_cleanup_scene_ struct scene scene;

	scene_take(run, &scene);
	return scene_empty(&scene);
}

/* podman is asked first: SIGTERM lets it undo what it began. */
static void end_podman(struct run *run, const struct handles *podman)
{
	int grace_ms = run_grace(run);

	if (!podman->count)
		return;
	handles_signal(podman, SIGTERM);
	handles_wake(podman); /* one that is stopped would not hear it */
	log_ending(run);
	if (!handles_wait(podman, grace_ms < PODMAN_MS ? grace_ms : PODMAN_MS)) {
		/* while a runtime's create hangs, podman ignores it and has the container's lock */
		handles_signal(podman, SIGKILL);
		(void)handles_wait(podman, KILL_MS); /* the next look finds what stayed */
	}
	/* a first conmon that came by now was not its owner's: podman may have started it */
	if (run->over && !run->conmon.pid)
		run->over = now_ticks();
}

/*
 * Kills conmon, the runtime, the cleanup and all that descends from them. Collected before the
 * first is signalled: a killed runtime leaves children that carry nothing of ours.
 */
static void end_trees(struct run *run, const struct census *census)
{
	const struct handles *roots[] = {&census->runtime, &census->conmon, &census->cleanup,
					 &census->session};
	struct handles tree = {0};

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		for (size_t j = 0; j < roots[i]->count; j++)
			descendants_add(&tree, &roots[i]->item[j]);
	handles_signal(&tree, SIGKILL);
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		handles_signal(roots[i], SIGKILL);
		if (roots[i]->count)
			log_ending(run);
		(void)handles_wait(roots[i], KILL_MS); /* the next look finds what stayed */
	}
	(void)handles_wait(&tree, KILL_MS);
	handles_close(&tree);
}

/* Lets conmon, or the cleanup that it has left, do its work; returns whether that has ended. */
static bool wait_for_cleanup(const struct run *run, const struct census *census)
{
	/* podman 5 deletes a --rm container itself, and conmon's cleanup waits for it */
	bool conmon = wait_while_they_move(run, &census->conmon, &census->podman, CONMON_MS);
	bool session = wait_while_they_move(run, &census->session, NULL, CONMON_MS);

	return wait_while_they_move(run, &census->cleanup, &census->podman, STALL_MS) && conmon &&
	       session;
}

/* Whether conmon is at it, or a cleanup that has lost its conmon since the last look. */
static bool is_being_cleaned(const struct run *run)
{
	_cleanup_census_ struct census census;

	census_take(run, &census);
	return census.conmon.count || census.cleanup.count;
}

/*
 * The container ran and has ended: podman cleans up, below conmon or in its place, then both go
 * by themselves. @cleaned: one that is gone has done so. Returns whether they did.
 */
static bool end_after_container(struct run *run, const struct census *census, bool cleaned)
{
	/* podman has the container's lock while one starts it, and its cleanup waits for that */
	handles_signal(&census->runtime, SIGKILL);
	handles_signal(&census->conmon, SIGCONT); /* one that is stopped cleans nothing up */
	handles_signal(&census->cleanup, SIGCONT);
	handles_signal(&census->session, SIGCONT);
	if (census->conmon.count || census->cleanup.count || census->session.count)
		cleaned = wait_for_cleanup(run, census);
	if (!cleaned)
		end_trees(run, census);
	/* without conmon, podman would wait for ever, and its cleanup may have been cut short */
	if ((!cleaned || (run->remove && !container_was_removed(run))) && !is_being_cleaned(run))
		(void)podman_clean_up(run); /* looked at again before the files go */
	if (handles_wait(&census->podman, PODMAN_MS))
		return cleaned;
	end_podman(run, &census->podman);
	return false;
}

/* No container was seen: an image is being pulled, or the container created. */
static void end_creation(struct run *run, const struct census *census)
{
	_cleanup_scene_ struct scene scene;

	end_podman(run, &census->podman);
	scene_take(run, &scene); /* podman may have started conmon in its last moment */
	if (!scene.container.id.pid && !scene.unseen)
		end_trees(run, &scene.census);
}

/* Ends the container: by its @init, or by its id where that is dead or was never seen. */
static bool end_container(struct run *run, const struct handle *init)
{
	bool running = init->id.pid != 0;

	if (running && run->restarts) { /* while it runs: else podman starts it again */
		podman_stop(run, run_grace(run));
		log_ending(run);
	}
	bool ended = running ? container_end(run, init) : container_end_rest(run);
	if (!ended)
		log_run(run, NULL, "its container does not end, init %d", (int)init->id.pid);
	return ended;
}

/*
 * Ends the container as it is known and lets all else end by itself, before a look at all
 * processes: many runs may be ended at once, and podman's cleanups have enough to do. Returns
 * whether conmon has ended after it.
 */
static bool end_known(struct run *run)
{
	_cleanup_handle_ struct handle conmon = HANDLE_NONE;
	_cleanup_handle_ struct handle podman = HANDLE_NONE;
	_cleanup_handle_ struct handle container = HANDLE_NONE;
	bool cleaned = false;

	if (conmon_open(run, &conmon) && container_open(run, &container)) {
		cleaned = end_container(run, &container);
		/* one that was stopped would not hear of the end, or has the container's lock */
		(void)handle_signal(&conmon, SIGCONT);
		if (podman_open(run, &podman)) /* of a detached run it is gone */
			handle_wake(&podman);
		cleaned = cleaned && handle_wait(&conmon, PODMAN_MS);
		(void)handle_wait(&podman,
				  cleaned ? PODMAN_MS : 0); /* the look finds one that stays */
	}
	return cleaned;
}

/* What a look has found to run. */
enum left { LEFT_NOTHING, LEFT_SOMETHING, LEFT_TO_ITS_OWNER };

/*
 * A `podman start` or `restart` of the job's own that was under way when the job ended: what it has
 * started meanwhile is the run's, and the next look finds it.
 */
static enum left end_starters(struct run *run, const struct handles *starter)
{
	end_podman(run, starter);
	run->over = now_ticks();
	return LEFT_SOMETHING;
}

/*
 * What starts a detached container from now on, be it within its grace, is its owner's, but for a
 * start of the job's own that is under way.
 */
static void end_earlier_starts(struct run *run)
{
	_cleanup_census_ struct census census = {0};

	if (!run->detach)
		return;
	learn_cid(run);
	close_run(run);
	if (run->over)
		census_with_starters(run, &census);
	if (census.starter.count)
		(void)end_starters(run, &census.starter);
}

/* Somebody else has started the container anew; a first conmon may be our podman's all the same. */
static enum left leave_to_owner(struct run *run, const struct handles *podman)
{
	end_podman(run, podman);
	return podman->count && !run->conmon.pid ? LEFT_SOMETHING : LEFT_TO_ITS_OWNER;
}

/*
 * One look and what follows from it; returns what it has found. @cleaned: whether what ran, and
 * runs no more, cleaned up.
 */
static enum left reap_round(struct run *run, bool *cleaned)
{
	_cleanup_scene_ struct scene scene;
	const struct census *census = &scene.census;

	scene_take(run, &scene);
	bool running = scene.container.id.pid != 0;
	/* a podman without --pidfile takes away its own with the container */
	bool made = running || container_was_made(run) || container_was_removed(run) ||
		    census->cleanup.count;

	if (census->starter.count)
		return end_starters(run, &census->starter);
	if (scene.unseen) /* it may live: nobody cleans up after it */
		return LEFT_SOMETHING;
	if (census->taken && !running)
		return leave_to_owner(run, &census->podman);
	/* while it lives nothing may be cleaned up, and conmon does not end */
	if (made && !end_container(run, &scene.container))
		return LEFT_SOMETHING;
	if (scene_empty(&scene))
		return LEFT_NOTHING;
	if (made)
		*cleaned = end_after_container(run, census, *cleaned);
	else
		end_creation(run, census);
	return LEFT_SOMETHING;
}

static void log_left(struct run *run)
{
	_cleanup_scene_ struct scene scene;

	scene_take(run, &scene);
	log_run(run, NULL,
		"left: %zu podman, %zu conmon, %zu runtime, %zu cleanup, %zu exec, container init "
		"%d%s",
		scene.census.podman.count, scene.census.conmon.count, scene.census.runtime.count,
		scene.census.cleanup.count, scene.census.session.count, (int)scene.container.id.pid,
		scene.census.unsure ? "; not all processes could be looked at" : "");
}

/*
 * Nothing runs. Whether podman has nothing to do for it any more: that its bundle is gone tells
 * nothing where podman was killed while it removed it, and nothing tells whether one that stays was
 * cleaned up: conmon may have been killed before.
 */
static bool settle(struct run *run, bool cleaned)
{
	if (cleaned && container_was_removed(run)) {
		podman_forget(run, run->runtime);
		return true;
	}
	if (!podman_find(run))
		return false;
	/* podman names the container also where all were killed before anyone had seen it */
	return container_end_rest(run) && podman_clean_up(run) && is_empty_still(run);
}

/* Whoever was killed while it wrote a file of the run left one of another name. */
static void remove_files(const struct run *run)
{
	_cleanup_names_ struct names names;
	char name[RUN_SIZE];

	(void)names_read(run->directory, &names); /* else sweep removes them, once they are old */
	for (size_t i = 0; i < names.count; i++)
		if (file_kind(names.name[i], name) == FILE_TEMPORARY && name[0] &&
		    equal(name, run->name))
			(void)unlinkat(run->directory, names.name[i], 0);
	record_remove(run);
}

/*
 * Forgets who lives, and is not what the record says: that is a file that its user may change. A
 * conmon is proven by podman as well, which came before it.
 */
static void check_record(struct run *run)
{
	_cleanup_handle_ struct handle podman = HANDLE_NONE;
	_cleanup_handle_ struct handle conmon = HANDLE_NONE;

	errno = 0;
	if (!podman_open(run, &podman) && !is_shortage() && process_lives(run->podman))
		run->podman = (struct process){0};
	errno = 0;
	if (!conmon_open(run, &conmon) && !is_shortage() && process_lives(run->conmon))
		run->conmon = (struct process){0};
}

/* Goes on until nothing is left, or a few times in vain where that is podman's to do. */
static enum reaped reap_rounds(struct run *run)
{
	/* it hears the signal that it is asked to end by */
	if (!run->cid[0] && id_is_lost(run))
		(void)podman_find(run);
	end_earlier_starts(run);
	bool cleaned = end_known(run); /* first: every signal has its own proof */
	int idle = 0;

	run->said[0] = '\0';
	check_record(run);
	for (int round = 0; round < ROUNDS && idle < IDLE_ROUNDS; round++) {
		switch (reap_round(run, &cleaned)) {
		case LEFT_SOMETHING:
			continue;
		case LEFT_TO_ITS_OWNER:
			log_run(run, NULL,
				"its container was started anew by somebody else; left alone");
			return REAPED;
		case LEFT_NOTHING:
			if (settle(run, cleaned))
				return REAPED;
			if (!idle++)
				log_run(run, NULL,
					"nothing of it runs; podman does not clean up after it%s%s",
					run->said[0] ? ": " : "", run->said);
			if (idle < IDLE_ROUNDS)
				sleep_ms(AGAIN_MS);
		}
	}
	return idle ? REAPED_IDLE : NOT_REAPED;
}

enum reaped reap(struct run *run)
{
	if (run_place(run) == PLACE_EARLIER_BOOT) {
		record_remove(run);
		return REAPED;
	}
	if (run_place(run) == PLACE_ELSEWHERE) {
		log_run(run, NULL, "%s", ELSEWHERE);
		return NOT_REAPED;
	}
	enum reaped reaped = reap_rounds(run);
	if (reaped == REAPED)
		remove_files(run);
	else if (reaped == NOT_REAPED)
		log_left(run);
	return reaped;
}

bool reap_finished(struct run *run)
{
	/* a podman that fails removes the bundle as well, and may leave the runtime's state */
	if (!run->conmon.pid || !run->container.pid || !container_was_removed(run))
		return false;
	record_remove(run);
	return true;
}
