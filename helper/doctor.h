/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks of `podleash doctor` share: what they look at, how they say what they found. */
#ifndef PODLEASH_DOCTOR_H
#define PODLEASH_DOCTOR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "receptor.h"
#include "receptor_conf.h"
#include "usage.h"

#define FIX_SIZE (3 * PATH_MAX)

/* A path that the environment or a work command names; each once. */
struct place {
	enum place_kind { NAMED_LIBRARY, NAMED_HELPER, NAMED_DIRECTORY } kind;
	bool is_made;	     /* a directory that `podleash run` makes: it need not be there */
	char path[PATH_MAX]; /* cut where too long */
};

/* A configuration of receptor's. */
struct conf {
	char path[PATH_MAX];
	char *text; /* NULL with @error where it cannot be read */
	int error;
};

/* A work command of it. */
struct work {
	struct work_command command;
	struct words words; /* of its command line */
};

/* All of it lives as long as the process. */
struct doctor {
	bool json, probe;
	const char *image;	/* to probe with, or NULL */
	const char *given_conf; /* or NULL */
	const char *check;	/* the one at work */
	size_t failures;
	uid_t caller;
	char program[PATH_MAX]; /* this one */
	char podman[PATH_MAX];	/* once it is found, else "" */
	char fix[FIX_SIZE];

	struct receptor *all;
	size_t receptors;
	const struct receptor *receptor; /* that is looked at, or NULL: the caller's own */
	const char *outside;		 /* why its namespaces could not be entered, or NULL */
	struct usage usage;		 /* of its user */
	bool usage_known;
	size_t processes, inotify; /* its limits; 0: none, or not known */
	char **environment;	   /* of it, leash and all */

	struct conf conf;
	struct work *work;
	size_t works;
	struct place *place;
	size_t places;
};

enum verdict { OK, WARN, FAIL };

/*
 * Prints what the check found, printf-like, as one line or object, with @fix behind it: the
 * command that mends it, or shows more; NULL where all is well.
 */
__attribute__((format(printf, 4, 5))) void say(struct doctor *doctor, enum verdict verdict,
					       const char *fix, const char *format, ...);

/*
 * Makes such a command, for the caller; each %s is quoted for the shell. `sudo ` in front says that
 * it is root's to do, else it is done as the user who is looked at. Good until the next call.
 */
__attribute__((format(printf, 2, 3))) const char *fix(struct doctor *doctor, const char *format,
						      ...);

/* The name of @uid, or its number. Good until the next call. */
const char *user_name(uid_t uid);

/* Whether one of @variables (NAME=value) is an LD_PRELOAD with our library, a directory. */
bool names_library(char *const variables[]);
bool names_directory(char *const variables[]);

/* Reads the configuration @path. */
void conf_read(struct conf *conf, const char *path);

/*
 * Finds the configuration of the receptor that is looked at, and what that and its environment
 * name. The environment takes the place of the caller's: what is looked at is what its jobs see.
 * The leash is taken out of it: no podman that is asked here is leashed.
 */
void doctor_collect(struct doctor *doctor);

/* Says which of podleash's variables in @variables are ignored, as @whose. */
void check_variables(struct doctor *doctor, char *const variables[], const char *whose);

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

/* The guards of all this user's runs, as for users_call(); @context is a struct doctor. */
int check_user(void *context);

#endif
