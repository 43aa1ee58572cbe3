/* SPDX-License-Identifier: Apache-2.0 */
#include "freezer.h"

#include <fcntl.h>
#include <stdio.h>

#include "util.h"

#define CGROUP_LIMIT (64U << 10)

static const struct freezer {
	const char *controller, *mount, *file, *thawed;
} freezers[] = {
	{"freezer", "/sys/fs/cgroup/freezer", "freezer.state", "THAWED"},
	{"", "/sys/fs/cgroup", "cgroup.freeze", "0"},
	{"", "/sys/fs/cgroup/unified", "cgroup.freeze", "0"}, /* beside v1 */
};

/* The path in a line "N:CONTROLLER:PATH", up to its end. NULL where it is another's. */
static const char *path_in_line(const char *line, const char *controller)
{
	const char *colon = strchr(line, ':');
	const char *rest = colon ? after(colon + 1, controller) : NULL;

	return rest && *rest == ':' ? rest + 1 : NULL;
}

/* The length of @path up to the end of the component libpod-CID; 0 where it has none. */
static size_t own_length(const char *path, const char *cid)
{
	char name[96];
	int length = snprintf(name, sizeof(name), "/libpod-%s", cid);
	const char *at = cid[0] ? strstr(path, name) : NULL;

	/* systemd's is libpod-CID.scope; "/.." leads out of our cgroup namespace */
	if (!at || !strchr("/.", at[length]) || strstr(path, "/.."))
		return 0;
	return (size_t)(at - path) + (size_t)length + strcspn(at + length, "/");
}

size_t freezer_path(const char *text, const char *controller, const char *cid, char path[PATH_MAX])
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *found = path_in_line(line, controller);
		size_t length = found ? strcspn(found, "\n") : 0;

		if (!found || length >= PATH_MAX)
			continue;
		(void)snprintf(path, PATH_MAX, "%.*s", (int)length, found);
		return own_length(path, cid);
	}
	return 0;
}

static void thaw(const struct freezer *freezer, const char *path, size_t length)
{
	char file[2 * PATH_MAX];

	(void)snprintf(file, sizeof(file), "%s%.*s/%s", freezer->mount, (int)length, path,
		       freezer->file);
	_cleanup_close_ int fd = open(file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	/* not there, or not ours to write: it stays frozen; the log says that it does not end */
	if (fd >= 0)
		(void)!write(fd, freezer->thawed, strlen(freezer->thawed));
}

/* The container's own, which runc freezes, and those below: crun freezes a `container` there. */
static void thaw_all(const struct freezer *freezer, const char *path, size_t own)
{
	size_t length = own;

	thaw(freezer, path, length);
	while (path[length]) {
		length += 1 + strcspn(path + length + 1, "/");
		thaw(freezer, path, length);
	}
}

void freezer_thaw(const struct handle *init, const char *cid)
{
	_cleanup_free_ char *text = proc_read(init->id.pid, "cgroup", CGROUP_LIMIT, NULL);
	char path[PATH_MAX];

	if (!text || !handle_alive(init)) /* read while it lived, it is the init's */
		return;
	for (size_t i = 0; i < ARRAY_SIZE(freezers); i++) {
		size_t own = freezer_path(text, freezers[i].controller, cid, path);

		if (own)
			thaw_all(&freezers[i], path, own);
	}
}
