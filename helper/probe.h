/* SPDX-License-Identifier: Apache-2.0 */
/* A real container, leashed as `podleash run` does it, whose holder is killed. */
#ifndef PODLEASH_PROBE_H
#define PODLEASH_PROBE_H

#include <stddef.h>

/*
 * Runs `sleep` from @image by @podman (a path) under `@program run`, in a directory of its own
 * below
 * @root, where jobs have theirs, SIGKILLs that, and waits for the end of all that it started.
 * Returns NULL and writes to @ms after how many milliseconds nothing was left; else what went
 * wrong, which lies in @text.
 *
 * Podman is waited for as long as it moves (stall.h). Whatever came of it, the container is ended
 * and the directory removed; where that does not work @text says so. SIGHUP, SIGINT and SIGTERM end
 * it, and wait until it is. What a doctor leaves that is killed, the next sweep of @root removes.
 */
const char *probe(const char *program, const char *podman, const char *image, const char *root,
		  int *ms, char *text, size_t size);

#endif
