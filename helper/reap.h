/* SPDX-License-Identifier: Apache-2.0 */
/* Ending a run: its container, conmon, runtime and podman, then its files. */
#ifndef PODLEASH_REAP_H
#define PODLEASH_REAP_H

#include "record.h"

/*
 * Ends what is left of @run and removes its files. The caller holds the record's lock: there is one
 * reaper at a time. Bounded in time; may be called again. Of a run of an earlier boot only the
 * files are removed, one of another namespace is left alone. Signals only what identity.h proves,
 * through handles. What is left is named in the log.
 */
enum reaped {
	REAPED,	     /* nothing is left, or what is left is somebody else's */
	REAPED_IDLE, /* nothing of it runs, but podman cannot clean up after it */
	NOT_REAPED,
};

enum reaped reap(struct run *run);

/*
 * Removes the files of a run whose podman, container and conmon have ended by themselves. False,
 * with nothing removed, where conmon's cleanup did not do its work, which reap() has to. Costs no
 * look through /proc.
 */
bool reap_finished(struct run *run);

#endif
