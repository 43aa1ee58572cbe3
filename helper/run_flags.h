/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podman's command line behind `run`: which words are flags, which their values, and where the
 * image stands (podman-run(1); spf13/pflag's grammar: the first word that is no flag ends them).
 */
#ifndef PODLEASH_RUN_FLAGS_H
#define PODLEASH_RUN_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

struct run_flags {
	bool detach;
	bool remove;
	bool replace;		    /* refused where there is no name */
	bool restarts;		    /* --restart: podman starts the container again */
	const char *stop_timeout;   /* --stop-timeout, as given; "" */
	const char *conmon_pidfile; /* the last one given, as podman takes it; "" */
	const char *pidfile;	    /* the same */
	const char *cidfile;	    /* the same */
	const char *name;	    /* --name, "" */
	size_t image; /* index of the image; that of the closing NULL where there is none */
};

/* Reads @argv from the word behind index @run on. The strings are @argv's. Pure. */
void run_flags_parse(char *const argv[], size_t run, struct run_flags *flags);

/* Whether @name (long, without dashes) or @letter is a flag that stands without a value. Pure. */
bool run_flag_is_boolean(const char *name);
bool run_letter_is_boolean(char letter);

#endif
