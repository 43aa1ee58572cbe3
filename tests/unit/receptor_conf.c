/* SPDX-License-Identifier: Apache-2.0 */
/* Which work commands a configuration of receptor's has, and what their words say. */
#include "../../helper/receptor_conf.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* All work commands of a text, one `worktype|command|params` a line; `?` before what is not
 * understood.
 */
struct seen {
	char text[1024];
};

static void see(const struct work_command *command, void *context)
{
	struct seen *seen = context;
	size_t length = strlen(seen->text);

	(void)snprintf(seen->text + length, sizeof(seen->text) - length, "%s%s|%s|%s\n",
		       command->understood ? "" : "?", command->worktype, command->command,
		       command->params);
}

static const struct {
	const char *behaviour, *text, *seen;
} rows[] = {
	{"an empty file", "", ""},
	{"no work command", "---\n- node:\n    id: foo\n- local-only\n- log-level: info\n", ""},
	{"receptor's own example",
	 "---\n"
	 "- node:\n"
	 "    id: foo\n"
	 "\n"
	 "- work-command:\n"
	 "    workType: echoint\n"
	 "    command: bash\n"
	 "    params:  \"-c \\\"for i in {1..5}; do echo $i; sleep 1; done\\\"\"\n",
	 "echoint|bash|-c \"for i in {1..5}; do echo $i; sleep 1; done\"\n"},
	{"AWX's execution node, another section behind it",
	 "- work-command:\n"
	 "    worktype: ansible-runner\n"
	 "    command: ansible-runner\n"
	 "    params: worker\n"
	 "    allowruntimeparams: True\n"
	 "    verifysignature: True\n"
	 "- tcp-listener:\n"
	 "    port: 27199\n",
	 "ansible-runner|ansible-runner|worker\n"},
	{"several, in any order of their keys, without params",
	 "- work-command:\n    command: a\n    worktype: b\n- work-command:\n    params: c d\n"
	 "    worktype: e\n    command: f\n",
	 "b|a|\ne|f|c d\n"},
	{"version 2: a list, in the column of its key or deeper",
	 "version: 2\n"
	 "work-commands:\n"
	 "- worktype: a\n"
	 "  command: b\n"
	 "- command: d\n"
	 "  workType: c\n"
	 "  params: e\n"
	 "node:\n"
	 "  id: foo\n",
	 "a|b|\nc|d|e\n"},
	{"version 2, indented",
	 "work-commands:\n  - worktype: a\n    command: b\n  -   worktype: c\n      command: d\n",
	 "a|b|\nc|d|\n"},
	{"version 2, an empty list", "work-commands: []\nnode:\n  id: x\n", ""},
	{"comments, blank lines and blanks at a line's end",
	 "# - work-command:\n- work-command:   # runs it\n\n    # worktype: no\n    worktype: a   "
	 "# b\n"
	 "    command: c#d  \n    params: e # f\n",
	 "a|c#d|e\n"},
	{"lines that end in CR LF",
	 "- work-command:\r\n    worktype: a\r\n    command: b\r\n    params: >-\r\n      c\r\n    "
	 "  d\r\n",
	 "a|b|c d\n"},
	{"no newline at the end", "- work-command:\n    worktype: a\n    command: b", "a|b|\n"},
	{"a folded block, as docs/receptor.md has it",
	 "- work-command:\n    worktype: a\n    command: env\n    params: >-\n      A=1\n      "
	 "B=2\n\n"
	 "      c\n    allowruntimeparams: true\n",
	 "a|env|A=1 B=2 c\n"},
	{"a literal block", "- work-command:\n    params: |\n      a\n      b\n    worktype: c\n",
	 "c||a b\n"},
	{"a block at the end of the file",
	 "- work-command:\n    worktype: a\n    params: |+\n      b\n", "a||b\n"},
	{"what a block holds is no work command",
	 "- x:\n    text: |\n      - work-command:\n          worktype: a\n- node:\n    id: b\n",
	 ""},
	{"a plain value over several lines",
	 "- work-command:\n    worktype: a\n    params: b\n      c\n        d\n    command: e\n",
	 "a|e|b c d\n"},
	{"single quotes", "- work-command:\n    worktype: 'a''b'\n    command: '\"c\" # d'   # e\n",
	 "a'b|\"c\" # d|\n"},
	{"double quotes", "- work-command:\n    worktype: \"a\\\\b\"\n    command: \"'c': #\"\n",
	 "a\\b|'c': #|\n"},
	{"quotes over several lines, which hold no work command",
	 "- work-command:\n    worktype: 'a\n      b'\n    command: \"c\n\n- work-command:\n      "
	 "d\"\n"
	 "    params: \"e\\\n      \\ f\"\n",
	 "a b|c  - work-command: d|e f\n"},
	{"quoted keys", "- \"work-command\":\n    'worktype': a\n    \"command\": b\n", "a|b|\n"},
	{"a value with colons", "- work-command:\n    worktype: a:b\n    command: http://c:1\n",
	 "a:b|http://c:1|\n"},
	{"other keys that begin alike",
	 "- work-command:\n    worktype: a\n    commands: b\n    xparams: c\n- work-command-x:\n"
	 "    worktype: d\n- work-python:\n    worktype: e\n",
	 "a||\n"},

	{"flow style", "- work-command: {worktype: a, command: b}\n- node:\n    id: c\n", "?||\n"},
	{"a file in flow style", "[{\"work-command\": {\"worktype\": \"a\"}}]\n", "?||\n"},
	{"an item in flow style", "- {work-command: {worktype: a}}\n", "?||\n"},
	{"version 2 in flow style", "work-commands: [{worktype: a}]\n", "?||\n"},
	{"an anchor, an alias, a tag",
	 "- work-command: &x\n    worktype: a\n- work-command:\n    worktype: b\n    command: *y\n"
	 "- work-command:\n    worktype: !!str c\n",
	 "?a||\n?b||\n?||\n"},
	{"an escape that is not read here",
	 "- work-command:\n    worktype: a\n    params: \"b\\x20c\"\n", "?a||\n"},
	{"params as a list", "- work-command:\n    worktype: a\n    params:\n      - b\n",
	 "?a||\n"},
	{"quotes that do not end", "- work-command:\n    worktype: 'a\n    command: b\n", "?||\n"},
	{"a backslash at the very end", "- work-command:\n    worktype: \"a\\", "?||\n"},
	{"something behind the quotes", "- work-command:\n    worktype: 'a' b\n", "?||\n"},
};

