/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind `podman run`, a word a line. */
#include "../../helper/run_flags.h"

#include "../../helper/util.h"
#include "fuzz.h"

#define CONMON "/pids/1-1.conmon.pid"
#define PID    "/pids/1-1.pid"

static bool same_switches(const struct run_flags *a, const struct run_flags *b)
{
	return a->detach == b->detach && a->remove == b->remove && a->name == b->name;
}

/* The image ends the flags: what stands behind it is the container's. */
static void judge_behind_image(const struct words *words, const struct run_flags *flags)
{
	struct run_flags cut;

	if (flags->image >= words->count)
		return;
	const char *image = words->word[flags->image];
	must(image[0] != '-' || !image[1] || equal(words->word[flags->image - 1], "--"));
	char **argv = fuzz_with(words, 0, NULL, 0);
	argv[flags->image + 1] = NULL;
	run_flags_parse(argv, 0, &cut);
	must(same_switches(&cut, flags) && cut.image == flags->image);
	must(cut.conmon_pidfile == flags->conmon_pidfile && cut.pidfile == flags->pidfile);
	free(argv);
}

/* Our two flags count where the user gave none, and change nothing else. */
static void judge_ours(const struct words *words, const struct run_flags *flags)
{
	static const char *const ours[] = {"--conmon-pidfile=" CONMON, "--pidfile=" PID};
	struct run_flags with;
	char **argv = fuzz_with(words, 1, ours, 2);

	run_flags_parse(argv, 0, &with);
	must(same_switches(&with, flags) && with.image == flags->image + 2);
	must(equal(with.conmon_pidfile, flags->conmon_pidfile) ||
	     (!flags->conmon_pidfile[0] && equal(with.conmon_pidfile, CONMON)));
	must(equal(with.pidfile, flags->pidfile) ||
	     (!flags->pidfile[0] && equal(with.pidfile, PID)));
	free(argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run_flags flags;
	struct words words;

	if (!fuzz_words(data, size, &words))
		return 0;
	run_flags_parse(words.word, 0, &flags);
	must(flags.image >= 1 && flags.image <= words.count);
	must(!flags.name[0] || fuzz_within(&words, flags.name));
	must(!flags.pidfile[0] || fuzz_within(&words, flags.pidfile));
	must(!flags.conmon_pidfile[0] || fuzz_within(&words, flags.conmon_pidfile));
	judge_behind_image(&words, &flags);
	judge_ours(&words, &flags);
	words_free(&words);
	return 0;
}
