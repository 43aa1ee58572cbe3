/* SPDX-License-Identifier: Apache-2.0 */
/* What the leash rests on outside of itself: podman, the kernel, living guards, room for more. */
#include <stdio.h>

#include "../preload/resolve.h"
#include "commands.h"
#include "containers_conf.h"
#include "doctor.h"
#include "given.h"
#include "identity.h"
#include "piddir.h"
#include "podman.h"
#include "probe.h"
#include "util.h"

/* What a start of podman takes for a moment; then conmon and the guard stay. */
#define SPARE_THREADS 64
#define SPARE_INOTIFY 8 /* conmon takes one or two, for as long as its container runs */

static bool has_apt(void)
{
	return access("/usr/bin/apt-get", X_OK) == 0;
}

static const char *fix_podman(struct doctor *doctor)
{
	return has_apt() ? fix(doctor, "sudo apt-get install podman")
			 : fix(doctor, "sudo dnf install podman");
}

/* Whether the podman @path works on another machine: the environment, or a configuration, says so.
 */
static bool say_elsewhere(struct doctor *doctor, const char *path)
{
	static const char *const variables[] = {"CONTAINER_HOST", "CONTAINER_CONNECTION"};
	bool elsewhere = podman_is_elsewhere(path, NULL, 0, environ), said = false;
	char conf[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		if (!getenv(variables[i]))
			continue;
		said = true;
		say(doctor, WARN,
		    doctor->receptor ? fix(doctor, "sudo systemctl edit receptor")
				     : fix(doctor, "unset %s", variables[i]),
		    elsewhere ? "%s is set: podman runs on another machine, and is not leashed"
			      : "%s is set, which this podman does not heed: it runs here, and is "
				"not "
				"leashed",
		    variables[i]);
	}
	if (elsewhere && !said && containers_conf_may_be_remote(conf))
		say(doctor, WARN, fix(doctor, "sudo vi %s", conf),
		    "%s says remote = true: podman runs on another machine, and is not leashed",
		    conf);
	else if (elsewhere && !said)
		say(doctor, WARN, fix_podman(doctor),
		    "%s is built for other machines alone, and is not leashed", path);
	return elsewhere;
}

void check_podman(struct doctor *doctor)
{
	char found[PATH_MAX], version[64];
	const char *path = search_path("podman", found);

	if (!path) {
		say(doctor, FAIL, fix_podman(doctor), "not found on PATH: %s",
		    getenv("PATH") ? getenv("PATH") : "not set");
		return;
	}
	(void)snprintf(doctor->podman, sizeof(doctor->podman), "%s", path);
	if (say_elsewhere(doctor, path))
		return;
	podman_version(path, environ, version, sizeof(version));
	switch (podman_knows(-1, "", path, environ)) {
	case PODMAN_DOES_NOT_START:
	case PODMAN_DOES_NOT_ANSWER:
		say(doctor, FAIL, fix(doctor, "%s run --help", path),
		    "%s could not be asked for its flags", path);
		break;
	case PODMAN_KNOWS_NEITHER:
		say(doctor, FAIL, fix(doctor, "%s run --help", path),
		    "%s: %s takes no --conmon-pidfile; nothing that it runs is leashed", path,
		    version);
		break;
	case PODMAN_KNOWS_CONMON_PIDFILE:
		say(doctor, WARN, fix_podman(doctor),
		    "%s: %s does not know --pidfile; containers are found by their conmon alone",
		    path, version);
		break;
	case PODMAN_CANNOT_WRITE: /* into no directory */
	case PODMAN_KNOWS_BOTH:
		say(doctor, OK, NULL, "%s: %s, knows --conmon-pidfile and --pidfile", path,
		    version);
		break;
	}
}

/* Where jobs have their directories: the environment's comes first, there is always the root. */
static const char *first_directory(const struct doctor *doctor)
{
	size_t i = 0;

	while (i + 1 < doctor->places && doctor->place[i].kind != NAMED_DIRECTORY)
		i++;
	return doctor->place[i].path;
}

void check_probe(struct doctor *doctor)
{
	char image[1024], why[1024];
	int ms;

	if (!doctor->probe)
		return;
	if (!doctor->podman[0]) {
		say(doctor, FAIL, fix_podman(doctor), "no podman to probe with");
		return;
	}
	if (doctor->image)
		(void)snprintf(image, sizeof(image), "%s", doctor->image);
	else if (!podman_first_image(doctor->podman, environ, image, sizeof(image))) {
		say(doctor, FAIL, fix(doctor, "%s images", doctor->podman), "%s images fails: %s",
		    doctor->podman, image);
		return;
	}
	if (!image[0])
		say(doctor, FAIL, fix(doctor, "%s pull docker.io/library/busybox", doctor->podman),
		    "there is no image to make a container of");
	else if (probe(doctor->program, doctor->podman, image, first_directory(doctor), &ms, why,
		       sizeof(why)))
		say(doctor, FAIL,
		    fix(doctor, "%s run --rm --network=none --entrypoint=sleep %s 1",
			doctor->podman, image),
		    "%s: %s", image, why);
	else
		say(doctor, OK, NULL,
		    "%s: a container ran, its holder was killed, after %d ms nothing was left",
		    image, ms);
}

