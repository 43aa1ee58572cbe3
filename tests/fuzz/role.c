/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process by its program (the first line) and its command line (a word a line):
 * only one that carries the run's file or the container's id, as the value of the very
 * flag, has a part in the run.
 */
#include <string.h>

#include "../../helper/proc.h"

/* The words are nobody's: what a conmon is besides, by its environment and session, is said here.
 */
#define proc_has_syncpipe(pid) ((void)(pid), has_pipe)
#define proc_stat(pid, stat)                                                                       \
	((stat)->session = (pid) + !leads, (stat)->start = 1, (stat)->ppid = 0, true)
#define proc_environ(pid, words) ((void)(pid), read_environment(words))
static bool has_pipe, leads;
static int root; /* what the run's directory is taken for */

/* As one of the run's job has it. */
static bool read_environment(struct words *words)
{
	static const char variable[] = "RECEPTOR_PID_DIRECTORY=/";

	return words_split(strdup(variable), sizeof(variable), words);
}

#include "../../helper/identity.c" /* for the proofs, which are its own */

#include "fuzz.h"

#define RUN   "4711-1a"
#define ID    "/pids/" RUN ID_SUFFIX
#define CID   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define CLEANUP(cid)                                                                               \
	.cleanup = {"/usr/bin/podman", "container", "cleanup", "--rm", cid}, .cleanups = 5

