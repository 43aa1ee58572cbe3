/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podman's command line, a word a line, through the library and `podleash hold`:
 * with what podleash added taken away again, it is the caller's own.
 */
#include "../../helper/hold.c" /* for its parser, which is its own */

#include "../../preload/leash.h"
#include "fuzz.h"

#define HELPER	  "/podleash"
#define PODMAN	  "/bin/sh" /* leash() starts only what can be executed */
#define DIRECTORY "/tmp"

struct line {
	char **argv; /* the caller's */
	size_t count, run;
	unsigned int starts;
};

/* Whether @argv is the caller's own, word by word. */
static bool is_own(const struct line *line, char *const argv[])
{
	return memcmp(argv, line->argv, (line->count + 1) * sizeof(*argv)) == 0;
}

/* Judges the words behind `HELPER hold PATH`. */
static void judge_added(const struct line *line, char *const argv[])
{
	char **copy = calloc(line->count + 3, sizeof(*copy));

	must(copy);
	memcpy(copy, argv, (line->count + 3) * sizeof(*copy));
	must(podman_run_index(copy) == line->run);
	must(after(copy[line->run + 1], CONMON_FLAG DIRECTORY "/"));
	must(after(copy[line->run + 2], PID_FLAG DIRECTORY "/"));
	take_out(copy, line->run + 1, 2);
	must(is_own(line, copy));
	free(copy);
}

/* Judges what hold makes of its own command line, HELPER included. */
static void judge_hold(const struct line *line, char *const argv[])
{
	size_t argc = line->count + 4; /* without HELPER */
	char **copy = calloc(argc + 1, sizeof(*copy)), file[PATH_MAX];
	struct hold hold = {0};

	must(copy);
	memcpy(copy, argv + 1, (argc + 1) * sizeof(*copy));
	must(parse(&hold, (int)argc, copy));
	must(equal(hold.path, PODMAN) && equal(hold.directory, DIRECTORY));
	must(hold.run == line->run && run_name_valid(hold.name));
	(void)snprintf(file, sizeof(file), DIRECTORY "/%s" CONMON_SUFFIX, hold.name);
	run_flags_parse(hold.argv, hold.run, &hold.flags);
	must(line->argv[line->run + 1] || equal(hold.flags.conmon_pidfile, file));
	take_out(hold.argv, hold.run + 1, 2);
	must(is_own(line, hold.argv));
	free(copy);
}

/* A leash_start, of the helper. */
static int judge_start(void *context, const char *path, char *const argv[])
{
	struct line *line = context;

	line->starts++;
	must(equal(path, HELPER) && equal(argv[0], HELPER));
	must(equal(argv[1], "hold") && equal(argv[2], PODMAN));
	judge_added(line, argv + 3);
	judge_hold(line, argv);
	return 0;
}

/* Where `run` is found does not hang on what stands behind it. */
static void judge_index(const struct words *words, size_t run)
{
	static const char *const remote[] = {"--remote"}, *const value[] = {"--root", "run"};
	char **argv = fuzz_with(words, 1, remote, 1);

	must(podman_run_index(argv) == 0);
	free(argv);
	argv = fuzz_with(words, 1, value, 2);
	must(podman_run_index(argv) == (run ? run + 2 : 0));
	free(argv);
	if (!run)
		return;
	must(run < words->count && equal(words->word[run], "run"));
	argv = fuzz_with(words, run + 1, NULL, 0);
	argv[run + 1] = NULL;
	must(podman_run_index(argv) == run);
	free(argv);
}

/* hold is handed whatever stands there: what it takes, the library may have written. */
static void judge_any(const struct words *words)
{
	static const char *const own[] = {"hold", PODMAN};
	char **argv = fuzz_with(words, 0, own, 2), flag[2 * PATH_MAX];
	struct hold hold = {0};

	if (parse(&hold, (int)words->count + 2, argv) && hold.run) {
		must(hold.run == podman_run_index(words->word) && run_name_valid(hold.name));
		(void)snprintf(flag, sizeof(flag), CONMON_FLAG "%s/%s" CONMON_SUFFIX,
			       hold.directory, hold.name);
		must(hold.is_too_long || equal(hold.argv[hold.run + 1], flag));
		must(after(hold.argv[hold.run + 2], PID_FLAG));
	}
	free(argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *const environment[] = {"PODLEASH_HELPER=" HELPER, "PODLEASH_EXECUTABLES=sh",
					    "RECEPTOR_PID_DIRECTORY=" DIRECTORY, NULL};
	static const struct program podman = {.by = BY_PATH, .file = PODMAN};
	struct words words;
	int refused = 0;

	if (!fuzz_words(data, size, &words))
		return 0;
	struct line line = {words.word, words.count, podman_run_index(words.word), 0};
	judge_index(&words, line.run);
	judge_any(&words);
	bool unclear = podman_may_run(words.word), create = podman_create_index(words.word);
	must((bool)line.run + unclear + create <= 1);
	must(leash_wanted(words.word, environment) == (line.run || unclear || create));
	if (line.run) {
		must(leash(judge_start, &line, &podman, words.word, environment, &refused));
		must(line.starts == 1 && !refused);
	}
	words_free(&words);
	return 0;
}
