/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind `podman run`, a word a line. */
#include "../../helper/run_flags.h"

#include "../../helper/util.h"
#include "fuzz.h"

#define CONMON "/pids/1-1.conmon.pid"
#define PID    "/pids/1-1.pid"
#define ID     "/pids/1-1.cid"

static bool same_switches(const struct run_flags *a, const struct run_flags *b)
{
	return a->detach == b->detach && a->remove == b->remove && a->restarts == b->restarts &&
	       a->replace == b->replace && a->name == b->name && a->stop_timeout == b->stop_timeout;
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
	must(cut.conmon_pidfile == flags->conmon_pidfile && cut.pidfile == flags->pidfile &&
	     cut.cidfile == flags->cidfile);
	free(argv);
}

/* Whether @with is the user's @value, or @ours where he gave none. */
static bool is_added(const char *with, const char *value, const char *ours)
{
	return equal(with, value[0] ? value : ours);
}

/* Our flags count where the user gave none, and change nothing else. */
static void judge_ours(const struct words *words, const struct run_flags *flags)
{
	static const char *const ours[] = {"--cidfile=" ID, "--conmon-pidfile=" CONMON,
					   "--pidfile=" PID};
	struct run_flags with;
	char **argv = fuzz_with(words, 1, ours, ARRAY_SIZE(ours));

	run_flags_parse(argv, 0, &with);
	must(same_switches(&with, flags) && with.image == flags->image + ARRAY_SIZE(ours));
	/* who gives an empty one takes ours out */
	must(is_added(with.cidfile, flags->cidfile, ID) || !with.cidfile[0]);
	must(is_added(with.conmon_pidfile, flags->conmon_pidfile, CONMON) ||
	     !with.conmon_pidfile[0]);
	must(is_added(with.pidfile, flags->pidfile, PID) || !with.pidfile[0]);
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
	must(!flags.cidfile[0] || fuzz_within(&words, flags.cidfile));
	must(!flags.stop_timeout[0] || fuzz_within(&words, flags.stop_timeout));
	must(!flags.conmon_pidfile[0] || fuzz_within(&words, flags.conmon_pidfile));
	judge_behind_image(&words, &flags);
	judge_ours(&words, &flags);
	words_free(&words);
	return 0;
}
