/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which words behind `podman run` are flags, which their values, and where the image stands.
 *
 * With the argument `global` or `run` it holds our table against the text of `podman --help` or
 * `podman run --help` on its stdin instead (tests/flags.bats).
 */
#include "../../helper/run_flags.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../preload/podman_command.h"
#include "tap.h"

#define WORDS 14

static const struct {
	const char *behaviour;
	const char *argv[WORDS]; /* behind `podman run`; the image is the word "image" */
	bool detach, remove, restarts, replace;
	const char *pidfile, *conmon_pidfile, *cidfile, *name, *stop_timeout; /* NULL: "" */
} rows[] = {
	{"no flags", {"image"}, .detach = false},
	{"no words", {NULL}, .detach = false},
	{"no image", {"--rm"}, .remove = true},
	{"a flag whose value is missing", {"--pidfile"}, .detach = false},
	{"a letter whose value is missing", {"-e"}, .detach = false},

	{"--rm", {"--rm", "image"}, .remove = true},
	{"--detach", {"--detach", "image"}, .detach = true},
	{"--detach=true", {"--detach=true", "image"}, .detach = true},
	{"--detach=1", {"--detach=1", "image"}, .detach = true},
	{"--detach=T", {"--detach=T", "image"}, .detach = true},
	{"--detach=false", {"--detach=false", "image"}, .detach = false},
	{"--detach=0", {"--detach=0", "image"}, .detach = false},
	{"--detach=F", {"--detach=F", "image"}, .detach = false},
	{"the last --detach counts", {"--detach", "--detach=false", "image"}, .detach = false},
	{"--purge, another name of --rm",
	 {"--purge", "-d", "image"},
	 .detach = true,
	 .remove = true},
	{"the last --rm counts", {"--rm=false", "--rm", "image"}, .remove = true},
	{"a boolean takes no next word", {"--detach", "image", "false"}, .detach = true},

	{"-d", {"-d", "image"}, .detach = true},
	{"-d=false", {"-d=false", "image"}, .detach = false},
	{"-d=true", {"-d=true", "image"}, .detach = true},
	{"-dit", {"-dit", "image"}, .detach = true},
	{"-itd", {"-itd", "image"}, .detach = true},
	{"-it", {"-it", "image"}, .detach = false},
	{"-itd=false", {"-itd=false", "image"}, .detach = false},
	{"a d in a letter's value", {"-ed", "image"}, .detach = false},
	{"a d in a value behind letters", {"-itwd", "image"}, .detach = false},
	{"a letter's value in the next word", {"-e", "-d", "image"}, .detach = false},
	{"letters, and the last one's value in the next word",
	 {"-ite", "-d", "image"},
	 .detach = false},
	{"-e=VALUE", {"-e=A=1", "image"}, .detach = false},

	{"--pidfile=FILE", {"--pidfile=/p", "image"}, .pidfile = "/p"},
	{"--pidfile FILE", {"--pidfile", "/p", "image"}, .pidfile = "/p"},
	{"the last --pidfile counts",
	 {"--pidfile=/p", "--pidfile", "/q", "image"},
	 .pidfile = "/q"},
	{"a pid file of no name", {"--pidfile=/p", "--pidfile=", "image"}, .detach = false},
	{"a pid file with an equals sign", {"--pidfile=/a=b", "image"}, .pidfile = "/a=b"},
	{"a pid file that looks like a flag", {"--pidfile", "--rm", "image"}, .pidfile = "--rm"},
	{"--conmon-pidfile=FILE", {"--conmon-pidfile=/c", "image"}, .conmon_pidfile = "/c"},
	{"--conmon-pidfile FILE", {"--conmon-pidfile", "/c", "image"}, .conmon_pidfile = "/c"},
	{"a user's pid files behind ours",
	 {"--conmon-pidfile=/c", "--pidfile=/p", "--pidfile", "/q", "--conmon-pidfile", "/d",
	  "image"},
	 .pidfile = "/q",
	 .conmon_pidfile = "/d"},
	{"--name=NAME", {"--name=web", "image"}, .name = "web"},
	{"--name NAME", {"--name", "web", "image"}, .name = "web"},

	{"--cidfile=FILE", {"--cidfile=/i", "image"}, .cidfile = "/i"},
	{"--cidfile FILE", {"--cidfile", "/i", "image"}, .cidfile = "/i"},
	{"the last --cidfile counts",
	 {"--cidfile=/i", "--cidfile", "/j", "image"},
	 .cidfile = "/j"},
	{"--stop-timeout=SECONDS", {"--stop-timeout=7", "image"}, .stop_timeout = "7"},
	{"--stop-timeout SECONDS", {"--stop-timeout", "7", "image"}, .stop_timeout = "7"},
	{"the last --stop-timeout counts",
	 {"--stop-timeout=7", "--stop-timeout=-1", "image"},
	 .stop_timeout = "-1"},
	{"--restart=always", {"--restart=always", "image"}, .restarts = true},
	{"--restart on-failure:3", {"--restart", "on-failure:3", "image"}, .restarts = true},
	{"--restart=unless-stopped", {"--restart=unless-stopped", "image"}, .restarts = true},
	{"--restart=no", {"--restart=no", "image"}, .restarts = false},
	{"--restart of nothing", {"--restart=", "image"}, .restarts = false},
	{"--restart without its value", {"--restart"}, .restarts = false},
	{"the last --restart counts",
	 {"--restart=always", "--restart", "no", "image"},
	 .restarts = false},
	{"the last --restart counts, which is a policy",
	 {"--restart=no", "--restart=always", "image"},
	 .restarts = true},
	{"--restart as another flag's value",
	 {"--env", "--restart=always", "image"},
	 .detach = false},
	{"--replace", {"--replace", "image"}, .replace = true},
	{"--replace=false", {"--replace=false", "image"}, .replace = false},
	{"the last --replace counts", {"--replace", "--replace=0", "image"}, .replace = false},
	{"--replace takes no next word",
	 {"--replace", "--rm", "image"},
	 .replace = true,
	 .remove = true},
	{"--restart takes the next word, whatever it is",
	 {"--restart", "--rm", "image"},
	 .restarts = true},

	{"a flag as another flag's value",
	 {"--env", "--detach", "--label", "--pidfile=/p", "image"},
	 .detach = false},
	{"a flag that only starts like ours", {"--pidfile-x=/p", "image"}, .detach = false},
	{"a flag that only ends like ours", {"--xpidfile=/p", "image"}, .detach = false},
	{"a flag of one dash is letters", {"-pidfile=/p", "image"}, .detach = false},
	{"an unknown flag takes a value", {"--unheard-of", "--rm", "image"}, .detach = false},
	{"an unknown flag with its value", {"--unheard-of=x", "--rm", "image"}, .remove = true},
	{"a flag of a name too long to matter",
	 {"--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "--rm",
	  "image"},
	 .detach = false},
	{"a global flag behind run", {"--log-level", "debug", "--rm", "image"}, .remove = true},
	{"a global boolean behind run", {"--syslog", "--rm", "image"}, .remove = true},

	{"-- ends the flags", {"--rm", "--", "image", "-d"}, .remove = true},
	{"-- as a value ends nothing", {"--env", "--", "--rm", "image"}, .remove = true},
	{"flags behind the image are the container's",
	 {"image", "--rm", "-d", "--pidfile=/p", "--conmon-pidfile", "/c", "--cidfile=/i",
	  "--restart=always", "--stop-timeout=7"},
	 .detach = false},
};

