/* SPDX-License-Identifier: Apache-2.0 */
/* What the leash itself is made of: the library, the variables, the helper, the directory. */
#include <dlfcn.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../preload/podman_command.h"
#include "../preload/resolve.h"
#include "doctor.h"
#include "grace.h"
#include "library.h"
#include "log.h"
#include "piddir.h"
#include "record.h"
#include "util.h"

#ifndef PODLEASH_INSTALL
#define PODLEASH_INSTALL "make install"
#endif

/* A library that an LD_PRELOAD names. Only our own is loaded: the other may be anyone's. */
static void check_named_library(struct doctor *doctor, const char *named, const char *own)
{
	/* a bare name and $LIB are ld.so's to find, ld.so(8) */
	bool is_path = named[0] == '/' && !strchr(named, '$');
	const char *problem = is_path ? library_problem(named) : NULL;

	if (problem)
		say(doctor, FAIL, fix(doctor, "sudo install -m 0755 %s %s", own, named),
		    "%s, which LD_PRELOAD names: %s; ld.so says so in the result of every job",
		    named, problem);
	else if (is_path && is_same_program(named, own))
		say(doctor, OK, NULL, "%s is what LD_PRELOAD names", named);
	else
		say(doctor, WARN, fix(doctor, "env LD_PRELOAD=%s /bin/true", named),
		    "%s, which LD_PRELOAD names, is not %s; see that the command prints nothing",
		    named, own);
}

void check_library(struct doctor *doctor)
{
	char own[PATH_MAX];

	library_find(doctor->program, own);
	const char *problem = library_problem(own);
	/* as podleash run does: what ld.so cannot load would print into a job's result */
	if (!problem && !dlopen(own, RTLD_NOW | RTLD_LOCAL))
		problem = dlerror();
	if (problem)
		say(doctor, FAIL, fix(doctor, "sudo " PODLEASH_INSTALL), "%s: %s", own, problem);
	else
		say(doctor, OK, NULL, "%s can be loaded", own);
	for (size_t i = 0; i < doctor->places; i++)
		if (doctor->place[i].kind == NAMED_LIBRARY)
			check_named_library(doctor, doctor->place[i].path, own);
}

void check_variables(struct doctor *doctor, char *const variables[], const char *whose)
{
	const char *grace = env_value(variables, "PODLEASH_GRACE");
	const char *log = env_value(variables, "PODLEASH_LOG"), *mend;
	int grace_ms;

	if (whose[0])
		mend = fix(doctor, "sudo vi %s", doctor->conf.path);
	else if (doctor->receptor)
		mend = fix(doctor, "sudo systemctl edit receptor");
	else
		mend = "unset PODLEASH_GRACE PODLEASH_LOG";
	if (grace && *grace && !grace_parse(grace, &grace_ms))
		say(doctor, WARN, mend, "%s" GRACE_IGNORED, whose, grace, GRACE_MAX);
	if (log && *log && *log != '/')
		say(doctor, WARN, mend,
		    "%sPODLEASH_LOG=%s: not an absolute path; ignored, see " LOG_OF_JOURNAL, whose,
		    log);
}

void check_environment(struct doctor *doctor)
{
	char **variables = doctor->environment;
	int pid = doctor->receptor ? doctor->receptor->pid : 0;

	if (!doctor->receptor)
		say(doctor, OK, NULL, "your own is looked at");
	else if (!names_library(variables))
		say(doctor, OK, NULL,
		    "receptor, pid %d: leashes nothing; each work command for itself", pid);
	else if (names_directory(variables))
		say(doctor, OK, NULL, "receptor, pid %d: leashes all that it starts", pid);
	else
		say(doctor, WARN, fix(doctor, "sudo systemctl edit receptor"),
		    "receptor, pid %d: LD_PRELOAD is set and RECEPTOR_PID_DIRECTORY is not: that "
		    "leashes nothing",
		    pid);
	check_variables(doctor, variables, "");
}

static void check_one_helper(struct doctor *doctor, const char *helper)
{
	if (!is_executable_file(helper))
		say(doctor, FAIL,
		    fix(doctor, "sudo install -m 0755 %s %s", doctor->program, helper),
		    "%s: no such program; containers are started without a leash", helper);
	else if (is_same_program(helper, doctor->program))
		say(doctor, OK, NULL, "%s", helper);
	else
		say(doctor, WARN, fix(doctor, "%s version", helper), "%s is not this program, %s",
		    helper, doctor->program);
}

