/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon_args.h"

#include "util.h"

/* conmon's flags without a value; every other one takes the next word. */
static const char *const booleans[] = {
	"--api-version",
	"--exec",
	"--exec-attach",
	"--full-attach",
	"--leave-stdin-open",
	"--log-rotate",
	"--no-container-partial-message",
	"--no-new-keyring",
	"--no-pivot",
	"--no-sync-log",
	"--replace-listen-pid",
	"--stdin",
	"--sync",
	"--syslog",
	"--systemd-cgroup",
	"--terminal",
	"--version",
	"-e",
	"-i",
	"-s",
	"-t",
};

static bool is_boolean(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(booleans); i++)
		if (equal(booleans[i], word))
			return true;
	return false;
}

static void set(struct conmon_args *args, const char *flag, const char *value)
{
	if (equal(flag, "-c") || equal(flag, "--cid"))
		args->cid = cid_valid(value) ? value : "";
	else if (equal(flag, "-n") || equal(flag, "--name"))
		args->name = value;
	else if (equal(flag, "-u") || equal(flag, "--cuuid"))
		args->session = value;
	else if (equal(flag, "-r") || equal(flag, "--runtime"))
		args->runtime = value;
	else if (equal(flag, "-b") || equal(flag, "--bundle"))
		args->bundle = value;
	else if (equal(flag, "--exit-dir"))
		args->exit_dir = value;
	else if (equal(flag, "-p") || equal(flag, "--container-pidfile"))
		args->pidfile = value;
	else if (equal(flag, "-P") || equal(flag, "--conmon-pidfile"))
		args->conmon_pidfile = value;
	else if ((equal(flag, "--exit-command") || equal(flag, "--exit-command-arg")) &&
		 args->cleanups + 1 < RUN_WORDS)
		args->cleanup[args->cleanups++] = value;
}

void conmon_args_parse(const struct words *words, struct conmon_args *args)
{
	*args = (struct conmon_args){.cleanups = 0};
	args->cid = args->name = args->session = args->runtime = args->bundle = "";
	args->exit_dir = args->pidfile = args->conmon_pidfile = "";
	for (size_t i = 1; i < words->count; i++) {
		const char *word = words->word[i];

		/* --flag=value is only used for what does not matter here (--runtime-arg=…) */
		if (word[0] != '-' || is_boolean(word) || (word[1] == '-' && strchr(word, '=')))
			continue;
		if (i + 1 < words->count)
			set(args, word, words->word[++i]);
	}
}
