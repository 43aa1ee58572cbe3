/* SPDX-License-Identifier: Apache-2.0 */
/* Which command lines are a local `podman run`, and where `run` stands in them. */
#include "../../preload/podman_command.h"

#include <string.h>

#include "tap.h"

#define WORDS 12

static const struct {
	const char *behaviour;
	char *argv[WORDS];
	size_t index;
} command_lines[] = {
	{"run is found", {"podman", "run", "image"}, 1},
	{"run is found without an image", {"podman", "run"}, 1},
	{"container run is found", {"podman", "container", "run", "image"}, 2},
	{"argv[0] may be any word", {"", "run", "image"}, 1},
	{"argv[0] is no flag", {"--remote", "run", "image"}, 1},

	{"no words at all", {NULL}, 0},
	{"no subcommand", {"podman"}, 0},
	{"run as argv[0] is no subcommand", {"run", "image"}, 0},
	{"another subcommand", {"podman", "ps"}, 0},
	{"another subcommand's run", {"podman", "exec", "run"}, 0},
	{"another noun's run", {"podman", "pod", "run"}, 0},
	{"container without a verb", {"podman", "container"}, 0},
	{"another verb of container", {"podman", "container", "exec", "run"}, 0},
	{"container is said once", {"podman", "container", "container", "run"}, 0},
	{"run is not a noun", {"podman", "run", "run"}, 1},
	{"a longer word is not run", {"podman", "runx"}, 0},
	{"a shorter word is not run", {"podman", "ru"}, 0},
	{"runlabel is not run", {"podman", "container", "runlabel", "run"}, 0},
	{"an upper-case word is not run", {"podman", "RUN"}, 0},
	{"an empty word is no subcommand", {"podman", "", "run"}, 0},

	{"a boolean flag", {"podman", "--syslog", "run"}, 2},
	{"a boolean flag with =", {"podman", "--syslog=true", "run"}, 2},
	{"a boolean flag takes no word", {"podman", "--syslog", "ps", "run"}, 0},
	{"a flag and its value", {"podman", "--log-level", "debug", "run"}, 3},
	{"a flag with =", {"podman", "--log-level=debug", "run"}, 2},
	{"a flag with an empty value", {"podman", "--log-level=", "run"}, 2},
	{"a flag of podman 3", {"podman", "--cni-config-dir", "/etc/cni", "run"}, 3},
	{"a hidden flag: --db-backend", {"podman", "--db-backend", "sqlite", "run"}, 3},
	{"a hidden flag: --pull-option", {"podman", "--pull-option", "a=b", "run"}, 3},
	{"a flag of podman 5.7: --tls-ca", {"podman", "--tls-ca", "/ca", "run"}, 3},
	{"a flag of podman 5.7: --tls-cert", {"podman", "--tls-cert", "/cert", "run"}, 3},
	{"a flag of podman 5.7: --tls-key", {"podman", "--tls-key", "/key", "run"}, 3},
	{"a flag behind podman 5.8: --tls-details", {"podman", "--tls-details", "/d", "run"}, 3},
	{"a value with = in it", {"podman", "--storage-opt=a=b=c", "run"}, 2},
	{"a word with = as a value", {"podman", "--storage-opt", "a=b", "run"}, 3},
	{"run as a value", {"podman", "--log-level", "run", "ps"}, 0},
	{"run as a value, then run", {"podman", "--root", "run", "run"}, 3},
	{"run as a value, then nothing", {"podman", "--root", "run"}, 0},
	{"run behind = as a value", {"podman", "--root=run", "ps"}, 0},
	{"container as a value", {"podman", "--root", "container", "run"}, 3},
	{"a flag as a value", {"podman", "--root", "--syslog", "run"}, 3},
	{"a remote flag as a value", {"podman", "--root", "--remote", "run"}, 3},
	{"an empty word as a value", {"podman", "--root", "", "run"}, 3},
	{"a value that is missing", {"podman", "--root"}, 0},
	{"a letter flag", {"podman", "-D", "run"}, 2},
	{"letters run together", {"podman", "-DD", "run"}, 0},
	{"many flags",
	 {"podman", "--root", "/r", "--syslog", "--runroot=/rr", "--runtime", "runc", "run"},
	 7},
	{"flags behind container", {"podman", "container", "--log-level", "info", "run"}, 4},
	{"flags on both sides", {"podman", "--root", "/r", "container", "--syslog", "run"}, 5},
	{"run as a value behind container", {"podman", "container", "--root", "run", "ls"}, 0},

	{"--remote", {"podman", "--remote", "run"}, 0},
	{"--remote=true", {"podman", "--remote=true", "run"}, 0},
	{"--remote=false is local", {"podman", "--remote=false", "run"}, 2},
	{"--remote behind container", {"podman", "container", "--remote", "run"}, 0},
	{"--remote behind run is podman's to judge", {"podman", "run", "--remote"}, 1},
	{"-r", {"podman", "-r", "run"}, 0},
	{"-r=false cannot be told", {"podman", "-r=false", "run"}, 0},
	{"-c NAME", {"podman", "-c", "there", "run"}, 0},
	{"-cNAME", {"podman", "-cthere", "run"}, 0},
	{"-c run", {"podman", "-c", "run", "run"}, 0},
	{"--connection NAME", {"podman", "--connection", "there", "run"}, 0},
	{"--connection=NAME", {"podman", "--connection=there", "run"}, 0},
	{"--connection=false is a name", {"podman", "--connection=false", "run"}, 0},
	{"--url URL", {"podman", "--url", "tcp://there", "run"}, 0},
	{"--url=URL", {"podman", "--url=tcp://there", "run"}, 0},
	{"--context NAME", {"podman", "--context", "there", "run"}, 0},
	{"--context=default asks another podman all the same",
	 {"podman", "--context=default", "run"},
	 0},
	{"--host HOST", {"podman", "--host", "tcp://there", "run"}, 0},
	{"-H HOST", {"podman", "-H", "tcp://there", "run"}, 0},

	{"an unknown flag", {"podman", "--not-a-flag", "run"}, 0},
	{"an unknown flag with =", {"podman", "--not-a-flag=x", "run"}, 0},
	{"an unknown letter", {"podman", "-z", "run"}, 0},
	{"the beginning of a flag", {"podman", "--log", "debug", "run"}, 0},
	{"more than a flag", {"podman", "--log-levels", "debug", "run"}, 0},
	{"one dash too few", {"podman", "-syslog", "run"}, 0},
	{"one dash too many", {"podman", "---syslog", "run"}, 0},
	{"-- before run", {"podman", "--", "run"}, 0},
	{"-- behind a flag", {"podman", "--syslog", "--", "run"}, 0},
	{"-- behind container", {"podman", "container", "--", "run"}, 0},
	{"-- as a value", {"podman", "--root", "--", "run"}, 3},
	{"-- behind run", {"podman", "run", "--", "image"}, 1},
	{"--= is no flag", {"podman", "--=", "run"}, 0},
	{"a lone dash", {"podman", "-", "run"}, 0},
};

