/* SPDX-License-Identifier: Apache-2.0 */
/* podleash list without a flag: a line for each run, fit for the terminal. */
#ifndef PODLEASH_TABLE_H
#define PODLEASH_TABLE_H

#include "record.h"
#include "state.h"

/* Starts as {0}. */
struct table {
	struct row *row;
	size_t rows;
};

/* Adds @run, @age seconds old; @name is its container's, or "". False where memory is short. */
bool table_add(struct table *table, const struct run *run, enum run_state state, uint64_t age,
	       const char *name);

/*
 * Prints it to stdout, the units and their runs in natural order (strverscmp(3)): without the
 * columns for which a terminal has no room, and with names cut where that is not enough.
 */
void table_print(struct table *table);
void table_free(struct table *table);

#endif
