/* SPDX-License-Identifier: Apache-2.0 */
/* Ending a run: its container, conmon, runtime and podman, then its files. */
#ifndef PODLEASH_REAP_H
#define PODLEASH_REAP_H

#include "record.h"

/* Seconds from SIGTERM to SIGKILL where PODLEASH_GRACE says nothing (receptor gives up after 10).
 */
#define GRACE_DEFAULT 5
#define GRACE_MAX     3600

/* Parses a number of seconds, 0 to GRACE_MAX, into milliseconds. False where it is none. */
bool grace_parse(const char *text, int *grace_ms);

/* PODLEASH_GRACE in milliseconds; a bad one is logged and stands for the default. */
int grace_from_environment(void);

/*
 * Ends what is left of @run and removes its files. The caller holds the record's
 * lock: there is one reaper at a time. Bounded in time; may be called again. Of a
 * run of an earlier boot only the files are removed.
 * @grace_ms is what a cancel that stops @run does not say (run_grace()).
 * Signals only what identity.h proves to be of the run, through handles. Returns
 * true when nothing is left, else false with what is left named in the log.
 */
bool reap(struct run *run, int grace_ms);

/*
 * Removes the files of a run that came to its end by itself: podman, the container
 * and conmon are gone. Returns false, with nothing removed, where conmon's cleanup
 * did not do its work and reap() has to look after it. Costs no look through /proc.
 */
bool reap_finished(struct run *run);

#endif
