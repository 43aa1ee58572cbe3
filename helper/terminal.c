/* SPDX-License-Identifier: Apache-2.0 */
#include "terminal.h"

#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "util.h"

bool terminal_takes_colour(void)
{
	const char *refused = getenv("NO_COLOR"), *type = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(refused && refused[0]) && type && !equal(type, "dumb");
}

bool locale_is_utf8(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool utf8 = locale && equal(nl_langinfo_l(CODESET, locale), "UTF-8");

	if (locale)
		freelocale(locale);
	return utf8;
}

size_t terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	size_t width = columns ? strtoul(columns, NULL, 10) : 0;
	struct winsize size;

	if (!width && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	return width;
}

void cut_text(char *text, size_t width)
{
	if (!width)
		width = 1;
	if (strlen(text) <= width)
		return;
	text[width - 1] = '+';
	text[width] = '\0';
}

void print_coloured(const char *text, int width, const char *colour)
{
	if (colour)
		(void)printf("\033[%sm%*s\033[0m", colour, width, text);
	else
		(void)printf("%*s", width, text);
}

void format_age(char text[AGE_SIZE], uint64_t seconds)
{
	static const struct {
		uint64_t seconds;
		char letter;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(units) && seconds < units[i].seconds)
		i++;
	(void)snprintf(text, AGE_SIZE, "%" PRIu64 "%c", seconds / units[i].seconds,
		       units[i].letter);
}
