/* SPDX-License-Identifier: Apache-2.0 */
#include "receptor_conf.h"

#include "../preload/podman_command.h"
#include "util.h"

/* A line without its indentation and what is blank at its end. */
struct line {
	size_t indent;
	char *text;
	size_t length;
	char *next; /* line */
};

/* One `key: value` with all the lines of its value; the dash of a list may stand before it. */
struct entry {
	bool dash;
	size_t column; /* of the key */
	char *key;     /* "" where the line has none */
	char *value;   /* "" where what it holds is below it */
	bool understood;
};

/* Where in the file the reader is, and what it has gathered. */
struct reader {
	char *at;
	enum { OUTSIDE, IN_ITEM, IN_LIST } section;
	size_t base;   /* column of the section's key */
	size_t column; /* of the keys in it, 0: none yet */
	bool has_command;
	struct work_command command;
	work_command_found *found;
	void *context;
};

static bool look(char *at, struct line *line)
{
	size_t length = strcspn(at, "\n");

	if (!*at)
		return false;
	line->next = at + length + (at[length] == '\n');
	line->indent = strspn(at, " ");
	line->text = at + line->indent;
	line->length = length - line->indent;
	while (line->length && strchr(" \t\r", line->text[line->length - 1]))
		line->length--;
	return true;
}

/* Appends @line to the value that ends at @end, one blank between. Returns the new end. */
static char *fold(char *end, const char *value, const struct line *line)
{
	if (end != value)
		*end++ = ' ';
	memmove(end, line->text, line->length);
	return end + line->length;
}

/* `|` and `>`: all that is indented deeper. Both split into the same words. */
static void read_block(struct reader *reader, struct entry *entry)
{
	char *end = entry->value;
	struct line line;

	while (look(reader->at, &line) && (!line.length || line.indent > entry->column)) {
		if (line.length)
			end = fold(end, entry->value, &line);
		reader->at = line.next;
	}
	*end = '\0';
}

/* Neither quoted nor a block: to a comment, and on over lines that are indented deeper. */
static void read_plain(struct reader *reader, struct entry *entry)
{
	char *comment = strstr(entry->value, " #");
	struct line line;

	char *end = comment ? comment : entry->value + strlen(entry->value);
	while (end > entry->value && strchr(" \t", end[-1]))
		end--;
	while (!comment && look(reader->at, &line) && line.length && line.indent > entry->column &&
	       line.text[0] != '#') {
		end = fold(end, entry->value, &line);
		reader->at = line.next;
	}
	*end = '\0';
}

/* Appends the next line to the value that ends at @end, in place of its newline. */
static bool append_line(struct reader *reader, char *end)
{
	struct line line;

	if (!look(reader->at, &line))
		return false;
	*fold(end, NULL, &line) = '\0';
	reader->at = line.next;
	return true;
}

/* Takes the quotes off, on over as many lines as they hold. */
static void read_quoted(struct reader *reader, struct entry *entry)
{
	char quote = entry->value[0], *from = entry->value + 1, *to = entry->value;

	for (; *from || append_line(reader, from); from++) {
		if (quote == '"' && *from == '\\') {
			from++;
			/* a line that ends in one goes on without a blank */
			if (!*from && append_line(reader, from))
				continue;
			entry->understood = entry->understood && *from && strchr("\"\\/ ", *from);
			if (!*from)
				break;
		} else if (*from == quote) {
			if (quote == '"' || from[1] != quote)
				break;
			from++;
		}
		*to++ = *from;
	}
	char *behind = *from ? from + 1 + strspn(from + 1, " \t") : "x";
	entry->understood = entry->understood && (!*behind || *behind == '#');
	*to = '\0';
}

static void read_value(struct reader *reader, struct entry *entry)
{
	char first = entry->value[0];

	if (first == '#')
		entry->value[0] = '\0';
	else if (first == '|' || first == '>')
		read_block(reader, entry);
	else if (first == '"' || first == '\'')
		read_quoted(reader, entry);
	else if (first && strchr("{[&*!%@`", first))
		entry->understood = false;
	else if (first)
		read_plain(reader, entry);
}

/* Returns the colon behind the key in @text, or NULL where it does not start with one. */
static char *find_colon(char *text)
{
	char *at = text;

	if (strchr("{[#", text[0]))
		return NULL;
	if (text[0] == '"' || text[0] == '\'')
		at = strchr(text + 1, text[0]);
	for (; at && (at = strchr(at, ':')); at++)
		if (!at[1] || strchr(" \t", at[1]))
			return at;
	return NULL;
}

