/* SPDX-License-Identifier: Apache-2.0 */
/* What receptor says of the leash: its daemon, its environment, its configuration. */
#include <fcntl.h>
#include <stdio.h>

#include "../preload/podman_command.h"
#include "../preload/resolve.h"
#include "commands.h"
#include "doctor.h"
#include "file.h"
#include "given.h"
#include "library.h"
#include "log.h"
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

/* Adds the @length bytes at @path. */
static void add_place(struct doctor *doctor, enum place_kind kind, const char *path, size_t length,
		      bool is_made)
{
	struct place *place = doctor->place, *larger;

	for (; place < doctor->place + doctor->places; place++) {
		if (place->kind != kind || strncmp(place->path, path, length) ||
		    place->path[length])
			continue;
		place->is_made = place->is_made && is_made;
		return;
	}
	larger = reallocarray(doctor->place, doctor->places + 1, sizeof(*larger));
	if (!larger) {
		print_error("%s; not all could be looked at", strerror(errno));
		exit(EXIT_LEFT);
	}
	doctor->place = larger;
	place = &larger[doctor->places++];
	*place = (struct place){.kind = kind, .is_made = is_made};
	(void)snprintf(place->path, sizeof(place->path), "%.*s", (int)length, path);
}

/* Adds what @variables name: an environment, or the words of a command line of env(1). */
static void add_named(struct doctor *doctor, char *const variables[])
{
	const char *preload = env_value(variables, "LD_PRELOAD");
	const char *directory = env_value(variables, "RECEPTOR_PID_DIRECTORY");
	const char *helper = env_value(variables, "PODLEASH_HELPER");
	size_t length;

	if (directory && *directory)
		add_place(doctor, NAMED_DIRECTORY, directory, strlen(directory), false);
	preload = preload ? library_entry(preload, &length) : NULL;
	if (preload)
		add_place(doctor, NAMED_LIBRARY, preload, length, false);
	if (!helper || !*helper)
		helper = preload ? PODLEASH_DEFAULT_HELPER : NULL;
	if (helper)
		add_place(doctor, NAMED_HELPER, helper, strlen(helper), false);
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
			add_place(doctor, NAMED_DIRECTORY, directory, strlen(directory), true);
	}
}

static void add_work(const struct work_command *command, void *context)
{
	struct doctor *doctor = context;
	struct work *all = reallocarray(doctor->work, doctor->works + 1, sizeof(*all));
	struct work work = {.command = *command};

	if (!all)
		return;
	doctor->work = all;
	if (!work_command_words(command, &work.words))
		return;
	all[doctor->works++] = work;
	add_named(doctor, work.words.word);
	add_made(doctor, &work.words);
}

void conf_read(struct conf *conf, const char *path)
{
	errno = 0;
	/* in a container it often is a symbolic link */
	if (realpath(path, conf->path))
		conf->text = read_file(AT_FDCWD, conf->path, CONF_LIMIT, NULL);
	conf->error = errno;
	if (!conf->text)
		(void)piddir_absolute(path, conf->path); /* "" or cut is shown so */
}

static int add_found(const struct given *given, size_t count, void *context)
{
	for (size_t i = 0; i < count; i++)
		if (!given[i].hidden)
			add_place(context, NAMED_DIRECTORY, given[i].path, strlen(given[i].path),
				  true);
	return 0;
}

void doctor_collect(struct doctor *doctor)
{
	const struct receptor *receptor = doctor->receptor;
	char root[PATH_MAX];

	doctor->environment = receptor ? receptor->environment.word : environ;
	environ = doctor->environment;
	add_named(doctor, environ);
	if (!doctor->given_conf)
		conf_read(&doctor->conf,
			  receptor && receptor->conf[0] ? receptor->conf : DEFAULT_CONF);
	if (doctor->conf.text)
		receptor_conf_read(doctor->conf.text, add_work, doctor);

	char **unleashed = environment_unleashed();
	environ = unleashed ? unleashed : environ;
	piddir_root(root, sizeof(root));
	add_place(doctor, NAMED_DIRECTORY, root, strlen(root), true);
	(void)given_places(true, add_found, doctor); /* what is refused is said of each by then */
}

