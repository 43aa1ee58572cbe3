/* SPDX-License-Identifier: Apache-2.0 */
/* What receptor says of the leash: its daemon, its environment, its configuration. */
#include <fcntl.h>
#include <stdio.h>

#include "../preload/podman_command.h"
#include "../preload/resolve.h"
#include "doctor.h"
#include "file.h"
#include "library.h"
#include "piddir.h"
#include "util.h"

/* Where receptor's packages put it. */
#define DEFAULT_CONF "/etc/receptor/receptor.conf"
#define CONF_LIMIT   (1U << 20)

bool names_library(char *const variables[])
{
	const char *preload = env_value(variables, "LD_PRELOAD");
	size_t length;

	return preload && library_entry(preload, &length);
}

bool names_directory(char *const variables[])
{
	const char *directory = env_value(variables, "RECEPTOR_PID_DIRECTORY");

	return directory && *directory;
}

/* Adds the @length bytes at @path; one that has no room is not looked at. */
static void add_place(struct places *places, const char *path, size_t length, bool is_made)
{
	char copy[PATH_MAX];
	size_t i = 0;

	if (snprintf(copy, sizeof(copy), "%.*s", (int)length, path) >= (int)sizeof(copy))
		return;
	while (i < places->count && !equal(places->item[i].path, copy))
		i++;
	if (i < places->count) {
		places->item[i].is_made = places->item[i].is_made && is_made;
	} else if (i < PLACES_MAX) {
		memcpy(places->item[i].path, copy, sizeof(copy));
		places->item[i].is_made = is_made;
		places->count++;
	}
}

/* Adds what @variables name: an environment, or the words of a command line of env(1). */
static void add_named(struct doctor *doctor, char *const variables[])
{
	const char *preload = env_value(variables, "LD_PRELOAD");
	const char *directory = env_value(variables, "RECEPTOR_PID_DIRECTORY");
	const char *helper = env_value(variables, "PODLEASH_HELPER");
	size_t length;

	if (directory && *directory)
		add_place(&doctor->directories, directory, strlen(directory), false);
	preload = preload ? library_entry(preload, &length) : NULL;
	if (preload)
		add_place(&doctor->libraries, preload, length, false);
	if (!helper || !*helper)
		helper = preload ? PODLEASH_DEFAULT_HELPER : NULL;
	if (helper)
		add_place(&doctor->helpers, helper, strlen(helper), false);
}

/* Adds the directory that the `podleash run` among @words is given. */
static void add_made(struct doctor *doctor, const struct words *words)
{
	if (!words_podleash_run(words))
		return;
	for (char **word = words->word; *word; word++) {
		const char *directory =
			equal(*word, "--pid-dir") ? word[1] : after(*word, "--pid-dir=");

		if (directory && *directory)
			add_place(&doctor->directories, directory, strlen(directory), true);
	}
}

struct reading {
	struct doctor *doctor;
	const struct conf *conf;
};

static void add_work(const struct work_command *command, void *context)
{
	const struct reading *reading = context;
	struct doctor *doctor = reading->doctor;
	struct work *all = reallocarray(doctor->work, doctor->works + 1, sizeof(*all));
	struct work work = {.conf = reading->conf, .command = *command};

	if (!all)
		return;
	doctor->work = all;
	if (!work_command_words(command, &work.words))
		return;
	all[doctor->works++] = work;
	if (!work.conf->receptor || work.conf->receptor->own) {
		add_named(doctor, work.words.word);
		add_made(doctor, &work.words);
	}
}

static void read_conf(struct doctor *doctor, const struct receptor *receptor)
{
	struct conf *conf = &doctor->conf[doctor->confs++];
	struct reading reading = {doctor, conf};
	const char *path = doctor->given_conf		   ? doctor->given_conf
			   : receptor && receptor->conf[0] ? receptor->conf
							   : DEFAULT_CONF;

	conf->receptor = receptor;
	errno = 0;
	/* in a container it often is a symbolic link */
	if (realpath(path, conf->path))
		conf->text = read_file(AT_FDCWD, conf->path, CONF_LIMIT, NULL);
	else
		(void)snprintf(conf->path, sizeof(conf->path), "%s", path);
	conf->error = errno;
	if (conf->text)
		receptor_conf_read(conf->text, add_work, &reading);
}