static bool read_entry(struct reader *reader, struct entry *entry)
{
	struct line line;

	do {
		if (!look(reader->at, &line))
			return false;
		reader->at = line.next;
	} while (!line.length || line.text[0] == '#');
	char *text = line.text;
	text[line.length] = '\0';
	*entry = (struct entry){.understood = true};
	if (text[0] == '-' && (!text[1] || text[1] == ' ')) {
		entry->dash = true;
		text += 1 + strspn(text + 1, " ");
	}
	entry->column = line.indent + (size_t)(text - line.text);
	char *colon = find_colon(text);
	if (!colon) {
		entry->key = text + strlen(text);
		entry->value = text;
		entry->understood = false;
		return true;
	}
	*colon = '\0';
	entry->key = text;
	if (text[0] == '"' || text[0] == '\'') {
		entry->key++;
		entry->key[strcspn(entry->key, text[0] == '"' ? "\"" : "'")] = '\0';
	}
	entry->value = colon + 1 + strspn(colon + 1, " \t");
	read_value(reader, entry);
	return true;
}

/* Hands over what was gathered. */
static void flush(struct reader *reader)
{
	if (reader->has_command)
		reader->found(&reader->command, reader->context);
	reader->has_command = false;
}

static void begin(struct reader *reader, bool understood)
{
	flush(reader);
	reader->has_command = true;
	reader->command = (struct work_command){"", "", "", understood};
	reader->column = 0;
}

static void take_field(struct reader *reader, const struct entry *entry)
{
	struct work_command *command = &reader->command;

	if (!reader->column)
		reader->column = entry->column;
	if (!entry->understood || entry->column != reader->column)
		command->understood = false;
	else if (strcasecmp(entry->key, "worktype") == 0)
		command->worktype = entry->value;
	else if (strcasecmp(entry->key, "command") == 0)
		command->command = entry->value;
	else if (strcasecmp(entry->key, "params") == 0)
		command->params = entry->value;
}

/* An entry that no work command holds: one begins here, or something else. */
static void leave_section(struct reader *reader, const struct entry *entry)
{
	flush(reader);
	reader->section = OUTSIDE;
	reader->base = entry->column;
	if (strcasecmp(entry->key, "work-command") == 0) {
		begin(reader, !entry->value[0]);
		reader->section = IN_ITEM;
	} else if (strcasecmp(entry->key, "work-commands") == 0) {
		reader->section = IN_LIST;
		if (entry->value[0] && !equal(entry->value, "[]"))
			begin(reader, false);
	} else if (!entry->understood && strcasestr(entry->value, "work-command")) {
		begin(reader, false);
	}
}

static void take(struct reader *reader, const struct entry *entry)
{
	/* a list may stand in the column of its key */
	bool is_item = reader->section == IN_LIST && entry->dash && entry->column > reader->base;

	if (is_item)
		begin(reader, entry->understood);
	if (is_item || (reader->section != OUTSIDE && entry->column > reader->base))
		take_field(reader, entry);
	else
		leave_section(reader, entry);
}

void receptor_conf_read(char *text, work_command_found *found, void *context)
{
	struct reader reader = {.at = text, .found = found, .context = context};
	struct entry entry;

	while (read_entry(&reader, &entry))
		take(&reader, &entry);
	flush(&reader);
}

/* Writes the word at @text, unquoted and with a NUL, to @to. Returns where the next may begin. */
static const char *split_word(const char *text, char **to)
{
	char quote = '\0';

	for (; *text && (quote || !strchr(" \t\r\n", *text)); text++) {
		if (quote ? *text == quote : *text == '"' || *text == '\'') {
			quote = quote ? '\0' : *text;
			continue;
		}
		if (*text == '\\' && quote != '\'' && text[1])
			text++;
		*(*to)++ = *text;
	}
	*(*to)++ = '\0';
	return text;
}

bool work_command_words(const struct work_command *command, struct words *words)
{
	const char *params = command->params;
	size_t size = strlen(command->command) + 1;
	char *text = malloc(size + strlen(params) + 1);

	memset(words, 0, sizeof(*words));
	if (!text)
		return false;
	memcpy(text, command->command, size);
	char *to = text + size;
	while (*(params += strspn(params, " \t\r\n")))
		params = split_word(params, &to);
	return words_split(text, (size_t)(to - text), words);
}

const char *words_podleash_run(const struct words *words)
{
	for (size_t i = 0; i + 1 < words->count; i++)
		if (equal(path_basename(words->word[i]), "podleash") &&
		    equal(words->word[i + 1], "run"))
			return words->word[i];
	return NULL;
}

bool words_start_containers(const struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		if (strstr(words->word[i], "ansible-runner") || strstr(words->word[i], "podman"))
			return true;
	return false;
}
