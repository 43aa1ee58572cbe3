/* SPDX-License-Identifier: Apache-2.0 */
/* The grace: how long a container may take to end after it was asked to. */
#ifndef PODLEASH_GRACE_H
#define PODLEASH_GRACE_H

#include <stdbool.h>

struct run;

/* Seconds where nobody says anything else (receptor gives up after 10). */
#define GRACE_DEFAULT 5
#define GRACE_MAX     3600

/* Parses a number of seconds, 0 to GRACE_MAX, into milliseconds. False where it is none. */
bool grace_parse(const char *text, int *grace_ms);

/* The same of what a command was given; says so on stderr where it is none. */
bool grace_given(const char *text, int *grace_ms);

/* PODLEASH_GRACE in milliseconds, -1: not set, or a bad one, which is logged as of @run. */
int grace_from_environment(const struct run *run);

/* What is said of a bad one, and GRACE_MAX. */
#define GRACE_IGNORED "PODLEASH_GRACE=%s: not a number of seconds from 0 to %d; ignored"

#endif
