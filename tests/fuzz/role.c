/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process by its program (the first line) and its command line (a word a line):
 * only one that carries the run's path or container, as the value of the very
 * flag, has a part in the run.
 */
#include "../../helper/identity.c" /* for the proofs, which are its own */

#include "fuzz.h"

#define RUN    "4711-1a"
#define CONMON "/pids/" RUN CONMON_SUFFIX
#define PID    "/pids/" RUN CONTAINER_SUFFIX
#define CID    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* The shapes of a run: pid files of ours, of the user's own, a container that is known. */
static const struct run runs[] = {
	{.conmon_pidfile = CONMON, .pidfile = PID, .cid = "", .runtime = "", .container_name = ""},
	{.conmon_pidfile = CONMON,
	 .pidfile = "",
	 .cid = "",
	 .runtime = "",
	 .container_name = "web"},
	{.conmon_pidfile = "/my.c", .pidfile = PID, .cid = "", .runtime = "", .container_name = ""},
	{.conmon_pidfile = "/my.c",
	 .pidfile = "/my.p",
	 .cid = "",
	 .runtime = "",
	 .container_name = ""},
	{.conmon_pidfile = CONMON,
	 .pidfile = PID,
	 .cid = CID,
	 .runtime = "/usr/bin/kata",
	 .container_name = "web"},
};

/* Whether @value, which is not "", stands behind one of the two flags. */
static bool has_value(const struct words *words, const char *value, const char *letter,
		      const char *name)
{
	for (size_t i = 2; value[0] && i < words->count; i++)
		if (equal(words->word[i], value) &&
		    (equal(words->word[i - 1], letter) || equal(words->word[i - 1], name)))
			return true;
	return false;
}

/* Whether a word ends in @tail; @flag stands before it, or is the beginning of the word. */
static bool has_path(const struct words *words, const char *flag, const char *tail)
{
	for (size_t i = 1; i < words->count; i++) {
		const char *word = words->word[i], *value = after(word, flag);
		size_t length = strlen(word), size = strlen(tail);

		if (length >= size && equal(word + length - size, tail) &&
		    (equal(words->word[i - 1], flag) || (value && value[0] == '=')))
			return true;
	}
	return false;
}

static void judge_conmon(const struct run *run, const struct words *words)
{
	if (run->cid[0]) {
		must(has_value(words, run->cid, "-c", "--cid"));
		return;
	}
	must(has_value(words, run->conmon_pidfile, "-P", "--conmon-pidfile") ||
	     (!equal(run->conmon_pidfile, CONMON) &&
	      has_value(words, run->pidfile, "-p", "--container-pidfile")));
	must(!run->container_name[0] || has_value(words, run->container_name, "-n", "--name"));
}

static void judge(struct run run, const char *exe, const struct words *words)
{
	memcpy(run.name, RUN, sizeof(RUN));
	run.executable = "/opt/podman4";
	if (is_podman(&run, exe, words)) {
		must(after(exe, "podman"));
		must(has_path(words, "--conmon-pidfile", "/" RUN CONMON_SUFFIX));
	}
	if (is_conmon(&run, exe, words)) {
		must(equal(exe, "conmon"));
		judge_conmon(&run, words);
	}
	if (is_runtime(&run, exe, words)) {
		must(has_path(words, "--pid-file", "/" RUN CONTAINER_SUFFIX) ||
		     (run.cid[0] && equal(words->word[words->count - 1], run.cid)));
		must(equal(exe, "runc") || equal(exe, "crun") || equal(exe, "kata") ||
		     equal(words->word[1], run.runtime));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t length = end ? (size_t)(end - data) : size;
	struct words words;

	if (!end || !fuzz_words(end + 1, size - length - 1, &words))
		return 0;
	char *exe = fuzz_text(data, length);
	/* one a time is five times as fast, and the next input of this kind has another length */
	judge(runs[size % ARRAY_SIZE(runs)], exe, &words);
	words_free(&words);
	free(exe);
	return 0;
}
