/* SPDX-License-Identifier: Apache-2.0 */
/* What conmon's command line tells. */
#include "../../helper/conmon_args.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define CID   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define WORDS 40

static struct conmon_args parse(const char *const list[])
{
	struct words words = {.word = (char **)(uintptr_t)list};
	struct conmon_args args;

	while (list[words.count])
		words.count++;
	conmon_args_parse(&words, &args);
	return args;
}

/* What podman 4.3 starts, but for the paths' length. */
static void test_podmans_own(void)
{
	struct conmon_args args = parse((const char *const[]){"/usr/bin/conmon",
							      "--api-version",
							      "1",
							      "-c",
							      CID,
							      "-u",
							      CID,
							      "-r",
							      "/usr/bin/runc",
							      "-b",
							      "/storage/userdata",
							      "-p",
							      "/pids/1-1.pid",
							      "-n",
							      "name",
							      "--exit-dir",
							      "/run/libpod/exits",
							      "--full-attach",
							      "-s",
							      "-l",
							      "k8s-file:/storage/ctr.log",
							      "--log-level",
							      "warning",
							      "--syslog",
							      "--runtime-arg",
							      "--log-format=json",
							      "--runtime-arg",
							      "--log",
							      "--runtime-arg=/storage/oci-log",
							      "-t",
							      "--conmon-pidfile",
							      "/pids/1-1.conmon.pid",
							      "--exit-command",
							      "/usr/bin/podman",
							      "--exit-command-arg",
							      "--root",
							      "--exit-command-arg",
							      "/var/lib/containers",
							      NULL});

	ok(!strcmp(args.cid, CID), "the container id");
	ok(!strcmp(args.session, CID), "the id of what it watches");
	ok(!strcmp(args.exit_dir, "/run/libpod/exits"), "where it says how the container ended");
	ok(!strcmp(args.runtime, "/usr/bin/runc"), "the runtime");
	ok(!strcmp(args.bundle, "/storage/userdata"), "the bundle");
	ok(!strcmp(args.pidfile, "/pids/1-1.pid"), "the container's pid file");
	ok(!strcmp(args.conmon_pidfile, "/pids/1-1.conmon.pid"), "conmon's pid file");
	ok(args.cleanups == 3 && !strcmp(args.cleanup[0], "/usr/bin/podman") &&
		   !strcmp(args.cleanup[1], "--root") &&
		   !strcmp(args.cleanup[2], "/var/lib/containers") && !args.cleanup[3],
	   "the exit command, word by word");
}

static const struct {
	const char *behaviour;
	const char *words[WORDS];
	const char *pidfile, *conmon_pidfile, *cid;
} rows[] = {
	{"nothing", {"conmon"}, "", "", ""},
	{"the long forms", {"conmon", "--container-pidfile", "/p", "--cid", CID}, "/p", "", CID},
	{"the short form of conmon's pid file", {"conmon", "-P", "/c"}, "", "/c", ""},
	{"the last of two counts", {"conmon", "-p", "/a", "-p", "/b"}, "/b", "", ""},
	{"a flag as the value of another is no flag",
	 {"conmon", "--exit-command-arg", "-p", "--exit-command-arg", "/p"},
	 "",
	 "",
	 ""},
	{"a pid file's flag as an argument of podman's cleanup is no flag",
	 {"conmon", "--exit-command-arg", "--conmon-pidfile", "--exit-command-arg", "/c"},
	 "",
	 "",
	 ""},
	{"a flag as the container's name is no flag",
	 {"conmon", "-n", "-p", "/p", "-P", "/c"},
	 "",
	 "/c",
	 ""},
	{"a flag as a runtime's argument is no flag",
	 {"conmon", "--runtime-arg", "-p", "--runtime-arg", "/p"},
	 "",
	 "",
	 ""},
	{"a flag without a value takes none",
	 {"conmon", "--terminal", "-p", "/p", "-i", "-P", "/c"},
	 "/p",
	 "/c",
	 ""},
	{"a word that is no flag is passed over", {"conmon", "1", "-p", "/p"}, "/p", "", ""},
	{"a flag with its value missing", {"conmon", "-P", "/c", "-p"}, "", "/c", ""},
	{"argv[0] is no flag", {"-p", "/p"}, "", "", ""},
	{"a container id that is none", {"conmon", "-c", "../../etc"}, "", "", ""},
	{"a container id in capitals", {"conmon", "-c", "ABCDEF"}, "", "", ""},
	{"a path in --flag=value of another flag",
	 {"conmon", "--runtime-arg=-p", "-p", "/p"},
	 "/p",
	 "",
	 ""},
	{"--log-path=… takes no word", {"conmon", "--log-path=-p", "-P", "/c"}, "", "/c", ""},
};

static void test_forms(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct conmon_args args = parse(rows[i].words);

		ok(!strcmp(args.pidfile, rows[i].pidfile) &&
			   !strcmp(args.conmon_pidfile, rows[i].conmon_pidfile) &&
			   !strcmp(args.cid, rows[i].cid),
		   "%s", rows[i].behaviour);
	}
}

static void test_session_and_exit_dir(void)
{
	struct conmon_args args = parse((const char *const[]){
		"conmon", "-u", "a", "--exit-dir", "/a", "--cuuid", "b", "--exit-dir", "/b", NULL});

	ok(!strcmp(args.session, "b") && !strcmp(args.exit_dir, "/b"),
	   "the last of two sessions, in the long form, and of two exit directories");
	args = parse((const char *const[]){"conmon", "-c", CID, NULL});
	ok(!args.session[0] && !args.exit_dir[0], "where they are missing they are empty");
	args = parse((const char *const[]){"conmon", "--exit-command-arg", "-u",
					   "--exit-command-arg", "--exit-dir", "-n", "-u", CID,
					   NULL});
	ok(!args.session[0] && !args.exit_dir[0], "as the values of other flags they are none");
}

static void test_many_arguments(void)
{
	const char *words[4 * RUN_WORDS + 2] = {"conmon", "--exit-command", "podman"};
	size_t count = 3;

	while (count < 4 * RUN_WORDS) {
		words[count++] = "--exit-command-arg";
		words[count++] = "x";
	}
	struct conmon_args args = parse(words);
	ok(args.cleanups == RUN_WORDS - 1 && !args.cleanup[RUN_WORDS - 1],
	   "an exit command that is too long is cut, and ends with NULL");
}

int main(void)
{
	test_podmans_own();
	test_forms();
	test_session_and_exit_dir();
	test_many_arguments();
	return done();
}