void doctor_collect(struct doctor *doctor)
{
	char root[PATH_MAX];

	doctor->receptors = receptors_find(doctor->receptor);
	for (size_t i = 0; i < doctor->receptors; i++) {
		struct receptor *receptor = &doctor->receptor[i];

		if (receptor->own)
			add_named(doctor, receptor->environment.word);
		if (receptor->own && !doctor->own)
			doctor->own = receptor;
	}
	if (doctor->own)
		environ = doctor->own->environment.word;
	else
		add_named(doctor, environ);
	/* one that is given is the first one's: its daemon may be older than the file */
	for (size_t i = 0; i < doctor->receptors && (i == 0 || !doctor->given_conf); i++)
		read_conf(doctor, &doctor->receptor[i]);
	if (!doctor->receptors)
		read_conf(doctor, NULL);

	char **unleashed = environment_unleashed();
	environ = unleashed ? unleashed : environ;
	piddir_root(root, sizeof(root));
	add_place(&doctor->directories, root, strlen(root), true);
}

void check_receptor(struct doctor *doctor)
{
	if (!doctor->receptors)
		say(doctor, WARN, fix(doctor, "sudo systemctl start receptor"),
		    "none runs here, or none that you may see");
	for (size_t i = 0; i < doctor->receptors; i++) {
		const struct receptor *receptor = &doctor->receptor[i];
		const char *user = user_name(receptor->uid);

		if (receptor->uid == geteuid())
			say(doctor, OK, NULL, "pid %d, yours", (int)receptor->pid);
		else
			say(doctor, WARN, fix_as(doctor, user),
			    "pid %d is %s's, and all but this and its work commands was looked at "
			    "as %s",
			    (int)receptor->pid, user, geteuid() == 0 ? "root" : "you");
	}
}

static void check_work(struct doctor *doctor, const struct work *work)
{
	const struct receptor *receptor = work->conf->receptor;
	const char *name = work->command.worktype, *conf = work->conf->path;
	const char *leash = words_podleash_run(&work->words);
	char **words = work->words.word, **service = receptor ? receptor->environment.word : NULL;
	bool library = names_library(words) || names_library(service);
	bool directory = names_directory(words) || names_directory(service);

	if (!work->command.understood)
		say(doctor, WARN, fix(doctor, "sudo vi %s", conf),
		    "%s: %s is not understood: write it without {}, [], anchors and escapes", conf,
		    name[0] ? name : "a work command");
	else if (leash && leash[0] == '/' && !is_executable_file(leash))
		say(doctor, FAIL, fix(doctor, "sudo install -m 0755 %s %s", doctor->program, leash),
		    "%s: %s: no such program; its jobs fail", name, leash);
	else if (leash)
		say(doctor, OK, NULL, "%s: leashed by podleash run", name);
	else if (library && directory)
		say(doctor, OK, NULL, "%s: leashed by its environment", name);
	else if (!words_start_containers(&work->words))
		say(doctor, OK, NULL, "%s: not leashed; its words start no container", name);
	else if (library)
		say(doctor, FAIL, fix(doctor, "sudo vi %s", conf),
		    "%s: not leashed: LD_PRELOAD is set and RECEPTOR_PID_DIRECTORY is not", name);
	else
		say(doctor, WARN, fix(doctor, "sudo vi %s", conf),
		    "%s: not leashed; make podleash its command, and its params: run %s %s", name,
		    work->command.command, work->command.params);
}

void check_work_commands(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->confs; i++) {
		const struct conf *conf = &doctor->conf[i];

		if (conf->text)
			continue;
		say(doctor, doctor->given_conf ? FAIL : WARN,
		    fix(doctor, "sudo ls -lL %s", conf->path),
		    "%s: %s; name receptor's configuration by --receptor-conf", conf->path,
		    strerror(conf->error));
	}
	for (size_t i = 0; i < doctor->works; i++)
		check_work(doctor, &doctor->work[i]);
	if (!doctor->works && doctor->confs && doctor->conf[0].text)
		say(doctor, OK, NULL, "%s: it has none", doctor->conf[0].path);
}
