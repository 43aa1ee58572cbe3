/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>

#include "file.h"
#include "util.h"

#define RANDOM_LENGTH 6

bool run_name_valid(const char *name)
{
	size_t pid = strspn(name, "0123456789");

	if (pid < 1 || pid > 10 || name[pid] != '-')
		return false;
	size_t time = strspn(name + pid + 1, "0123456789abcdef");
	return time >= 1 && time <= 16 && name[pid + 1 + time] == '\0';
}

bool unit_name_valid(const char *name)
{
	size_t length = strlen(name);

	if (length < 1 || length >= UNIT_SIZE || name[0] == '.')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("._@:+-", *name))
			return false;
	return true;
}

struct file_name run_file(const char *run, const char *suffix)
{
	struct file_name name;

	(void)snprintf(name.text, sizeof(name.text), "%s%s", run, suffix);
	return name;
}

/* Whether @name is a run's name followed by @suffix; writes the former to @run. */
static bool is_of_run(const char *name, const char *suffix, char run[RUN_SIZE])
{
	size_t length = strlen(name), tail = strlen(suffix);

	if (length <= tail || length - tail >= RUN_SIZE || !equal(name + length - tail, suffix))
		return false;
	memcpy(run, name, length - tail);
	run[length - tail] = '\0';
	return run_name_valid(run);
}

/*
 * Whether @name is what a writer renames once it is complete: the record, as draft.c writes it; the
 * container's pid file, which runc calls .RUN.pid until then (libcontainer, createPidFile);
 * conmon's, which GLib gives six characters more (g_file_set_contents(3)). Who is killed leaves it.
 */
static bool is_temporary_of_run(const char *name, char run[RUN_SIZE])
{
	const char *random = strrchr(name, '.');
	char without[NAME_MAX + 1];

	if (name[0] == '.')
		return is_of_run(name + 1, RECORD_SUFFIX, run) ||
		       is_of_run(name + 1, CONTAINER_SUFFIX, run);
	if (!random || strlen(random + 1) != RANDOM_LENGTH)
		return false;
	(void)snprintf(without, sizeof(without), "%.*s", (int)(random - name), name);
	return is_of_run(without, CONMON_SUFFIX, run);
}

enum file_kind file_kind(const char *name, char run[RUN_SIZE])
{
	const char *unit = after(name, TOMBSTONE_PREFIX);
	size_t length = strlen(name), tail = strlen(CONTAINER_SUFFIX);

	if (is_of_run(name, RECORD_SUFFIX, run))
		return FILE_RECORD;
	if (is_of_run(name, CONMON_SUFFIX, run))
		return FILE_CONMON_PID;
	if (is_of_run(name, CONTAINER_SUFFIX, run))
		return FILE_CONTAINER_PID;
	if (is_of_run(name, ID_SUFFIX, run))
		return FILE_CONTAINER_ID;
	if (is_temporary_of_run(name, run))
		return FILE_TEMPORARY;
	run[0] = '\0';
	if (unit && unit_name_valid(unit))
		return FILE_TOMBSTONE;
	if (after(name, TOMBSTONE_TEMPORARY))
		return FILE_TEMPORARY;
	const char *answer = after(name, ANSWER_PREFIX);
	if (answer && answer[0] && !answer[strspn(answer, "0123456789abcdef-.")])
		return FILE_ANSWER;
	if (equal(name, DIRECTORY_MARK))
		return FILE_MARK;
	if (name[0] != '.' && length > tail && equal(name + length - tail, CONTAINER_SUFFIX))
		return FILE_PLAIN_PID;
	return FILE_FOREIGN;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

bool names_add(struct names *names, const char *name)
{
	void *larger = realloc(names->name, (names->count + 1) * sizeof(*names->name));

	if (!larger)
		return false;
	names->name = larger;
	(void)snprintf(names->name[names->count++], NAME_MAX + 1, "%s", name);
	return true;
}

bool names_read(int directory, struct names *names)
{
	int fd = file_open_directory(directory, ".");
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	*names = (struct names){0};
	if (!stream) {
		cleanup_close(&fd);
		return false;
	}
	while ((errno = 0, entry = readdir(stream)))
		if (!equal(entry->d_name, ".") && !equal(entry->d_name, "..") &&
		    !names_add(names, entry->d_name))
			break;
	int error = entry ? ENOMEM : errno;
	(void)closedir(stream);
	if (error) {
		names_free(names);
		errno = error;
		return false;
	}
	if (names->count)
		qsort(names->name, names->count, sizeof(*names->name), compare_names);
	return true;
}

void names_free(struct names *names)
{
	cleanup_free(&names->name);
	*names = (struct names){0};
}
