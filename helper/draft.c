/* SPDX-License-Identifier: Apache-2.0 */
#include "draft.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "util.h"

static void draft_put(struct draft *draft, const char *bytes, size_t size)
{
	if (draft->size + size > draft->room) {
		size_t wanted = 2 * (draft->size + size) + 1024;
		char *larger = realloc(draft->text, wanted);

		if (!larger) {
			draft->failed = true;
			return;
		}
		draft->text = larger;
		draft->room = wanted;
	}
	memcpy(draft->text + draft->size, bytes, size);
	draft->size += size;
}

void draft_add(struct draft *draft, const char *key, const char *value)
{
	draft_put(draft, key, strlen(key));
	draft_put(draft, "=", 1);
	for (; *value; value++) {
		char escaped[8];

		if (iscntrl((unsigned char)*value) || *value == '%') {
			(void)snprintf(escaped, sizeof(escaped), "%%%02x", (unsigned char)*value);
			draft_put(draft, escaped, 3);
		} else {
			draft_put(draft, value, 1);
		}
	}
	draft_put(draft, "\n", 1);
}

void draft_add_number(struct draft *draft, const char *key, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	draft_add(draft, key, text);
}

void draft_add_process(struct draft *draft, const char *key, struct process id, const char *name)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%d,%" PRIu64 "%s%s", (int)id.pid, id.start,
		       name ? "," : "", name ? name : "");
	draft_add(draft, key, text);
}

void draft_free(struct draft *draft)
{
	cleanup_free(&draft->text); /* keeps errno */
	*draft = (struct draft){0};
}
