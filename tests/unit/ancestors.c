/* SPDX-License-Identifier: Apache-2.0 */
/* Who of those above holds a detached run. */
#include "../../helper/ancestors.h"

#include <string.h>

#include "../../helper/util.h"
#include "child.h"
#include "tap.h"

#define PIDS  "/run/pids"
#define CHAIN 5

static char ours[] = "RECEPTOR_PID_DIRECTORY=" PIDS;
static char longer[] = "RECEPTOR_PID_DIRECTORY=" PIDS "/";
static char none[] = "HOME=/root";

/* Which of @chain holds the run, where these are the variables that each was started with. */
static size_t topmost(char *const variables[CHAIN], struct ancestors *ancestors)
{
	size_t at;

	for (size_t i = 0; i < CHAIN && variables[i]; i++)
		ancestors->holder[i].id.pid = child_start_with(variables[i], false);
	at = (size_t)(ancestors_topmost(ancestors) - ancestors->holder);
	for (size_t i = 0; i < CHAIN; i++)
		child_end(ancestors->holder[i].id.pid);
	return at;
}

static void test_unknown(void)
{
	static const struct {
		const char *behaviour;
		char *variables[CHAIN]; /* the nearest first */
		size_t at;
	} rows[] = {
		{"nobody was started under the leash: the parent", {none, none, none}, 0},
		{"the parent alone was", {ours, none, none}, 0},
		{"the topmost that was, not the ones between", {ours, ours, ours, none}, 2},
		{"also above one that was not", {none, none, ours, none}, 2},
		{"one of another directory is none of it", {none, ours, longer, none}, 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ancestors ancestors = {.holders = 1};

		ok(topmost(rows[i].variables, &ancestors) == rows[i].at, "%s", rows[i].behaviour);
	}
	struct ancestors ancestors = {.holders = 1};
	char *const variables[CHAIN] = {none, ours};
	(void)unsetenv("RECEPTOR_PID_DIRECTORY");
	ok(topmost(variables, &ancestors) == 0, "without a directory of ours: the parent");
	(void)setenv("RECEPTOR_PID_DIRECTORY", PIDS, 1);
}

static void test_known(void)
{
	struct ancestors ancestors = {.holders = 2, .known = true};
	char *const variables[CHAIN] = {ours, none, ours, ours};

	ok(topmost(variables, &ancestors) == 1,
	   "the last that holds, a command-runner or podleash run, and nobody above it");
	ancestors.owner.id = (struct process){1, 1};
	ok(ancestors_topmost(&ancestors) == &ancestors.owner, "an owner that is none of them");
}

int main(void)
{
	(void)setenv("RECEPTOR_PID_DIRECTORY", PIDS, 1);
	test_unknown();
	test_known();
	return done();
}
