/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record: what is taken for one tells only what may be acted on, comes back the
 * same when it is written again, and does not change its meaning by being cut.
 */
#include "../../helper/record.h"

#include <signal.h>

#include "../../helper/grace.h"
#include "../../helper/util.h"
#include "fuzz.h"

static const char *parse(struct run *run, const void *text, size_t size)
{
	run_init(run, -1, "1-1");
	return record_parse(run, fuzz_text(text, size), size);
}

static void write_words(struct draft *draft, const char *key, const char *const list[])
{
	for (; *list; list++)
		draft_add(draft, key, *list);
}

static void write_process(struct draft *draft, const char *key, struct process id)
{
	if (id.pid)
		draft_add_process(draft, key, id, NULL);
}

static struct draft write_run(const struct run *run)
{
	struct draft draft = {0};

	draft_add(&draft, "podleash", "1");
	draft_add(&draft, "boot", run->boot);
	draft_add(&draft, "namespaces", run->namespaces);
	draft_add(&draft, "unit", run->unit);
	draft_add_number(&draft, "created", run->created);
	write_process(&draft, "podman", run->podman);
	for (size_t i = 0; i < run->holders; i++)
		draft_add_process(&draft, "holder", run->holder[i].id, run->holder[i].name);
	write_process(&draft, "guard", run->guard);
	draft_add(&draft, "cidfile", run->cidfile);
	draft_add(&draft, "conmon_pidfile", run->conmon_pidfile);
	draft_add(&draft, "pidfile", run->pidfile);
	draft_add(&draft, "cwd", run->cwd);
	draft_add(&draft, "detach", run->detach ? "1" : "0");
	draft_add(&draft, "remove", run->remove ? "1" : "0");
	draft_add(&draft, "restarts", run->restarts ? "1" : "0");
	if (run->grace_ms >= 0)
		draft_add_number(&draft, "grace", (uint64_t)run->grace_ms);
	for (int signal = 1; signal <= SIGRTMAX; signal++)
		if (run->ignored & (1ULL << (signal - 1)))
			draft_add_number(&draft, "ignores", (uint64_t)signal);
	draft_add(&draft, "name", run->container_name);
	draft_add(&draft, "executable", run->executable);
	write_words(&draft, "global", run->global);
	write_words(&draft, "env", run->environment);
	write_process(&draft, "conmon", run->conmon);
	write_process(&draft, "container", run->container);
	if (run->cid[0])
		draft_add(&draft, "cid", run->cid);
	draft_add(&draft, "runtime", run->runtime);
	draft_add(&draft, "bundle", run->bundle);
	draft_add(&draft, "exit_dir", run->exit_dir);
	draft_add_number(&draft, "stop_signal", (uint64_t)run->stop_signal);
	write_words(&draft, "cleanup", run->cleanup);
	must(!draft.failed);
	return draft;
}

static void must_be_same(const struct draft *a, const struct draft *b)
{
	must(a->size == b->size && memcmp(a->text, b->text, a->size) == 0);
}

static void judge_taken(const struct run *run)
{
	must(run->boot[0] && unit_name_valid(run->unit));
	must(run->cidfile[0] || run->conmon_pidfile[0]);
	must(run->grace_ms >= -1 && run->grace_ms <= GRACE_MAX * 1000);
	must(run->stop_signal >= 0 && run->stop_signal <= SIGRTMAX);
	must(run->podman.pid > 0 && run->holders >= 1 && run->holders <= RUN_HOLDERS);
	for (size_t i = 0; i < run->holders; i++)
		must(run->holder[i].id.pid > 0 && strlen(run->holder[i].name) < 16);
	must(run->guard.pid >= 0 && run->conmon.pid >= 0 && run->container.pid >= 0);
	must(!run->cid[0] || cid_valid(run->cid));
	must(run->globals < RUN_WORDS && !run->global[run->globals]);
	must(run->cleanups < RUN_WORDS && !run->cleanup[run->cleanups]);
	must(run->environments < RUN_ENVIRONMENT && !run->environment[run->environments]);
}

/* What is read is what was written. */
static void judge_rewritten(const struct run *run)
{
	struct draft first = write_run(run), second;
	struct run again;

	must(!parse(&again, first.text, first.size));
	second = write_run(&again);
	must_be_same(&first, &second);
	draft_free(&first);
	draft_free(&second);
	run_free(&again);
}

/* Half a line at its end, which a full disk may leave, is as good as none. */
static void judge_torn(const struct run *run, const uint8_t *data, size_t size)
{
	const uint8_t *end = memrchr(data, '\n', size);
	struct draft whole = write_run(run), torn;
	struct run again;

	must(end && !parse(&again, data, (size_t)(end - data) + 1));
	torn = write_run(&again);
	must_be_same(&whole, &torn);
	draft_free(&whole);
	draft_free(&torn);
	run_free(&again);
}

/* Any string at all comes back from a value, and none makes a line of its own. */
static void judge_value(const char *value)
{
	struct run given, read;
	struct draft draft;

	run_init(&given, -1, "1-1");
	given.boot = given.cidfile = "x";
	given.unit = "u";
	given.podman = given.holder[0].id = (struct process){1, 1};
	given.holders = 1;
	(void)snprintf(given.holder[0].name, sizeof(given.holder[0].name), "%s", value);
	given.bundle = value;
	draft = write_run(&given);
	must(!parse(&read, draft.text, draft.size));
	must(equal(read.bundle, value) && equal(read.holder[0].name, given.holder[0].name));
	must(read.holders == 1 && equal(read.unit, "u") && !read.conmon.pid && !read.cid[0]);
	draft_free(&draft);
	run_free(&read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run;
	char *value = fuzz_text(data, size);

	judge_value(value);
	free(value);
	const char *why = parse(&run, data, size);
	must(!why || why[0]);
	if (!why) {
		judge_taken(&run);
		judge_rewritten(&run);
		judge_torn(&run, data, size);
	}
	run_free(&run);
	return 0;
}