static void test_podman_run_index(void)
{
	char *const none[] = {NULL};

	ok(podman_run_index(NULL) == 0, "no argv");
	ok(podman_run_index(none) == 0, "an empty argv");
	for (size_t i = 0; i < sizeof(command_lines) / sizeof(*command_lines); i++) {
		size_t index = podman_run_index(command_lines[i].argv);

		if (!ok(index == command_lines[i].index, "%s", command_lines[i].behaviour))
			printf("# index %zu, not %zu\n", index, command_lines[i].index);
	}
}

/* The table and the parser agree, whatever flags a new podman brings. */
static void test_global_flags(void)
{
	const struct podman_flag *flag;
	char word[64];

	for (flag = podman_global_flags; flag->name; flag++) {
		char *const bare[] = {"podman", word, "run", NULL};
		char *const valued[] = {"podman", word, "value", "run", NULL};

		(void)snprintf(word, sizeof(word), "--%s", flag->name);
		ok(podman_run_index(bare) == (flag->no_run || flag->takes_value ? 0 : 2),
		   "%s before run", word);
		ok(podman_run_index(valued) == (!flag->no_run && flag->takes_value ? 3 : 0),
		   "%s and a word before run", word);
		if (!flag->letter)
			continue;
		(void)snprintf(word, sizeof(word), "-%c", flag->letter);
		ok(podman_run_index(bare) == (flag->no_run || flag->takes_value ? 0 : 2),
		   "%s before run", word);
		ok(podman_run_index(valued) == (!flag->no_run && flag->takes_value ? 3 : 0),
		   "%s and a word before run", word);
	}
}

