/* SPDX-License-Identifier: Apache-2.0 */
/* Which cgroup is the container's own, by a /proc/PID/cgroup. */
#include "../../helper/freezer.h"

#include <string.h>

#include "tap.h"

#define CID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *behaviour, *text, *controller, *path, *own;
} rows[] = {
	{"v1: the freezer's", "7:pids:/a\n6:freezer:/libpod_parent/libpod-" CID "\n0::/b\n",
	 "freezer", "/libpod_parent/libpod-" CID, "/libpod_parent/libpod-" CID},
	{"v2: the one line", "0::/machine.slice/libpod-" CID ".scope/container\n", "",
	 "/machine.slice/libpod-" CID ".scope/container", "/machine.slice/libpod-" CID ".scope"},
	{"deep below it", "0::/libpod-" CID "/init.scope/a", "", "/libpod-" CID "/init.scope/a",
	 "/libpod-" CID},
	{"another controller's is not", "6:pids:/libpod-" CID "\n", "freezer", NULL, NULL},
	{"one whose name goes on is not", "6:freezer2:/libpod-" CID "\n", "freezer", NULL, NULL},
	{"v1's is not v2's", "6:freezer:/libpod-" CID "\n0::/\n", "", NULL, NULL},
	{"another container's is not", "0::/libpod-" CID "0\n", "", NULL, NULL},
	{"conmon's is not", "0::/machine.slice/libpod-conmon-" CID ".scope\n", "", NULL, NULL},
	{"one outside of our namespace is not", "0::/../libpod-" CID "\n", "", NULL, NULL},
	{"a line of its own looks like another", "0::/a:freezer:/libpod-" CID "\n", "freezer", NULL,
	 NULL},
	{"no line", "", "", NULL, NULL},
	{"no colon", "0\n\n1", "", NULL, NULL},
};

int main(void)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t own = freezer_path(rows[i].text, rows[i].controller, CID, path);

		ok(rows[i].path ? own == strlen(rows[i].own) && strcmp(path, rows[i].path) == 0
				: own == 0,
		   "%s", rows[i].behaviour);
	}
	ok(freezer_path("0::/libpod-\n", "", "", path) == 0, "no id is no container's");
	return done();
}
