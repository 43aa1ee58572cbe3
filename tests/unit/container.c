/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a stop signal reaches. */
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

/* What is true of SIGTERM is true of each, by its own bit. */
static void test_other_signals(void)
{
	const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, 32, 33, SIGRTMIN + 3, SIGRTMAX};

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		int signal = signals[i];
		uint64_t bit = 1ULL << (signal - 1);
		const struct proc_status catches = {.namespace_init = true, .caught = bit},
					 blocks = {.namespace_init = true, .blocked = bit},
					 others = {.namespace_init = true,
						   .caught = ~bit,
						   .blocked = ~bit},
					 ignores = {.ignored = bit}, plain = {.ignored = ~bit};

		ok(takes_signal(&catches, signal) && takes_signal(&blocks, signal),
		   "signal %d: an init that catches or blocks it takes it", signal);
		ok(!takes_signal(&others, signal),
		   "signal %d: an init that catches all others does not", signal);
		ok(!takes_signal(&ignores, signal) && takes_signal(&plain, signal),
		   "signal %d: any other takes it where it does not ignore it", signal);
	}
}

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ok(takes_signal(&rows[i].status, SIGTERM) == rows[i].takes, "SIGTERM: %s",
		   rows[i].behaviour);
	test_other_signals();
	return done();
}