static void test_list_contains(void)
{
	static const struct {
		const char *list, *name;
		bool contained;
	} rows[] = {
		{"podman", "podman", true},
		{"podman:docker", "podman", true},
		{"docker:podman", "podman", true},
		{"a:podman:b", "podman", true},
		{"::podman", "podman", true},
		{"podman:", "podman", true},
		{"podman4", "podman", false},
		{"podman", "podman4", false},
		{"xpodman", "podman", false},
		{"podman-remote", "podman", false},
		{"a:b", "a:b", false},
		{"docker:podman4", "podman", false},
		{"docker:podman4", "podman4", true},
		{"", "podman", false},
		{":", "podman", false},
		{"", "", false},
		{"a::b", "", false},
		{"Podman", "podman", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ok(list_contains(rows[i].list, rows[i].name) == rows[i].contained, "'%s' %s '%s'",
		   rows[i].list, rows[i].contained ? "contains" : "lacks", rows[i].name);
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void test_env_value(void)
{
	char *const env[] = {
		"NAMES=others", "NAME=first", "NAME=second", "EMPTY=", "BARE", "URL=a=b", NULL};
	char *const none[] = {NULL};

	ok(same(env_value(env, "NAME"), "first"), "the first of two variables is read");
	ok(same(env_value(env, "NAMES"), "others"), "a variable is read");
	ok(same(env_value(env, "EMPTY"), ""), "an empty variable is not an unset one");
	ok(same(env_value(env, "URL"), "a=b"), "a value keeps its =");
	ok(same(env_value(env, "BARE"), NULL), "a string without = is no variable");
	ok(same(env_value(env, "NAM"), NULL), "the beginning of a name is another name");
	ok(same(env_value(env, "OTHER"), NULL), "a variable that is not set");
	ok(same(env_value(none, "NAME"), NULL), "an empty environment");
	ok(same(env_value(NULL, "NAME"), NULL), "no environment");
}

static void test_path_basename(void)
{
	ok(same(path_basename("podman"), "podman"), "a name is its own basename");
	ok(same(path_basename("/usr/bin/podman"), "podman"), "an absolute path's basename");
	ok(same(path_basename("./podman"), "podman"), "a relative path's basename");
	ok(same(path_basename("/podman"), "podman"), "the basename in the root directory");
	ok(same(path_basename("/usr/bin/"), ""), "a directory has no basename");
	ok(same(path_basename(""), ""), "an empty path has no basename");
}

static void test_podman_command_index(void)
{
	static const struct {
		const char *behaviour;
		char *argv[WORDS];
		size_t index;
	} rows[] = {
		{"a subcommand", {"podman", "start", "web"}, 1},
		{"one behind flags", {"podman", "--log-level", "start", "--syslog", "ps"}, 4},
		{"one of container", {"podman", "container", "restart", "web"}, 2},
		{"run, whatever is run", {"podman", "run", "image", "start"}, 1},
		{"none", {"podman"}, 0},
		{"no words at all", {NULL}, 0},
		{"an unknown flag", {"podman", "--unheard-of", "start"}, 0},
		{"another podman's", {"podman", "--remote", "start", "web"}, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ok(podman_command_index(rows[i].argv) == rows[i].index, "subcommand: %s",
		   rows[i].behaviour);
	ok(podman_command_index(NULL) == 0, "subcommand: no command line");
}

static void test_podman_create_index(void)
{
	char *const create[] = {"podman", "--syslog", "container", "create", "image", NULL};
	char *const run[] = {"podman", "run", "image", "create", NULL};
	char *const network[] = {"podman", "network", "create", NULL};

	ok(podman_create_index(create) == 3, "create");
	ok(podman_create_index(run) == 0, "run, whatever is run, creates nothing else");
	ok(podman_create_index(network) == 0, "create of something else");
}

static void test_may_run(void)
{
	static const struct {
		char *argv[WORDS];
		bool may;
	} rows[] = {
		{{"podman", "--new", "run"}, true},
		{{"podman", "--new", "x", "run"}, true},
		{{"podman", "--new=x", "run"}, true},
		{{"podman", "--syslog", "--root", "/r", "--new", "exec", "run"}, true},
		{{"podman", "container", "--new", "run"}, true},
		{{"podman", "-vr", "run"}, true},
		{{"podman", "--new", "ps"}, false},
		{{"podman", "run", "--new", "run"}, false},
		{{"podman", "ps", "--new", "run"}, false},
		{{"podman", "--remote", "--new", "run"}, false},
		{{"podman", "--root"}, false},
		{{"podman"}, false},
		{{NULL}, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ok(podman_may_run(rows[i].argv) == rows[i].may, "row %zu %s be a run", i,
		   rows[i].may ? "may" : "cannot");
	ok(!podman_may_run(NULL), "no words at all cannot");
}

int main(void)
{
	test_podman_run_index();
	test_podman_command_index();
	test_podman_create_index();
	test_global_flags();
	test_list_contains();
	test_env_value();
	test_path_basename();
	test_may_run();
	return done();
}
