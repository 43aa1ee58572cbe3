/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks of `podleash doctor` share: what they look at, how they say what they found. */
#ifndef PODLEASH_DOCTOR_H
#define PODLEASH_DOCTOR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "receptor.h"
#include "receptor_conf.h"

#define PLACES_MAX 64
#define FIX_SIZE   (3 * PATH_MAX)

/* Paths, each once. */
struct places {
	struct {
		char path[PATH_MAX];
		bool is_made; /* a directory that `podleash run` makes: it need not be there */
	} item[PLACES_MAX];
	size_t count;
};

/* A configuration of receptor's. */
struct conf {
	char path[PATH_MAX];
	char *text; /* owned; NULL with @error where it cannot be read */
	int error;
	const struct receptor *receptor; /* whose it is, or NULL */
};

/* A work command of one. */
struct work {
	const struct conf *conf;
	struct work_command command;
	struct words words; /* of its command line; owned */
};

/* All of it lives as long as the process. */
struct doctor {
	bool json, probe;
	const char *image;	/* to probe with, or NULL */
	const char *given_conf; /* or NULL */
	const char *check;	/* the one at work */
	size_t failures;
	char fix[FIX_SIZE];

	char program[PATH_MAX]; /* this one */
	char podman[PATH_MAX];	/* once it is found, else "" */
	struct receptor receptor[RECEPTORS_MAX];
	size_t receptors;
	const struct receptor *own; /* the first that is our user's, or NULL */
	struct conf conf[RECEPTORS_MAX];
	size_t confs;
	struct work *work; /* owned */
	size_t works;

	/* what LD_PRELOAD and its like name, where receptor and its work commands are our user's */
	struct places libraries, helpers, directories;
};

enum verdict { OK, WARN, FAIL };

/*
 * Prints what the check found, printf-like, as one line or object, with @fix behind it: the
 * command that mends it, or shows more; NULL where all is well.
 */
__attribute__((format(printf, 4, 5))) void say(struct doctor *doctor, enum verdict verdict,
					       const char *fix, const char *format, ...);

/*
 * Makes such a command; each %s is quoted for the shell. `sudo ` is left out for root. Good until
 * the next call.
 */
__attribute__((format(printf, 2, 3))) const char *fix(struct doctor *doctor, const char *format,
						      ...);

/* Doctor, run by @user. As fix(). */
const char *fix_as(struct doctor *doctor, const char *user);

/* The name of @uid, or its number. Good until the next call. */
const char *user_name(uid_t uid);

/* Whether one of @variables (NAME=value) is an LD_PRELOAD with our library, a directory. */
bool names_library(char *const variables[]);
bool names_directory(char *const variables[]);

/*
 * Finds receptor, its configuration and what both name. Where a receptor of this user's runs, its
 * environment takes the place of the caller's: what is looked at is what its jobs see. The leash
 * is taken out of either: no podman that is asked here is leashed.
 */
void doctor_collect(struct doctor *doctor);

void check_library(struct doctor *doctor);
void check_environment(struct doctor *doctor);
void check_helper(struct doctor *doctor);
void check_directory(struct doctor *doctor);
void check_podman(struct doctor *doctor);
void check_probe(struct doctor *doctor);
void check_kernel(struct doctor *doctor);
void check_receptor(struct doctor *doctor);
void check_work_commands(struct doctor *doctor);
void check_guards(struct doctor *doctor);
void check_limits(struct doctor *doctor);

#endif
