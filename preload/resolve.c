/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve.h"

#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "podman_command.h"
#include "text.h"

bool is_executable_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

const char *search_path(const char *file, char buffer[PATH_MAX])
{
	const char *path = env_value(environ, "PATH");
	size_t name = strlen(file);

	if (strchr(file, '/'))
		return file;
	for (path = path ? path : "/bin:/usr/bin";; path++) {
		size_t length = strcspn(path, ":");

		if (length + name + 2 <= PATH_MAX) {
			memcpy(buffer, path, length);
			buffer[length] = '/';
			/* an empty element is the working directory */
			memcpy(buffer + length + (length > 0), file, name + 1);
			if (is_executable_file(buffer))
				return buffer;
		}
		path += length;
		if (!*path)
			return NULL;
	}
}

const char *path_of_fd(int fd, const char *name, char buffer[PATH_MAX])
{
	char link[32];
	size_t tail = strlen(name);
	struct stat by_fd, by_path;
	ssize_t length;

	if (fd < 0)
		return NULL;
	*put_number(put_text(link, "/proc/self/fd/"), (uint64_t)fd, 10) = '\0';
	length = readlink(link, buffer, PATH_MAX);
	if (length <= 0 || buffer[0] != '/' || (size_t)length + tail + 2 > PATH_MAX)
		return NULL;
	buffer[length] = '\0';
	if (stat(link, &by_fd) || stat(buffer, &by_path) || by_fd.st_ino != by_path.st_ino ||
	    by_fd.st_dev != by_path.st_dev)
		return NULL;
	if (tail) {
		buffer[length++] = '/';
		memcpy(buffer + length, name, tail + 1);
	}
	return buffer;
}

const char *program_find(const struct program *program, char buffer[PATH_MAX])
{
	if (program->by == BY_FD)
		return path_of_fd(program->fd, program->file, buffer);
	return program->by == BY_NAME ? search_path(program->file, buffer) : program->file;
}
