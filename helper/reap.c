/* SPDX-License-Identifier: Apache-2.0 */
#include "reap.h"

#include <signal.h>

#include "container.h"
#include "identity.h"
#include "log.h"
#include "podman.h"
#include "tombstone.h"
#include "util.h"

#define CLEANUP_MS 2000	 /* podman's cleanup in conmon, before anyone looks at it */
#define CONMON_MS  20000 /* the same; then it counts as stuck */
#define PODMAN_MS  2000	 /* podman's end by itself, and on SIGTERM */
#define KILL_MS	   5000
#define ROUNDS	   5

bool grace_parse(const char *text, int *grace_ms)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	unsigned long seconds = strtoul(text, &end, 10);
	if (*end || errno || seconds > GRACE_MAX)
		return false;
	*grace_ms = (int)seconds * 1000;
	return true;
}

int grace_from_environment(void)
{
	const char *text = getenv("PODLEASH_GRACE");
	int grace_ms = GRACE_DEFAULT * 1000;

	if (text && *text && !grace_parse(text, &grace_ms))
		log_line("PODLEASH_GRACE=%s: not a number of seconds from 0 to %d; using %d", text,
			 GRACE_MAX, GRACE_DEFAULT);
	return grace_ms;
}

/* What still runs of a run, at one look. */
struct scene {
	struct census census;
	struct handle container;
};

static void scene_take(struct run *run, struct scene *scene)
{
	census_take(run, &scene->census);
	/* one that was stopped may have the container's lock, which podman's cleanup waits for */
	handles_signal(&scene->census.podman, SIGCONT);
	/* the conmon that lives is the one to ask: after a restart it is another */
	const struct handles *conmon = &scene->census.conmon;
	if (conmon->count)
		(void)learn_conmon(run); /* gone meanwhile: seen next time */
	/* its id proves what is left of it, once podman has removed it nobody can tell */
	if (!conmon->count && container_was_made(run))
		(void)podman_find(run); /* asked again by podman_forget() */
	if (!container_open(run, &scene->container) && is_shortage())
		scene->census.unsure = true;
}

static void scene_free(struct scene *scene)
{
	census_free(&scene->census);
	handle_close(&scene->container);
}

static bool scene_empty(const struct scene *scene)
{
	return census_empty(&scene->census) && !scene->container.id.pid;
}

/* podman is asked first: SIGTERM lets it undo what it began. */
static void end_podman(const struct handles *podman, int grace_ms)
{
	handles_signal(podman, SIGTERM);
	handles_signal(podman, SIGCONT); /* one that is stopped would not hear it */
	if (handles_wait(podman, grace_ms < PODMAN_MS ? grace_ms : PODMAN_MS))
		return;
	/* while a runtime's create hangs, podman ignores SIGTERM and holds the container's lock */
	handles_signal(podman, SIGKILL);
	(void)handles_wait(podman, KILL_MS); /* the next look finds what stayed */
}

/*
 * Kills conmon, the runtime and all that descends from them. Collected before the
 * first is signalled: a killed runtime leaves children that carry nothing of ours.
 */
static void end_trees(const struct census *census)
{
	const struct handles *roots[] = {&census->runtime, &census->conmon};
	struct handles tree = {0};

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		for (size_t j = 0; j < roots[i]->count; j++)
			descendants_add(&tree, &roots[i]->item[j]);
	handles_signal(&tree, SIGKILL);
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		handles_signal(roots[i], SIGKILL);
		(void)handles_wait(roots[i], KILL_MS); /* the next look finds what stayed */
	}
	(void)handles_wait(&tree, KILL_MS);
	handles_close(&tree);
}

/*
 * The container ran and has ended: conmon gets @conmon_ms to let podman clean up, then both go
 * by themselves. @cleaned: one that is gone has done so. Returns whether they did.
 */
static bool end_after_container(struct run *run, const struct census *census, int conmon_ms,
				int grace_ms, bool cleaned)
{
	/* podman has the container's lock while one starts it, and its cleanup waits for that */
	handles_signal(&census->runtime, SIGKILL);
	handles_signal(&census->conmon, SIGCONT); /* one that is stopped cleans nothing up */
	if (census->conmon.count)
		cleaned = handles_wait(&census->conmon, conmon_ms);

	if (!cleaned)
		end_trees(census);
	/* without conmon, podman would wait for ever, and its cleanup may have been cut short */
	if (!cleaned || (run->remove && !container_was_removed(run)))
		(void)podman_forget(run); /* looked at again before the files go */
	bool by_itself = handles_wait(&census->podman, PODMAN_MS);
	if (!by_itself)
		end_podman(&census->podman, run_grace(run, grace_ms));
	return cleaned && by_itself;
}

/* No container was seen: an image is being pulled, or the container created. */
static void end_creation(struct run *run, const struct census *census, int grace_ms)
{
	struct scene scene;

	end_podman(&census->podman, run_grace(run, grace_ms));
	scene_take(run, &scene); /* podman may have started conmon in its last moment */
	if (!scene.container.id.pid)
		end_trees(&scene.census);
	scene_free(&scene);
}

