/* SPDX-License-Identifier: Apache-2.0 */
/* A /proc/PID/cgroup: what is thawed is the container's own, and lies in the text. */
#include "../../helper/freezer.h"

#include "fuzz.h"

#define CID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void judge(const char *text, const char *controller)
{
	static const char name[] = "/libpod-" CID;
	char path[PATH_MAX];
	size_t own = freezer_path(text, controller, CID, path);

	if (!own)
		return;
	must(strstr(text, path) && !strstr(path, "/..") && !strchr(path, '\n'));
	must(own <= strlen(path) && (!path[own] || path[own] == '/'));
	path[own] = '\0';
	must(strncmp(strrchr(path, '/'), name, strlen(name)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	judge(text, "");
	judge(text, "freezer");
	free(text);
	return 0;
}
