/* SPDX-License-Identifier: Apache-2.0 */
#include "containers_conf.h"

#include <dirent.h>
#include <pwd.h>
#include <stdio.h>

#include "file.h"
#include "util.h"

/* Larger than any that is written by people. */
#define CONF_LIMIT (1U << 20)

static bool line_says_remote(const char *line)
{
	const char *key = strstr(line, "remote");

	return line[strspn(line, " \t")] != '#' && key && strstr(key, "true");
}

static bool file_says_remote(const char *path)
{
	_cleanup_free_ char *text = read_through(path, CONF_LIMIT, NULL);
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")))
		if (line_says_remote(line))
			return true;
	return false;
}

/* The same of the files in the directory @path, the first of which is written over it. */
static bool directory_says_remote(char path[PATH_MAX])
{
	size_t length = strlen(path), room = PATH_MAX - length;
	DIR *directory = opendir(path);
	const struct dirent *entry;
	bool says = false;

	while (directory && !says && (entry = readdir(directory))) {
		const char *suffix = strrchr(entry->d_name, '.');

		if (suffix && equal(suffix, ".conf") &&
		    snprintf(path + length, room, "/%s", entry->d_name) < (int)room)
			says = file_says_remote(path);
	}
	if (directory)
		(void)closedir(directory);
	return says;
}

/*
 * All that some podman from 3.0 on reads below one of its three directories (containers-common,
 * pkg/config/new.go; container-libs, storage/pkg/configfile).
 */
static bool place_says_remote(const char *directory, char path[PATH_MAX])
{
	static const char *const names[] = {"containers.conf", "containers.rootless.conf",
					    "containers.rootful.conf"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		(void)snprintf(path, PATH_MAX, "%s/%s", directory, names[i]);
		if (file_says_remote(path))
			return true;
		(void)snprintf(path, PATH_MAX, "%s/%s.d", directory, names[i]);
		if (directory_says_remote(path))
			return true;
		(void)snprintf(path, PATH_MAX, "%s/%s.d/%u", directory, names[i],
			       (unsigned int)geteuid());
		if (directory_says_remote(path))
			return true;
	}
	return false;
}

static bool home_says_remote(char path[PATH_MAX])
{
	const char *given = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	const struct passwd *user = home && *home ? NULL : getpwuid(geteuid());
	char directory[PATH_MAX];

	if (given && *given)
		(void)snprintf(directory, sizeof(directory), "%s/containers", given);
	else
		(void)snprintf(directory, sizeof(directory), "%s/.config/containers",
			       user	       ? user->pw_dir
			       : home && *home ? home
					       : "");
	return place_says_remote(directory, path);
}

/* What the environment names instead of these, or over them. */
static bool named_says_remote(const char *name, char path[PATH_MAX])
{
	(void)snprintf(path, PATH_MAX, "%s", name ? name : "");
	return path[0] && file_says_remote(path);
}

bool containers_conf_may_be_remote(char path[PATH_MAX])
{
	const char *instead = getenv("CONTAINERS_CONF");

	if (named_says_remote(getenv("CONTAINERS_CONF_OVERRIDE"), path))
		return true;
	if (instead && *instead)
		return named_says_remote(instead, path);
	return place_says_remote("/usr/share/containers", path) ||
	       place_says_remote("/etc/containers", path) || home_says_remote(path);
}