static bool end_container(struct run *run, const struct handle *container, int grace_ms)
{
	bool ended = container_end(run, container, grace_ms);

	if (!ended)
		log_run(run, NULL, "container init %d does not end", (int)container->id.pid);
	return ended;
}

/* Lets podman clean up in @conmon and @podman end; returns whether conmon's end has come. */
static bool wait_for_cleanup(const struct handle *conmon, const struct handle *podman)
{
	/* one that was stopped would not hear of the end, or has the container's lock */
	(void)handle_signal(conmon, SIGCONT);
	(void)handle_signal(podman, SIGCONT);
	if (!handle_wait(conmon, CLEANUP_MS))
		return false;
	(void)handle_wait(podman, PODMAN_MS); /* the look finds one that stays */
	return true;
}

/*
 * Ends the container as it is known and lets all else end by itself, before a look at all
 * processes: many runs may be ended at once, and podman's cleanups have enough to do. Returns
 * whether there was a container; *@cleaned: whether conmon has ended after it.
 */
static bool end_known(struct run *run, int grace_ms, bool *cleaned)
{
	struct handle conmon = HANDLE_NONE, podman = HANDLE_NONE, container = HANDLE_NONE;
	bool known = conmon_open(run, &conmon) && container_open(run, &container);

	if (known) {
		bool ended = end_container(run, &container, grace_ms);

		(void)podman_open(run, &podman); /* of a detached run it is gone */
		*cleaned = ended && wait_for_cleanup(&conmon, &podman);
	}
	handle_close(&conmon);
	handle_close(&podman);
	handle_close(&container);
	return known;
}

/*
 * One look and what follows from it; returns whether nothing ran any more, else in *@cleaned
 * whether what ran cleaned up. @again: a container that was ended runs again, or still.
 */
static bool reap_round(struct run *run, int grace_ms, bool again, bool *cleaned)
{
	struct scene scene;

	scene_take(run, &scene);
	bool empty = scene_empty(&scene);
	bool running = scene.container.id.pid != 0;
	bool made = running || container_was_made(run);
	bool ended = true;

	if (running && again)
		podman_stop(run);
	if (running)
		ended = end_container(run, &scene.container, grace_ms);
	else if (made && !container_end_rest(run)) {
		log_run(run, NULL, "not all of its container ends");
		empty = false;
	}
	/* while the container lives, conmon does: one that is frozen keeps it from its end */
	if (!empty && made)
		*cleaned = end_after_container(run, &scene.census, ended ? CONMON_MS : 0, grace_ms,
					       *cleaned);
	else if (!empty)
		end_creation(run, &scene.census, grace_ms);
	scene_free(&scene);
	return empty;
}

static void log_left(struct run *run)
{
	struct scene scene;

	scene_take(run, &scene);
	log_run(run, NULL, "left: %zu podman, %zu conmon, %zu runtime, container init %d%s",
		scene.census.podman.count, scene.census.conmon.count, scene.census.runtime.count,
		(int)scene.container.id.pid,
		scene.census.unsure ? "; not all processes could be looked at" : "");
	scene_free(&scene);
}

/*
 * Whether podman may still know of a container that has to be cleaned up or removed. That
 * its bundle is gone tells nothing where podman was killed while it removed it, and nothing
 * tells whether one that stays was cleaned up: conmon may have been killed before.
 */
static bool is_unsettled(const struct run *run, bool cleaned)
{
	return !cleaned || !container_was_removed(run);
}

/*
 * podman names the container also where all were killed before anyone had seen it: what
 * lives of it ends, before podman removes it or cleans up after it.
 */
static bool settle(struct run *run)
{
	if (!podman_find(run))
		return false;
	return !run->cid[0] || (container_end_rest(run) && podman_forget(run));
}

/* Whoever was killed while it wrote a file of the run left one of another name. */
static void remove_files(const struct run *run)
{
	char name[RUN_SIZE];
	struct names names;

	if (names_read(run->directory, &names)) { /* else sweep removes them, once they are old */
		for (size_t i = 0; i < names.count; i++)
			if (file_kind(names.name[i], name) == FILE_TEMPORARY &&
			    equal(name, run->name))
				(void)unlinkat(run->directory, names.name[i], 0);
		names_free(&names);
	}
	record_remove(run);
}

bool reap(struct run *run, int grace_ms)
{
	bool cleaned = false; /* by what still ran */

	if (!run_is_of_this_boot(run)) {
		record_remove(run);
		return true;
	}
	bool again = end_known(run, grace_ms, &cleaned);

	for (int round = 0; round < ROUNDS; round++, again = true) {
		bool empty = reap_round(run, grace_ms, again, &cleaned);

		log_ending(run); /* no container ran that it was logged for */
		if (!empty)
			continue;
		if (is_unsettled(run, cleaned) && !settle(run))
			continue;
		remove_files(run);
		return true;
	}
	log_left(run);
	return false;
}

bool reap_finished(struct run *run)
{
	if (!run->conmon.pid || (run->remove && !container_was_removed(run)))
		return false;
	record_remove(run);
	return true;
}
