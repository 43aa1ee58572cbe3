/* SPDX-License-Identifier: Apache-2.0 */
/* conmon's command line, a word a line: a value is told only by the very flag before it. */
#include "../../helper/conmon_args.h"

#include "../../helper/util.h"
#include "fuzz.h"

/* Whether @value is missing, or the word behind a @letter or a @name. */
static bool is_value_of(const struct words *words, const char *value, const char *letter,
			const char *name)
{
	for (size_t i = 2; i < words->count; i++)
		if (words->word[i] == value)
			return equal(words->word[i - 1], letter) || equal(words->word[i - 1], name);
	return !value[0];
}

static bool same(const struct conmon_args *a, const struct conmon_args *b)
{
	return equal(a->cid, b->cid) && equal(a->session, b->session) &&
	       equal(a->runtime, b->runtime) && equal(a->bundle, b->bundle) &&
	       equal(a->exit_dir, b->exit_dir) && equal(a->pidfile, b->pidfile) &&
	       equal(a->conmon_pidfile, b->conmon_pidfile);
}

/* The exit command's words are those behind its two flags, in their order. */
static void judge_order(const struct words *words, const struct conmon_args *args)
{
	size_t found = 0;

	for (size_t i = 2; i < words->count && found < args->cleanups; i++)
		if (words->word[i] == args->cleanup[found]) {
			must(equal(words->word[i - 1], "--exit-command") ||
			     equal(words->word[i - 1], "--exit-command-arg"));
			found++;
		}
	must(found == args->cleanups);
}

/* The value of another flag is no flag, whatever it says; a flag without a value takes no word. */
static void judge_others(const struct words *words, const struct conmon_args *args, size_t which)
{
	static const char *const pairs[][2] = {{"--exit-command-arg", "-P"},
					       {"--exit-command-arg", "-c"},
					       {"--runtime-arg", "-u"},
					       {"--log-path", "--exit-dir"},
					       {"--runtime-arg", "--container-pidfile"},
					       {"--log-path", "--conmon-pidfile"},
					       {"--runtime-arg=-p", "--syslog"}};

	/* one a time is three times as fast, and the next input of this kind has another length */
	char **argv = fuzz_with(words, 1, pairs[which % ARRAY_SIZE(pairs)], 2);
	struct words more = {.word = argv, .count = words->count + 2};
	struct conmon_args with;

	conmon_args_parse(&more, &with);
	must(same(&with, args));
	free(argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conmon_args args;
	struct words words;

	if (!fuzz_words(data, size, &words))
		return 0;
	conmon_args_parse(&words, &args);
	must(is_value_of(&words, args.cid, "-c", "--cid"));
	must(is_value_of(&words, args.session, "-u", "--cuuid"));
	must(is_value_of(&words, args.exit_dir, "--exit-dir", "--exit-dir"));
	must(is_value_of(&words, args.runtime, "-r", "--runtime"));
	must(is_value_of(&words, args.bundle, "-b", "--bundle"));
	must(is_value_of(&words, args.pidfile, "-p", "--container-pidfile"));
	must(is_value_of(&words, args.conmon_pidfile, "-P", "--conmon-pidfile"));
	must(!args.cid[0] || cid_valid(args.cid));
	must(args.cleanups < RUN_WORDS && !args.cleanup[args.cleanups]);
	judge_order(&words, &args);
	judge_others(&words, &args, size);
	words_free(&words);
	return 0;
}
