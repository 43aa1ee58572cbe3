/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pid files without a record: AWX's container_options, a helper that was not there, a damaged
 * record. conmon is their only proof: it must carry the very file as --conmon-pidfile or -p.
 */
#ifndef PODLEASH_PLAIN_H
#define PODLEASH_PLAIN_H

#include "record.h"

/*
 * Finds the living conmon that carries the pid file @name of @directory and fills @run from its
 * command line, as far as reap() needs it; @unit is kept by reference. False where there is none,
 * or with a shortage in errno (util.h) it could not be told.
 */
bool plain_find(struct run *run, int directory, const char *name, const char *unit);

/* Removes those that the conmon of @run carried; whether they are gone, else the log says which. */
bool plain_remove(const struct run *run);

/*
 * Names in the log what of @names in @directory (at @path) is nobody's: files that are not
 * podleash's, and plain pid files without a living conmon. Counts them in @found (log.h).
 */
void plain_log_foreign(int directory, const char *path, const struct names *names, size_t *found);

/* Whether the pid file @name holds the pid of no living process; false where not all are seen. */
bool plain_is_stale(int directory, const char *name);

#endif
