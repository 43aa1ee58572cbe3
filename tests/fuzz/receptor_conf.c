/* SPDX-License-Identifier: Apache-2.0 */
/* receptor's configuration: what is found lies in the text, and its words are no longer than it. */
#include "../../helper/receptor_conf.h"

#include "fuzz.h"

struct text {
	const char *start;
	size_t size, commands;
};

static void judge_field(const struct text *text, const char *field)
{
	if (field[0])
		must(field >= text->start && field + strlen(field) <= text->start + text->size);
}

static void judge(const struct work_command *command, void *context)
{
	struct text *text = context;
	struct words words;
	size_t length = 0;

	text->commands++;
	judge_field(text, command->worktype);
	judge_field(text, command->command);
	judge_field(text, command->params);
	must(work_command_words(command, &words));
	must(words.count && !strcmp(words.word[0], command->command));
	for (size_t i = 1; i < words.count; i++)
		length += strlen(words.word[i]);
	must(length <= strlen(command->params));
	must(!words_podleash_run(&words) || words.count > 1);
	words_free(&words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_text(data, size);
	struct text text = {copy, size, 0};

	receptor_conf_read(copy, judge, &text);
	/* each takes a line of its own, at least */
	must(text.commands <= size);
	free(copy);
	return 0;
}
