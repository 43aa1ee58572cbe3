/* SPDX-License-Identifier: Apache-2.0 */
/* Whom SIGTERM reaches. */
#include "../../helper/container.h"

#include <signal.h>

#include "tap.h"

#define TERM (1ULL << (SIGTERM - 1))
#define KILL (1ULL << (SIGKILL - 1))

static const struct {
	const char *behaviour;
	struct proc_status status;
	bool takes;
} rows[] = {
	{"an init with default actions never gets it", {.namespace_init = true}, false},
	{"an init that ignores it does not", {.namespace_init = true, .ignored = TERM}, false},
	{"an init that catches it does", {.namespace_init = true, .caught = TERM}, true},
	{"an init that blocks and waits for it does",
	 {.namespace_init = true, .blocked = TERM},
	 true},
	{"an init that catches other signals does not",
	 {.namespace_init = true, .caught = ~TERM},
	 false},
	{"an init that blocks other signals does not",
	 {.namespace_init = true, .blocked = ~TERM},
	 false},
	{"an init with another signal's bit does not",
	 {.namespace_init = true, .caught = KILL | TERM << 1 | TERM >> 1},
	 false},
	{"any other process with default actions does", {0}, true},
	{"any other that ignores it does not", {.ignored = TERM}, false},
	{"any other that ignores other signals does", {.ignored = ~TERM}, true},
	{"any other that catches it does", {.caught = TERM}, true},
	{"any other that blocks it does", {.blocked = TERM}, true},
	{"one that blocks what it ignores may wait for it",
	 {.blocked = TERM, .ignored = TERM},
	 true},
};

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ok(takes_sigterm(&rows[i].status) == rows[i].takes, "SIGTERM: %s",
		   rows[i].behaviour);
	return done();
}