void check_receptor(struct doctor *doctor)
{
	const struct receptor *own = doctor->receptor;

	if (own && doctor->outside)
		say(doctor, WARN, fix(doctor, "sudo %s doctor", doctor->program),
		    "pid %d, %s's, is looked at from outside its mounts: %s", (int)own->pid,
		    user_name(own->uid), doctor->outside);
	else if (own)
		say(doctor, OK, NULL, "pid %d, %s's, is looked at from inside", (int)own->pid,
		    user_name(own->uid));
	else if (!doctor->receptors)
		say(doctor, WARN, fix(doctor, "sudo systemctl start receptor"),
		    "none runs here, or none that you may see");
	/* once is enough */
	for (size_t i = 0; i < doctor->receptors && (!own || own == doctor->all); i++)
		if (!doctor->all[i].environment.count)
			say(doctor, WARN, fix(doctor, "sudo %s doctor", doctor->program),
			    "pid %d is %s's, and only root may look into it",
			    (int)doctor->all[i].pid, user_name(doctor->all[i].uid));
}

/* Which of the words receptor's command line starts behind env(1), or `podleash run`. */
static size_t find_command(const struct work *work)
{
	const struct words *words = &work->words;
	size_t at = 0;
	bool run = false;

	if (words->count && equal(path_basename(words->word[0]), "env"))
		at++;
	for (; at < words->count; at++) {
		const char *word = words->word[at];

		if (run && equal(word, "--"))
			return at + 1;
		if (!run && equal(path_basename(word), "podleash") && at + 1 < words->count &&
		    equal(words->word[at + 1], "run"))
			run = ++at;
		else if (word[0] == '-')
			at += run && !strchr(word, '='); /* each has a value */
		else if (run || !strchr(word, '='))
			return at;
	}
	return 0;
}

/* Says of a work command that has the library what that does not see; "" where it sees all. */
static void find_escape(const struct doctor *doctor, const struct work *work, char *why,
			size_t size)
{
	size_t at = find_command(work);
	char *program = work->words.word[at], path[PATH_MAX];
	const char *found = search_path(program, path), *problem;

	why[0] = '\0';
	if (equal(path_basename(program), "podman")) {
		/* podleash run calls the library itself; env(1) has it where receptor has */
		if (!words_podleash_run(&work->words) &&
		    !(at && names_library(doctor->environment)))
			(void)snprintf(why, size,
				       "not leashed: nothing that has the library starts podman; "
				       "make podleash its command, and its params: run %s %s",
				       work->command.command, work->command.params);
	} else if (found && (problem = program_problem(found))) {
		(void)snprintf(why, size, "%s %s: no podman that it starts itself is leashed",
			       found, problem);
	}
}

static void check_work(struct doctor *doctor, const struct work *work)
{
	const char *name = work->command.worktype, *conf = doctor->conf.path;
	const char *leash = words_podleash_run(&work->words);
	char **words = work->words.word, **service = doctor->environment;
	bool library = names_library(words) || names_library(service);
	bool directory = names_directory(words) || names_directory(service);
	char path[PATH_MAX], escape[2 * PATH_MAX + 256], whose[256];
	const char *found = leash ? search_path(leash, path) : NULL;

	find_escape(doctor, work, escape, sizeof(escape));
	if (!work->command.understood)
		say(doctor, WARN, fix(doctor, "sudo vi %s", conf),
		    "%s: %s is not understood: write it without {}, [], anchors and escapes", conf,
		    name[0] ? name : "a work command");
	else if (leash && !found)
		say(doctor, FAIL, fix(doctor, "sudo vi %s", conf),
		    "%s: %s is not on PATH (%s); its jobs fail; write %s", name, leash,
		    getenv("PATH") ? getenv("PATH") : "not set", doctor->program);
	else if (leash && !is_executable_file(found))
		say(doctor, FAIL, fix(doctor, "sudo install -m 0755 %s %s", doctor->program, leash),
		    "%s: %s: no such program; its jobs fail", name, leash);
	else if ((leash || (library && directory)) && escape[0])
		say(doctor, WARN, fix(doctor, "sudo vi %s", conf), "%s: %s", name, escape);
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
	(void)snprintf(whose, sizeof(whose), "%s: ", name);
	check_variables(doctor, words, whose);
}

void check_work_commands(struct doctor *doctor)
{
	const struct conf *conf = &doctor->conf;

	if (!conf->text)
		say(doctor, doctor->given_conf ? FAIL : WARN,
		    fix(doctor, "sudo ls -lL %s", conf->path),
		    "%s: %s; name receptor's configuration by --receptor-conf", conf->path,
		    strerror(conf->error));
	else if (!doctor->works)
		say(doctor, OK, NULL, "%s: it has none", conf->path);
	for (size_t i = 0; i < doctor->works; i++)
		check_work(doctor, &doctor->work[i]);
}
