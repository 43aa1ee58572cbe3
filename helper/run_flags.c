/* SPDX-License-Identifier: Apache-2.0 */
#include "run_flags.h"

#include "../preload/podman_command.h"
#include "util.h"

/* Of podman 3.0 to 5.4, run's own; every other flag of run takes a value. */
static const char *const booleans[] = {
	"detach",
	"disable-content-trust",
	"env-host",
	"help",
	"http-proxy",
	"init",
	"interactive",
	"no-healthcheck",
	"no-hosts",
	"no-hostname",
	"oom-kill-disable",
	"passwd",
	"privileged",
	"publish-all",
	"purge", /* in no help: --rm's other name (podman, cmd/podman/utils/alias.go) */
	"quiet",
	"read-only",
	"read-only-tmpfs",
	"replace",
	"rm",
	"rmi",
	"rootfs",
	"sig-proxy",
	"tls-verify",
	"tty",
	"unsetenv-all",
};

bool run_letter_is_boolean(char letter)
{
	return letter && strchr("diPqt", letter);
}

bool run_flag_is_boolean(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(booleans); i++)
		if (equal(booleans[i], name))
			return true;
	/* global flags may stand behind the subcommand as well */
	for (const struct podman_flag *flag = podman_global_flags; flag->name; flag++)
		if (!flag->takes_value && equal(flag->name, name))
			return true;
	return false;
}

/* strconv.ParseBool of Go, which pflag uses; what it does not take fails the job anyway. */
static bool is_true(const char *value)
{
	return value[0] == '1' || value[0] == 't' || value[0] == 'T';
}

static void set_long(struct run_flags *flags, const char *name, const char *value)
{
	if (equal(name, "detach"))
		flags->detach = is_true(value);
	else if (equal(name, "rm") || equal(name, "purge"))
		flags->remove = is_true(value);
	else if (equal(name, "conmon-pidfile"))
		flags->conmon_pidfile = value;
	else if (equal(name, "pidfile"))
		flags->pidfile = value;
	else if (equal(name, "cidfile"))
		flags->cidfile = value;
	else if (equal(name, "replace"))
		flags->replace = is_true(value);
	else if (equal(name, "restart"))
		flags->restarts = value[0] && !equal(value, "no");
	else if (equal(name, "stop-timeout"))
		flags->stop_timeout = value;
	else if (equal(name, "name"))
		flags->name = value;
}

/* "--name", "--name=value" or "--name" and @next. Returns how many words it took. */
static size_t take_long(struct run_flags *flags, const char *word, const char *next)
{
	char name[64];
	size_t length = strcspn(word, "=");

	if (length >= sizeof(name))
		return word[length] ? 1 : 2; /* no flag that matters here */
	memcpy(name, word, length);
	name[length] = '\0';
	if (word[length]) {
		set_long(flags, name, word + length + 1);
		return 1;
	}
	if (run_flag_is_boolean(name)) {
		set_long(flags, name, "true");
		return 1;
	}
	set_long(flags, name, next ? next : "");
	return 2;
}

/* "-dit", "-d=false", "-eVALUE", or "-e" and the next word. Returns how many words it took. */
static size_t take_letters(struct run_flags *flags, const char *letters)
{
	for (; *letters; letters++) {
		if (!run_letter_is_boolean(*letters))
			return letters[1] ? 1 : 2;
		bool given = letters[1] == '=';
		if (*letters == 'd')
			flags->detach = !given || is_true(letters + 2);
		if (given)
			break;
	}
	return 1;
}

void run_flags_parse(char *const argv[], size_t run, struct run_flags *flags)
{
	size_t i = run + 1;

	*flags = (struct run_flags){
		.conmon_pidfile = "", .pidfile = "", .cidfile = "", .name = "", .stop_timeout = ""};
	while (argv[i] && argv[i][0] == '-' && argv[i][1]) {
		if (equal(argv[i], "--")) {
			i++;
			break;
		}
		size_t taken = argv[i][1] == '-' ? take_long(flags, argv[i] + 2, argv[i + 1])
						 : take_letters(flags, argv[i] + 1);
		i += taken == 2 && !argv[i + 1] ? 1 : taken;
	}
	flags->image = i;
}