static bool same(const char *got, const char *expected)
{
	return !strcmp(got, expected ? expected : "");
}

static void test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *argv[WORDS + 2] = {"podman", "run"};
		struct run_flags flags;
		size_t image = 2;

		memcpy(argv + 2, rows[i].argv, WORDS * sizeof(*argv));
		while (argv[image] && strcmp(argv[image], "image"))
			image++;
		run_flags_parse((char *const *)(uintptr_t)argv, 1, &flags);
		ok(flags.detach == rows[i].detach && flags.remove == rows[i].remove &&
			   flags.restarts == rows[i].restarts && flags.replace == rows[i].replace,
		   "%s: detach, rm, restart, replace", rows[i].behaviour);
		ok(same(flags.pidfile, rows[i].pidfile) &&
			   same(flags.conmon_pidfile, rows[i].conmon_pidfile) &&
			   same(flags.cidfile, rows[i].cidfile) && same(flags.name, rows[i].name) &&
			   same(flags.stop_timeout, rows[i].stop_timeout),
		   "%s: the values", rows[i].behaviour);
		ok(flags.image == image, "%s: the image is word %zu, not %zu", rows[i].behaviour,
		   image, flags.image);
	}
}

static void test_index(void)
{
	const char *argv[] = {"podman", "--log-level", "info", "container", "run",
			      "-d",	"image",       "--rm", NULL};
	struct run_flags flags;

	run_flags_parse((char *const *)(uintptr_t)argv, 4, &flags);
	ok(flags.detach && !flags.remove && flags.image == 6,
	   "only the words behind `run` are looked at");
	const char *dash[] = {"podman", "run", "-", "--rm", NULL};
	run_flags_parse((char *const *)(uintptr_t)dash, 1, &flags);
	ok(flags.image == 2 && !flags.remove, "a single dash is no flag");
	const char *empty[] = {"podman", "run", "", "--rm", NULL};
	run_flags_parse((char *const *)(uintptr_t)empty, 1, &flags);
	ok(flags.image == 2 && !flags.remove, "an empty word is no flag");
}