void check_kernel(struct doctor *doctor)
{
	struct handle self;
	bool open = handle_open(&self, getpid());

	if (open && self.fd >= 0)
		say(doctor, OK, NULL, "it has pidfds");
	else
		say(doctor, WARN,
		    has_apt() ? fix(doctor, "sudo apt-get dist-upgrade")
			      : fix(doctor, "sudo dnf upgrade kernel"),
		    "no pidfds, which Linux 5.3 brings: a pid is compared before each signal");
	handle_close(&self);
}

struct patrol {
	struct doctor *doctor;
	size_t runs, bad;
	bool hidden; /* the directories: given.h */
};

static void patrol_record(struct patrol *patrol, int directory, const char *path, const char *name)
{
	struct doctor *doctor = patrol->doctor;
	char file[PATH_MAX + RUN_SIZE];
	_cleanup_run_ struct run run;
	const char *why;

	(void)snprintf(file, sizeof(file), "%s/%s%s", path, name, RECORD_SUFFIX);
	bool good = record_open(&run, directory, name, false, &why);
	if (!good && errno == ENOENT)
		return; /* it ended just now */
	patrol->runs++;
	enum run_place place = good ? run_place(&run) : PLACE_HERE;
	if (good && place == PLACE_HERE && !record_is_unguarded(directory, name))
		return;
	patrol->bad++;
	if (!good)
		say(doctor, FAIL, fix(doctor, "rm %s", file),
		    "%s: %s; a container of it ends only with all of %s, by podleash cancel", file,
		    why, path);
	else if (place == PLACE_ELSEWHERE || patrol->hidden)
		say(doctor, WARN, NULL, "%s, unit %s: %s", file, run.unit, ELSEWHERE);
	else if (place == PLACE_HERE)
		say(doctor, FAIL, fix(doctor, "%s sweep %s", doctor->program, path),
		    "%s, unit %s: it has no guard", file, run.unit);
	else
		say(doctor, WARN, fix(doctor, "%s sweep %s", doctor->program, path),
		    "%s, unit %s: of an earlier boot", file, run.unit);
}

static void patrol_directory(int directory, const char *path, void *context)
{
	char run[RUN_SIZE];
	_cleanup_names_ struct names names;

	(void)names_read(directory, &names); /* it may have been removed just now */
	for (size_t i = 0; i < names.count; i++)
		if (file_kind(names.name[i], run) == FILE_RECORD)
			patrol_record(context, directory, path, run);
}

void check_guards(struct doctor *doctor)
{
	struct patrol patrol = {.doctor = doctor};

	for (size_t i = 0; i < doctor->places; i++) {
		const char *path = doctor->place[i].path, *why;
		_cleanup_close_ int directory =
			doctor->place[i].kind == NAMED_DIRECTORY ? piddir_open(path, &why) : -1;
		struct given given = {.directory = directory, .usual = true};

		if (directory < 0)
			continue; /* the directory's own check says why */
		(void)snprintf(given.path, sizeof(given.path), "%s", path);
		patrol_directory(directory, path, &patrol);
		(void)given_each_unit(&given, patrol_directory, &patrol);
	}
	if (!patrol.bad)
		say(doctor, OK, NULL, "%zu runs, none without its guard", patrol.runs);
}

static int patrol_places(const struct given *given, size_t count, void *context)
{
	struct patrol *patrol = context;

	for (size_t i = 0; i < count; i++) {
		patrol->hidden = given[i].hidden;
		patrol_directory(given[i].directory, given[i].path, patrol);
		patrol->bad += given_each_unit(&given[i], patrol_directory, patrol);
	}
	return 0;
}

int check_user(void *context)
{
	struct doctor *doctor = context;
	struct patrol patrol = {.doctor = doctor};

	doctor->check = "guards";
	doctor->receptor = NULL;
	bool all = given_places(true, patrol_places, &patrol) != EXIT_LEFT;
	if (!all)
		say(doctor, WARN, fix(doctor, "%s list", doctor->program),
		    "%s: not all directories can be looked at", user_name(geteuid()));
	if (patrol.runs && !patrol.bad)
		say(doctor, OK, NULL, "%s: %zu runs, none without its guard", user_name(geteuid()),
		    patrol.runs);
	return doctor->failures ? EXIT_LEFT : 0;
}

/* Whether there is room for @spare more of @what where @used of @limit are taken. */
static void say_room(struct doctor *doctor, const char *fix, const char *what, size_t used,
		     size_t limit, size_t spare)
{
	bool enough = used + spare <= limit;

	say(doctor,
	    enough	   ? OK
	    : used < limit ? WARN
			   : FAIL,
	    enough ? NULL : fix, "%s: %zu of %zu taken%s", what, used, limit,
	    enough ? "" : "; the next job may not start");
}

void check_limits(struct doctor *doctor)
{
	pid_t limited = doctor->receptor ? doctor->receptor->pid : getpid();
	char pid[16];

	if (!doctor->usage_known) {
		say(doctor, WARN, fix(doctor, "findmnt /proc"), "/proc does not show all of yours");
		return;
	}
	(void)snprintf(pid, sizeof(pid), "%d", (int)limited);
	if (geteuid() == 0 || !doctor->processes)
		say(doctor, OK, NULL, "processes: no limit");
	else
		say_room(doctor, fix(doctor, "sudo prlimit --nproc=unlimited --pid %s", pid),
			 "processes and threads", doctor->usage.threads, doctor->processes,
			 SPARE_THREADS);
	if (doctor->inotify)
		say_room(doctor, fix(doctor, "sudo sysctl fs.inotify.max_user_instances=1024"),
			 "inotify instances", doctor->usage.inotify, doctor->inotify,
			 SPARE_INOTIFY);
}
