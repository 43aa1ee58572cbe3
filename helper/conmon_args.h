/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conmon's command line, as podman composes it (libpod/oci_conmon_common.go) and
 * conmon reads it (conmon, src/cli.c).
 */
#ifndef PODLEASH_CONMON_ARGS_H
#define PODLEASH_CONMON_ARGS_H

#include "proc.h"
#include "record.h"

struct conmon_args {
	const char *cid;		/* -c; "" where it is no container id */
	const char *name;		/* -n: the container's */
	const char *session;		/* -u: the same, but for what podman exec started */
	const char *runtime;		/* -r */
	const char *bundle;		/* -b */
	const char *exit_dir;		/* --exit-dir: where conmon says how the container ended */
	const char *pidfile;		/* -p: the container init's */
	const char *conmon_pidfile;	/* --conmon-pidfile */
	const char *cleanup[RUN_WORDS]; /* --exit-command and each --exit-command-arg */
	size_t cleanups;
};

/* Reads @words, whose strings @args then points to. What is missing is "". Pure. */
void conmon_args_parse(const struct words *words, struct conmon_args *args);

#endif