/* Whatever the words are, the image lies within them and the strings are theirs or "". */
static void test_invariants(void)
{
	static const char *const pool[] = {
		"-",	 "--",	 "-d", "-e",  "--rm", "--pidfile", "--name", "--env=a",
		"image", "--x=", "-=", "--=", "",     "-d=",	   "---",    "-it"};
	size_t count = sizeof(pool) / sizeof(*pool), total = count * count * count * count;
	bool within = true, moved = true;

	for (size_t n = 0; n < total; n++) {
		const char *argv[] = {"podman",
				      "run",
				      pool[n % count],
				      pool[n / count % count],
				      pool[n / count / count % count],
				      pool[n / count / count / count],
				      NULL};
		const char *ours[] = {"podman",	      "run",   "--conmon-pidfile=/c",
				      "--pidfile=/p", argv[2], argv[3],
				      argv[4],	      argv[5], NULL};
		struct run_flags without, with;

		run_flags_parse((char *const *)(uintptr_t)argv, 1, &without);
		run_flags_parse((char *const *)(uintptr_t)ours, 1, &with);
		within = within && without.image >= 2 && without.image <= 6;
		moved = moved && with.image == without.image + 2 && with.detach == without.detach &&
			with.remove == without.remove && !strcmp(with.conmon_pidfile, "/c");
	}
	ok(within, "the image lies within the words, for %zu command lines", total);
	ok(moved, "our two flags change nothing but the image's place, for %zu command lines",
	   total);
}

/* One line of a Go program's help: "  -x, --name TYPE   text"; no TYPE, or TYPE[=x]: no value. */
struct help_line {
	char name[64], letter;
	bool takes_value;
};

static bool read_line(const char *line, struct help_line *flag)
{
	size_t blanks = strspn(line, " ");
	const char *at = line + blanks;

	flag->letter = 0;
	if (blanks < 2 || blanks > 6 || at[0] != '-')
		return false;
	if (at[1] != '-') {
		flag->letter = at[1];
		at += strspn(at + 2, ", ") + 2;
	}
	size_t length = strspn(at + 2, "abcdefghijklmnopqrstuvwxyz0123456789-");
	if (at[0] != '-' || at[1] != '-' || length == 0 || length >= sizeof(flag->name))
		return false;
	memcpy(flag->name, at + 2, length);
	flag->name[length] = '\0';
	at += 2 + length;
	size_t type = at[0] == ' ' && at[1] > ' ' ? strcspn(at + 1, " \n") : 0;
	flag->takes_value = type && !(at[type] == ']' && memmem(at + 1, type, "[=", 2));
	return true;
}

static const char *complaint(const struct help_line *flag, bool global)
{
	const struct podman_flag *entry = podman_global_flags;

	if (!global && run_flag_is_boolean(flag->name) == flag->takes_value)
		return flag->takes_value ? "takes a value" : "takes no value";
	if (!global && flag->letter && run_letter_is_boolean(flag->letter) == flag->takes_value)
		return flag->takes_value ? "its letter takes a value" : "its letter takes no value";
	if (!global)
		return NULL;
	while (entry->name && strcmp(entry->name, flag->name))
		entry++;
	if (!entry->name)
		return "is not in the table";
	if (entry->takes_value != flag->takes_value)
		return flag->takes_value ? "takes a value" : "takes no value";
	return flag->letter && entry->letter != flag->letter ? "has another letter" : NULL;
}

static int check_help(bool global)
{
	unsigned int flags = 0, wrong = 0;
	char line[4096];

	while (fgets(line, sizeof(line), stdin)) {
		struct help_line flag;

		if (!read_line(line, &flag))
			continue;
		flags++;
		const char *what = complaint(&flag, global);
		if (what)
			printf("--%s %s\n", flag.name, what);
		wrong += what != NULL;
	}
	printf("%u flags, %u wrong\n", flags, wrong);
	return wrong != 0;
}

int main(int argc, char *argv[])
{
	if (argc == 2)
		return check_help(!strcmp(argv[1], "global"));
	test_rows();
	test_index();
	test_invariants();
	return done();
}