void check_helper(struct doctor *doctor)
{
	bool named = false;

	for (size_t i = 0; i < doctor->places; i++) {
		if (doctor->place[i].kind != NAMED_HELPER)
			continue;
		named = true;
		check_one_helper(doctor, doctor->place[i].path);
	}
	if (!named && is_executable_file(doctor->program))
		say(doctor, OK, NULL, "%s, which podleash run names itself", doctor->program);
	else if (!named)
		say(doctor, FAIL, fix(doctor, "sudo systemctl edit receptor"),
		    "%s is out of the service's sight", doctor->program);
}

/* A directory that is refused, for @why. */
static void say_refused(struct doctor *doctor, const char *path, const char *why)
{
	const char *user = user_name(geteuid());
	struct stat st;

	if (lstat(path, &st))
		say(doctor, FAIL, fix(doctor, "sudo install -d -m 0700 -o %s %s", user, path),
		    "%s: %s", path, why);
	else if (S_ISDIR(st.st_mode) && st.st_uid != geteuid() && geteuid() == 0)
		say(doctor, WARN,
		    fix(doctor, "runuser -u %s -- %s doctor", user_name(st.st_uid),
			doctor->program),
		    "%s belongs to %s; who runs podman as %s runs doctor as well", path,
		    user_name(st.st_uid), user_name(st.st_uid));
	else if (S_ISDIR(st.st_mode) && st.st_uid != geteuid())
		say(doctor, FAIL, fix(doctor, "sudo chown %s %s", user, path), "%s: %s", path, why);
	else if (S_ISDIR(st.st_mode) && st.st_mode & (S_IWGRP | S_IWOTH) && !(st.st_mode & S_ISVTX))
		say(doctor, FAIL, fix(doctor, "chmod 0700 %s", path), "%s: %s", path, why);
	else
		say(doctor, FAIL, fix(doctor, "namei -l %s", path), "%s: %s", path, why);
}

static void check_one_directory(struct doctor *doctor, const char *path, bool is_made)
{
	const char *why;
	_cleanup_close_ int directory = piddir_open(path, &why);
	char boot[BOOT_ID_SIZE];
	struct stat st;

	if (directory < 0 && errno == ENOENT && is_made)
		say(doctor, OK, NULL, "%s is not there: podleash run makes it", path);
	else if (directory < 0 || fstat(directory, &st))
		say_refused(doctor, path, why);
	else if (access(path, R_OK | W_OK | X_OK))
		say(doctor, FAIL,
		    errno == EACCES ? fix(doctor, "chmod 0700 %s", path)
				    : fix(doctor, "findmnt -T %s", path),
		    "%s: %s", path, strerror(errno));
	else if (boot_name(directory, boot), !boot[0])
		say(doctor, FAIL, fix(doctor, "sudo systemctl edit receptor"), "%s: %s", path,
		    BOOT_UNKNOWN);
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		say(doctor, WARN, fix(doctor, "chmod 0700 %s", path),
		    "%s: mode %04o, others may look into it", path, st.st_mode & 07777U);
	else
		say(doctor, OK, NULL, "%s: yours alone", path);
}

/* Says where `podleash run` makes its directories, where a variable names another place. */
static void check_places(struct doctor *doctor)
{
	static const char *const variables[] = {"XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY"};
	char root[PATH_MAX], place[PATH_MAX];

	piddir_root(root, sizeof(root));
	for (size_t i = 0; geteuid() != 0 && i < ARRAY_SIZE(variables); i++) {
		const char *problem = piddir_place_problem(variables[i], place, sizeof(place));

		if (problem)
			say(doctor, WARN, fix(doctor, "namei -l %s", place),
			    "%s, which %s names: %s; podleash run uses %s instead", place,
			    variables[i], problem, root);
		else if (place[0])
			break;
	}
}

void check_directory(struct doctor *doctor)
{
	check_places(doctor);
	for (size_t i = 0; i < doctor->places; i++)
		if (doctor->place[i].kind == NAMED_DIRECTORY)
			check_one_directory(doctor, doctor->place[i].path,
					    doctor->place[i].is_made);
}
