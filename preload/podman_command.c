/* SPDX-License-Identifier: Apache-2.0 */
#include "podman_command.h"

#include <string.h>

const struct podman_flag podman_global_flags[] = {
	{.name = "cdi-spec-dir", .takes_value = true},
	{.name = "cgroup-manager", .takes_value = true},
	{.name = "cni-config-dir", .takes_value = true},
	{.name = "config", .takes_value = true},
	{.name = "conmon", .takes_value = true},
	{.name = "connection", .letter = 'c', .takes_value = true, .no_run = true},
	{.name = "context", .takes_value = true, .no_run = true},
	{.name = "cpu-profile", .takes_value = true},
	{.name = "db-backend", .takes_value = true},
	{.name = "debug", .letter = 'D'},
	{.name = "default-mounts-file", .takes_value = true},
	{.name = "events-backend", .takes_value = true},
	{.name = "help", .letter = 'h', .no_run = true},
	{.name = "hooks-dir", .takes_value = true},
	{.name = "host", .letter = 'H', .takes_value = true, .no_run = true},
	{.name = "identity", .takes_value = true},
	{.name = "imagestore", .takes_value = true},
	{.name = "log-level", .takes_value = true},
	{.name = "max-workers", .takes_value = true},
	{.name = "memory-profile", .takes_value = true},
	{.name = "module", .takes_value = true},
	{.name = "namespace", .takes_value = true},
	{.name = "network-backend", .takes_value = true},
	{.name = "network-cmd-path", .takes_value = true},
	{.name = "network-config-dir", .takes_value = true},
	{.name = "noout"},
	{.name = "out", .takes_value = true},
	{.name = "pull-option", .takes_value = true},
	{.name = "registries-conf", .takes_value = true},
	{.name = "remote", .letter = 'r', .no_run = true},
	{.name = "root", .takes_value = true},
	{.name = "runroot", .takes_value = true},
	{.name = "runtime", .takes_value = true},
	{.name = "runtime-flag", .takes_value = true},
	{.name = "ssh", .takes_value = true},
	{.name = "storage-driver", .takes_value = true},
	{.name = "storage-opt", .takes_value = true},
	{.name = "syslog"},
	{.name = "tls-ca", .takes_value = true},
	{.name = "tls-cert", .takes_value = true},
	{.name = "tls-details", .takes_value = true},
	{.name = "tls-key", .takes_value = true},
	{.name = "tmpdir", .takes_value = true},
	{.name = "trace"},
	{.name = "transient-store"},
	{.name = "url", .takes_value = true, .no_run = true},
	{.name = "version", .letter = 'v', .no_run = true},
	{.name = "volumepath", .takes_value = true},
	{0},
};

/*
 * Finds the flag that @word ("--name", "--name=value", "-x", "-xVALUE") is.
 * Letters run together ("-vr") are not taken apart: no flag is found.
 */
static const struct podman_flag *find_flag(const char *word)
{
	const struct podman_flag *flag;

	if (word[1] != '-') {
		for (flag = podman_global_flags; flag->name; flag++)
			if (flag->letter && flag->letter == word[1] &&
			    (flag->takes_value || !word[2]))
				return flag;
		return NULL;
	}
	size_t length = strcspn(word + 2, "=");
	for (flag = podman_global_flags; flag->name; flag++)
		if (!strncmp(flag->name, word + 2, length) && !flag->name[length])
			return flag;
	return NULL;
}

/* Whether @word is complete in itself: the next word is not its value. */
static bool carries_value(const struct podman_flag *flag, const char *word)
{
	if (!flag->takes_value)
		return true;
	return word[1] == '-' ? strchr(word, '=') != NULL : word[2] != '\0';
}

/* The index of the first word from @i on that is no flag, or 0. *@unknown: a flag not known. */
static size_t skip_flags(char *const argv[], size_t i, char *const **unknown)
{
	for (; argv[i] && argv[i][0] == '-'; i++) {
		const struct podman_flag *flag = find_flag(argv[i]);

		if (!flag)
			*unknown = argv + i;
		if (!flag || (flag->no_run && strcmp(argv[i], "--remote=false") != 0))
			return 0;
		if (!carries_value(flag, argv[i]) && !argv[++i])
			return 0;
	}
	return argv[i] ? i : 0;
}

static bool has_word(char *const argv[], const char *word)
{
	for (; *argv; argv++)
		if (**argv == *word && !strcmp(*argv, word))
			return true;
	return false;
}

static size_t find_command(char *const argv[], char *const **unknown)
{
	*unknown = NULL;
	if (!argv || !argv[0])
		return 0;
	size_t i = skip_flags(argv, 1, unknown);
	return i && !strcmp(argv[i], "container") ? skip_flags(argv, i + 1, unknown) : i;
}

size_t podman_command_index(char *const argv[])
{
	char *const *unknown;

	return find_command(argv, &unknown);
}

static size_t index_of(char *const argv[], const char *command)
{
	/* few command lines have that word: the flags of most are never looked up */
	if (!argv || !argv[0] || !has_word(argv + 1, command))
		return 0;
	size_t i = podman_command_index(argv);
	return i && !strcmp(argv[i], command) ? i : 0;
}

size_t podman_run_index(char *const argv[])
{
	return index_of(argv, "run");
}

size_t podman_create_index(char *const argv[])
{
	return index_of(argv, "create");
}

bool podman_may_run(char *const argv[])
{
	char *const *unknown;

	(void)find_command(argv, &unknown);
	return unknown && has_word(unknown, "run");
}

const char *path_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool list_contains(const char *list, const char *name)
{
	size_t length = strlen(name);

	while (length) {
		size_t element = strcspn(list, ":");

		if (element == length && !memcmp(list, name, length))
			return true;
		if (!list[element])
			break;
		list += element + 1;
	}
	return false;
}

const char *env_value(char *const env[], const char *name)
{
	size_t length = strlen(name);

	for (; env && *env; env++)
		if (!strncmp(*env, name, length) && (*env)[length] == '=')
			return *env + length + 1;
	return NULL;
}