static void test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = strdup(rows[i].text);
		struct seen seen = {""};

		receptor_conf_read(text, see, &seen);
		if (!ok(!strcmp(seen.text, rows[i].seen), "%s", rows[i].behaviour))
			printf("# %s", seen.text);
		free(text);
	}
}

/* The words of @command and @params, each in brackets. */
static const char *words_of(const char *command, const char *params)
{
	const struct work_command work = {"", command, params, true};
	static char text[256];
	struct words words;

	text[0] = '\0';
	if (!work_command_words(&work, &words))
		return "no words";
	for (size_t i = 0; i < words.count; i++) {
		strcat(text, "<");
		strcat(text, words.word[i]);
		strcat(text, ">");
	}
	words_free(&words);
	return text;
}

static void test_words(void)
{
	static const struct {
		const char *command, *params, *words;
	} lines[] = {
		{"", "", "<>"},
		{"a", "", "<a>"},
		{"a b", "", "<a b>"},
		{"a", "b  c\td\n", "<a><b><c><d>"},
		{"a", "'b c' \"d e\"", "<a><b c><d e>"},
		{"a", "b'c d'e", "<a><bc de>"},
		{"a", "'' b", "<a><><b>"},
		{"a", "b\\ c \"\\\"\" '\\'", "<a><b c><\"><\\>"},
		{"a", "'b c", "<a><b c>"},
		{"a", "b\\", "<a><b\\>"},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		ok(!strcmp(words_of(lines[i].command, lines[i].params), lines[i].words),
		   "%s %s: are the words %s", lines[i].command,
		   lines[i].params[0] ? "with params" : "", lines[i].words);
}

static void test_meaning(void)
{
	static const struct {
		const char *command, *params;
		bool leashed, containers;
	} lines[] = {
		{"podleash", "run ansible-runner worker", true, true},
		{"/usr/local/bin/podleash", "run --unit x -- podman run", true, true},
		{"env", "A=1 /opt/podleash run true", true, false},
		{"nice", "-n 10 podleash run ansible-runner worker", true, true},
		{"podleash", "sweep", false, false},
		{"podleash", "", false, false},
		{"run", "podleash", false, false},
		{"podleash-x", "run ansible-runner", false, true},
		{"/venv/bin/ansible-runner", "worker", false, true},
		{"sh", "-c 'exec podman run x'", false, true},
		{"bash", "-c 'echo podleash run'", false, false},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		const struct work_command work = {"", lines[i].command, lines[i].params, true};
		struct words words;

		if (!ok(work_command_words(&work, &words), "%s %s: words", work.command,
			work.params))
			continue;
		ok(!!words_podleash_run(&words) == lines[i].leashed, "%s %s: %s podleash run",
		   work.command, work.params, lines[i].leashed ? "a" : "no");
		ok(words_start_containers(&words) == lines[i].containers, "%s %s: %s containers",
		   work.command, work.params, lines[i].containers ? "starts" : "starts no");
		words_free(&words);
	}
}

int main(void)
{
	test_rows();
	test_words();
	test_meaning();
	return done();
}