/* The shapes of a run: its id is not known, or is, of a runtime of its own, a conmon was seen. */
static const struct run runs[] = {
	{.cid = "", .runtime = ""},
	{.cid = CID, .runtime = ""},
	{.cid = CID, .runtime = "/usr/bin/runc", CLEANUP(CID)},
	{.cid = CID, .runtime = "/usr/bin/kata", CLEANUP(CID)},
	{.cid = CID, .runtime = "", .detach = true, .container_name = "web"},
	{.cid = CID,
	 .runtime = "",
	 .detach = true,
	 .container_name = "web",
	 .global = {"--root", "/r"},
	 .globals = 2},
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

static bool has_word(const struct words *words, const char *word)
{
	for (size_t i = 1; i < words->count; i++)
		if (equal(words->word[i], word))
			return true;
	return false;
}

/* Whether a word is @flag with a run's file, 4711-1@suffix, and `run` stands before it. */
static bool has_file(const struct words *words, const char *flag, const char *suffix)
{
	char tail[64];
	bool run = false;

	(void)snprintf(tail, sizeof(tail), "/4711-1%s", suffix);
	for (size_t i = 2; i < words->count; i++) {
		run = run || equal(words->word[i - 1], "run");
		const char *path = after(words->word[i], flag);
		size_t length = path ? strlen(path) : 0, size = strlen(tail);

		if (run && length >= size && equal(path + length - size, tail))
			return true;
	}
	return false;
}

static void judge_conmon(const struct run *run, const struct words *words)
{
	must(has_pipe && run->cid[0] && words->word[1][0] == '-');
	must(has_value(words, run->cid, "-c", "--cid"));
	must(has_value(words, run->cid, "-u", "--cuuid"));
	must(has_value(words, run->cid, "--exit-command", "--exit-command-arg"));
}

static void judge_program(const struct run *run, const char *exe, const struct words *words)
{
	if (run->runtime[0])
		must(equal(exe, path_basename(run->runtime)) ||
		     equal(words->word[1], run->runtime));
	else
		must(equal(exe, "runc") || equal(exe, "crun"));
}

static void judge_runtime(const struct run *run, const char *exe, const struct words *words)
{
	must(run->cid[0] && equal(words->word[words->count - 1], run->cid));
	must(has_word(words, "create") || has_word(words, "start"));
	judge_program(run, exe, words);
}

/* Whether @word is, of the run's id, twelve digits at least. */
static bool is_its_id(const struct run *run, const char *word)
{
	return strlen(word) >= 12 && strstr(run->cid, word) == run->cid;
}

/* Before the subcommand there are flags and their values alone; by its name, the run's own. */
static void judge_starter(const struct run *run, bool by_name, const char *exe,
			  const struct words *words)
{
	size_t at = 1, flags = 0;

	must(after(exe, "podman") && run->detach && run->cid[0]);
	for (; at < words->count && !equal(words->word[at], "start") &&
	       !equal(words->word[at], "restart");
	     at++) {
		must(words->word[at][0] == '-' || (at > 1 && words->word[at - 1][0] == '-') ||
		     equal(words->word[at], "container"));
		flags += !equal(words->word[at], "container");
		must(!by_name || equal(words->word[at], "container") ||
		     (flags <= run->globals && equal(words->word[at], run->global[flags - 1])));
	}
	must(!by_name || flags == run->globals);
	for (at++; at < words->count && !(by_name ? equal(words->word[at], run->container_name)
						  : is_its_id(run, words->word[at]));)
		at++;
	must(at < words->count);
}

/* The exit command of conmon, or a runtime that ends the container. */
static void judge_cleanup(const struct run *run, const char *exe, const struct words *words)
{
	if (run->cid[0] && has_word(words, run->cid) &&
	    (has_word(words, "delete") || has_word(words, "kill"))) {
		judge_program(run, exe, words);
		return;
	}
	must(run->cleanups && words->count == run->cleanups);
	for (size_t i = 0; i < run->cleanups; i++)
		must(equal(words->word[i], run->cleanup[i]));
}

/* One of another id and name, as of the same shape: nothing is of both in one role. */
static void judge_other(const struct run *run, enum role role, const char *exe,
			const struct words *words)
{
	struct run other = *run;

	memcpy(other.name, "4711-1b", sizeof("4711-1b"));
	if (other.cid[0])
		memcpy(other.cid, OTHER, sizeof(OTHER));
	if (other.cleanups)
		other.cleanup[other.cleanups - 1] = OTHER;
	/* a command line may name both, and one podman may start the containers of many */
	must(role == ROLE_NONE || role == ROLE_STARTER || role == ROLE_NAMESAKE ||
	     has_word(words, OTHER) || has_file(words, "--cidfile=", "b" ID_SUFFIX) ||
	     fitting_role(&other, 0, exe, words) != role);
}

static void judge(struct run run, const char *exe, const struct words *words)
{
	memcpy(run.name, RUN, sizeof(RUN));
	run.executable = "/opt/docker";
	run.directory = root;
	enum role role = fitting_role(&run, 0, exe, words);

	must(role != ROLE_UNKNOWN);
	must(run.cid[0] || role == ROLE_NONE || role == ROLE_PODMAN);
	if (role == ROLE_PODMAN)
		must((after(exe, "podman") || equal(exe, "docker")) &&
		     has_file(words, "--cidfile=", "a" ID_SUFFIX));
	if (role == ROLE_CONMON || role == ROLE_EARLY)
		judge_conmon(&run, words);
	must(leads ? role != ROLE_EARLY : role != ROLE_CONMON);
	if (role == ROLE_RUNTIME)
		judge_runtime(&run, exe, words);
	if (role == ROLE_CLEANUP)
		judge_cleanup(&run, exe, words);
	if (role == ROLE_STARTER || role == ROLE_NAMESAKE)
		judge_starter(&run, role == ROLE_NAMESAKE, exe, words);
	judge_other(&run, role, exe, words);
	if (is_hold(&run, words))
		must(equal(words->word[1], "hold") &&
		     has_file(words, "--conmon-pidfile=", "a" CONMON_SUFFIX));
	if (is_script(&run, words))
		must(has_file(words, "--cidfile=", "a" ID_SUFFIX) &&
		     (equal(path_basename(words->word[1]), "docker") ||
		      equal(path_basename(words->word[2]), "docker")));
}

/* Whatever stands behind it, a podman whose first word behind `run` is the run's file is known. */
static void judge_known(struct run run, const struct words *words)
{
	static const char *const ours[] = {"podman", "run", "--cidfile=" ID};
	char **argv = fuzz_with(words, 0, ours, ARRAY_SIZE(ours));
	struct words known = {.word = argv, .count = words->count + ARRAY_SIZE(ours)};

	memcpy(run.name, RUN, sizeof(RUN));
	run.executable = "/opt/docker";
	must(fitting_role(&run, 0, "podman", &known) == ROLE_PODMAN);
	free(argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t length = end ? (size_t)(end - data) : size;
	struct words words;

	if (!root)
		root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!end || !fuzz_words(end + 1, size - length - 1, &words))
		return 0;
	char *exe = fuzz_text(data, length);
	/* one a time is as fast as can be, and the next input of this kind has another length */
	const struct run *run = &runs[size % ARRAY_SIZE(runs)];
	for (unsigned int kind = 0; kind < 3; kind++) {
		has_pipe = kind != 1;
		leads = kind != 2;
		judge(*run, exe, &words);
	}
	judge_known(*run, &words);
	words_free(&words);
	free(exe);
	return 0;
}
