/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader of stdout can show, and how ages are told to people. */
#ifndef PODLEASH_TERMINAL_H
#define PODLEASH_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether stdout is a terminal that takes colours, and NO_COLOR (no-color.org) asks for none. */
bool terminal_takes_colour(void);

/* Whether the locale of the environment writes UTF-8. The program's own stays "C". */
bool locale_is_utf8(void);

/*
 * How many columns a line may have: COLUMNS, as watch(1) sets it, else those of the terminal that
 * stdout is; 0: as many as it takes.
 */
size_t terminal_width(void);

/* Cuts @text, which is ASCII, to @width columns, one at least; a + ends it then, as in ps(1). */
void cut_text(char *text, size_t width);

/* Prints @text to stdout in the SGR @colour (NULL: none) and in @width, as printf(3)'s %*s. */
void print_coloured(const char *text, int width, const char *colour);

/* Writes seconds as people say them: 12s, 3m, 2h, 4d, rounded down. */
#define AGE_SIZE 24
void format_age(char text[AGE_SIZE], uint64_t seconds);

#endif
