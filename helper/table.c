/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdio.h>

#include "terminal.h"
#include "util.h"

enum column { UNIT, RUN, STATE, AGE, PODMAN, CONMON, CONTAINER, CID, NAME, COLUMNS };

/* What a narrow terminal does without, in this order; then the names that are left are cut. */
static const enum column dispensable[] = {PODMAN, CONMON, RUN, CONTAINER, CID};

struct row {
	enum run_state state;
	char cell[COLUMNS][UNIT_SIZE];
};

bool table_add(struct table *table, const struct run *run, enum run_state state, uint64_t age,
	       const char *name)
{
	const pid_t pids[] = {run->podman.pid, run->conmon.pid, run->container.pid};
	struct row *row = realloc(table->row, (table->rows + 1) * sizeof(*row));

	if (!row)
		return false;
	table->row = row;
	row += table->rows++;
	row->state = state;
	(void)snprintf(row->cell[UNIT], UNIT_SIZE, "%s", run->unit);
	(void)snprintf(row->cell[RUN], UNIT_SIZE, "%s", run->name);
	(void)snprintf(row->cell[STATE], UNIT_SIZE, "%s", state_word(state));
	format_age(row->cell[AGE], age);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		(void)snprintf(row->cell[PODMAN + i], UNIT_SIZE, "%d", (int)pids[i]);
	(void)snprintf(row->cell[CID], UNIT_SIZE, "%.12s", run->cid[0] ? run->cid : "-");
	(void)snprintf(row->cell[NAME], UNIT_SIZE, "%s", name[0] ? name : "-");
	return true;
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *one = a, *other = b;
	int unit = strverscmp(one->cell[UNIT], other->cell[UNIT]);

	return unit ? unit : strverscmp(one->cell[RUN], other->cell[RUN]);
}

static void widen(size_t width[COLUMNS], const struct row *row)
{
	for (size_t i = 0; i < COLUMNS; i++)
		if (strlen(row->cell[i]) > width[i])
			width[i] = strlen(row->cell[i]);
}

static bool is_too_wide(const size_t width[COLUMNS], size_t limit)
{
	size_t sum = 0;

	for (size_t i = 0; i < COLUMNS; i++)
		sum += width[i] ? width[i] + (i != NAME) : 0;
	return limit && sum > limit;
}

static void fit(size_t width[COLUMNS], size_t limit)
{
	for (size_t i = 0; i < ARRAY_SIZE(dispensable) && is_too_wide(width, limit); i++)
		width[dispensable[i]] = 0;
	while (is_too_wide(width, limit)) {
		size_t *longer = &width[width[UNIT] > width[NAME] ? UNIT : NAME];

		if (*longer == 1)
			return;
		--*longer;
	}
}

static void print_row(struct row *row, const size_t width[COLUMNS], const char *colour)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		int columns = i >= AGE && i <= CONTAINER ? (int)width[i] : -(int)width[i];

		if (!width[i])
			continue;
		cut_text(row->cell[i], width[i]);
		print_coloured(row->cell[i], i == NAME ? 0 : columns, i == STATE ? colour : NULL);
		(void)putchar(i == NAME ? '\n' : ' ');
	}
}

void table_print(struct table *table)
{
	static struct row titles = {.cell = {"UNIT", "RUN", "STATE", "AGE", "PODMAN", "CONMON",
					     "CONTAINER", "CID", "NAME"}};
	bool colour = terminal_takes_colour();
	size_t width[COLUMNS] = {0};

	if (!table->rows)
		return;
	qsort(table->row, table->rows, sizeof(*table->row), compare_rows);
	widen(width, &titles);
	for (size_t i = 0; i < table->rows; i++)
		widen(width, &table->row[i]);
	fit(width, terminal_width());
	print_row(&titles, width, NULL);
	for (size_t i = 0; i < table->rows; i++)
		print_row(&table->row[i], width, colour ? state_colour(table->row[i].state) : NULL);
}

void table_free(struct table *table)
{
	free(table->row);
	*table = (struct table){0};
}
