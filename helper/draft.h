/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a record in memory, before they are written (record.h). */
#ifndef PODLEASH_DRAFT_H
#define PODLEASH_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc.h"

/* Starts as {0}. Adding may fail for want of memory, which @failed tells at the end. */
struct draft {
	char *text;
	size_t size, room;
	bool failed; /* memory was short */
};

/* Each adds one line `KEY=VALUE`, control characters and % as %XX. */
void draft_add(struct draft *draft, const char *key, const char *value);
void draft_add_number(struct draft *draft, const char *key, uint64_t value);
void draft_add_process(struct draft *draft, const char *key, struct process id, const char *name);

/* Frees the lines; the draft may be used again. Keeps errno. */
void draft_free(struct draft *draft);

#endif
