/* SPDX-License-Identifier: Apache-2.0 */
/* A file's name: what it is taken for can be told from its parts, put together again. */
#include "../../helper/names.h"

#include <regex.h>

#include "../../helper/util.h"
#include "fuzz.h"

/* Whether the whole of @name matches the extended regular @expression. */
static bool matches(regex_t *compiled, const char *expression, const char *name)
{
	if (!compiled->re_nsub && !compiled->buffer)
		must(regcomp(compiled, expression, REG_EXTENDED | REG_NOSUB) == 0);
	return regexec(compiled, name, 0, NULL, 0) == 0;
}

static bool is_run(const char *name)
{
	static regex_t compiled;

	return matches(&compiled, "^[0-9]{1,10}-[0-9a-f]{1,16}$", name);
}

static bool is_unit(const char *name)
{
	static regex_t compiled;

	return matches(&compiled, "^[A-Za-z0-9_@:+-][A-Za-z0-9._@:+-]{0,127}$", name);
}

static bool is_temporary(const char *name)
{
	static regex_t compiled;

	return matches(&compiled,
		       "^(\\.[0-9]{1,10}-[0-9a-f]{1,16}\\.(run|pid)|"
		       "[0-9]{1,10}-[0-9a-f]{1,16}\\.conmon\\.pid\\.[^.]{6})$",
		       name);
}

/* Whether @name is a run's name and @suffix; the former is @run then. */
static bool is_file_of_run(const char *name, const char *suffix, const char *run)
{
	size_t length = strlen(name), tail = strlen(suffix);

	if (length <= tail || !equal(name + length - tail, suffix))
		return false;
	char *start = fuzz_text(name, length - tail);
	bool is = is_run(start);
	must(!is || equal(start, run));
	free(start);
	return is;
}

static void judge_kind(const char *name)
{
	const char *unit = after(name, TOMBSTONE_PREFIX);
	char *run = malloc(RUN_SIZE); /* on the heap, where ASan sees its end */
	enum file_kind kind;

	must(run);
	kind = file_kind(name, run);
	must(!run[0] || is_run(run));
	must((kind == FILE_RECORD) == is_file_of_run(name, RECORD_SUFFIX, run));
	must((kind == FILE_CONMON_PID) == is_file_of_run(name, CONMON_SUFFIX, run));
	must((kind == FILE_CONTAINER_PID) == is_file_of_run(name, CONTAINER_SUFFIX, run));
	must((kind == FILE_CONTAINER_ID) == is_file_of_run(name, ID_SUFFIX, run));
	must((kind == FILE_TEMPORARY) ==
	     (is_temporary(name) || after(name, TOMBSTONE_TEMPORARY) != NULL));
	must((kind == FILE_TOMBSTONE) == (unit && is_unit(unit)));
	/* only these may be hidden, and only the first three hold any byte that a name can */
	must(name[0] != '.' || kind == FILE_FOREIGN || kind == FILE_TEMPORARY ||
	     kind == FILE_ANSWER || kind == FILE_MARK);
	must(kind != FILE_MARK || equal(name, DIRECTORY_MARK));
	must(kind != FILE_ANSWER || after(name, ANSWER_PREFIX));
	free(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = fuzz_text(data, size);

	must(run_name_valid(name) == is_run(name));
	must(unit_name_valid(name) == is_unit(name));
	judge_kind(name);
	free(name);
	return 0;
}
