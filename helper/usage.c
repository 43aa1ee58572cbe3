/* SPDX-License-Identifier: Apache-2.0 */
#include "usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "file.h"
#include "proc.h"
#include "util.h"

static size_t count_inotify(pid_t pid)
{
	char path[64], target[64];
	struct dirent *entry;
	size_t count = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *descriptors = opendir(path);
	while (descriptors && (entry = readdir(descriptors))) {
		ssize_t length =
			readlinkat(dirfd(descriptors), entry->d_name, target, sizeof(target) - 1);

		target[length > 0 ? length : 0] = '\0';
		count += equal(target, "anon_inode:inotify");
	}
	if (descriptors)
		(void)closedir(descriptors);
	return count;
}

static bool add_process(pid_t pid, void *context)
{
	struct usage *usage = context;
	struct proc_status status;
	char path[64];
	struct stat st;

	if (!proc_status(pid, &status) || status.uid != usage->uid)
		return true;
	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	/* a directory for each thread, besides the two that every directory has */
	if (stat(path, &st) == 0 && st.st_nlink > 2)
		usage->threads += st.st_nlink - 2;
	usage->inotify += count_inotify(pid);
	return true;
}

bool usage_take(uid_t uid, struct usage *usage)
{
	*usage = (struct usage){.uid = uid};
	return proc_each(add_process, usage);
}

size_t inotify_limit(void)
{
	_cleanup_free_ char *text =
		read_file(AT_FDCWD, "/proc/sys/fs/inotify/max_user_instances", 4096, NULL);

	return text ? strtoul(text, NULL, 10) : 0;
}
