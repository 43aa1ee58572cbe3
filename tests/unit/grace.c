/* SPDX-License-Identifier: Apache-2.0 */
/* How long a container may take to end: what is a number of seconds, and who says it. */
#include "../../helper/grace.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../helper/log.h"
#include "../../helper/tombstone.h"
#include "tap.h"

static void test_parse(void)
{
	static const struct {
		const char *text;
		int ms; /* -1: refused */
	} rows[] = {
		{"0", 0},
		{"1", 1000},
		{"5", 5000},
		{"3600", 3600000},
		{"010", 10000},
		{"3601", -1},
		{"4294967296", -1},
		{"4294967301", -1},
		{"18446744073709551616", -1},
		{"18446744073709551621", -1},
		{"", -1},
		{"-1", -1},
		{"+5", -1},
		{" 5", -1},
		{"5 ", -1},
		{"5\n", -1},
		{"5s", -1},
		{"0.5", -1},
		{"0x5", -1},
		{"soon", -1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int ms = -1;
		bool taken = grace_parse(rows[i].text, &ms);

		ok(taken == (rows[i].ms >= 0) && ms == rows[i].ms, "'%.*s' is %s",
		   (int)strcspn(rows[i].text, "\n"), rows[i].text, taken ? "taken" : "refused");
	}
}

/* What was written to @log since it was read last. */
static const char *read_log(int log)
{
	static char text[1024];
	ssize_t size = read(log, text, sizeof(text) - 1);

	text[size > 0 ? size : 0] = '\0';
	return text;
}

static void test_environment(void)
{
	static const char *const bad[] = {"soon", "-1", "3601", "5s"};
	char path[] = "/tmp/unit-grace.XXXXXX";
	int log = mkstemp(path);

	(void)setenv("PODLEASH_LOG", path, 1);
	log_init();
	(void)unsetenv("PODLEASH_GRACE");
	ok(grace_from_environment(NULL) == -1, "nobody has said it");
	(void)setenv("PODLEASH_GRACE", "", 1);
	ok(grace_from_environment(NULL) == -1, "an empty one says nothing");
	(void)setenv("PODLEASH_GRACE", "7", 1);
	ok(grace_from_environment(NULL) == 7000, "the environment says it");
	(void)setenv("PODLEASH_GRACE", "0", 1);
	ok(grace_from_environment(NULL) == 0, "also that there is none");
	ok(!read_log(log)[0], "nothing of that is logged");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char start[64];

		(void)setenv("PODLEASH_GRACE", bad[i], 1);
		ok(grace_from_environment(NULL) == -1, "%s says nothing", bad[i]);
		(void)snprintf(start, sizeof(start), ": PODLEASH_GRACE=%s: ", bad[i]);
		const char *line = strstr(read_log(log), start);
		ok(line && strchr(line, '\n') && !strchr(line, '\n')[1],
		   "%s is logged, in one line", bad[i]);
	}
	(void)close(log);
	(void)unlink(path);
}

static void test_of_run(void)
{
	struct run run;

	run_init(&run, -1, "1-1");
	ok(run_grace(&run) == GRACE_DEFAULT * 1000,
	   "a run of which nobody said it has the default");
	run.grace_ms = 0;
	ok(run_grace(&run) == 0, "none is none");
	run.grace_ms = 7000;
	ok(run_grace(&run) == 7000, "a run has its own");
}

int main(void)
{
	test_parse();
	test_environment();
	test_of_run();
	return done();
}
