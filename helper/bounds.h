/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long an ending waits for whom, in milliseconds. Each wait has a bound, and its reason is
 * here. The grace is another matter: the user says it (grace.h).
 */
#ifndef PODLEASH_BOUNDS_H
#define PODLEASH_BOUNDS_H

/* A killed process is gone at once, unless it sleeps in a driver or a frozen cgroup. */
#define KILL_MS 5000

/* podman's own end, once its container has ended, and on SIGTERM. */
#define PODMAN_MS 2000

/*
 * podman, where conmon has said how the container ended and its cleanup has failed: podman 4 waits
 * twenty seconds for that, and then cleans up itself.
 */
#define PODMAN_ALONE_MS 30000

/*
 * conmon with no process below it, after its container: it forks podman's cleanup at once, but on
 * a machine that swaps.
 */
#define CONMON_MS 20000

/*
 * What cleans up (podman's cleanup, a runtime's delete) and makes no progress: no processor time,
 * no process that comes or goes. A delete may sleep on a slow disk for long, and is begun anew only
 * to meet the same disk.
 */
#define STALL_MS 300000

/* When such a wait is worth a line in the log, and how often one looks whether something moves. */
#define SLOW_MS 10000
#define MOVE_MS 1000

/*
 * Many reapers of ours, while none of them ends: longer than what one waits for may stand still. A
 * runtime's delete that polls works for ever. They go on when nobody waits for them.
 */
#define REAPERS_MS 600000

/* From a cleanup that failed to the next try: podman may have had a bad moment. */
#define AGAIN_MS 1000

/* A question to podman about one container: a hundred cleanups at once take ten seconds. */
#define ASK_MS 20000

/* The question of its flags, and of its version: a job, or a person, waits for the answer. */
#define FLAGS_MS 5000

/*
 * One user's turn, where root looks as each: whoever holds up what looks as him, by a file system
 * of his own that never answers, does not hold up the others.
 */
#define TURN_MS 30000

/* One receptor, looked at as its user: podman may set up its storage first, and run a probe. */
#define RECEPTOR_MS (2 * STALL_MS)

#endif
