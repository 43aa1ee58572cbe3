/* SPDX-License-Identifier: Apache-2.0 */
/* Ages as people say them; texts that are cut; how wide a line may be. */
#include "../../helper/terminal.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define MINUTE 60ULL
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const struct {
	uint64_t seconds;
	const char *text;
} rows[] = {
	{0, "0s"},
	{1, "1s"},
	{MINUTE - 1, "59s"},
	{MINUTE, "1m"},
	{2 * MINUTE - 1, "1m"},
	{HOUR - 1, "59m"},
	{HOUR, "1h"},
	{DAY - 1, "23h"},
	{DAY, "1d"},
	{400 * DAY, "400d"},
	{UINT64_MAX, "213503982334601d"},
};

static const struct {
	size_t width;
	const char *text;
} cuts[] = {{5, "abcd"}, {4, "abcd"}, {3, "ab+"}, {2, "a+"}, {1, "+"}, {0, "+"}};

int main(void)
{
	char text[AGE_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		format_age(text, rows[i].seconds);
		ok(!strcmp(text, rows[i].text), "%llu seconds are %s",
		   (unsigned long long)rows[i].seconds, rows[i].text);
	}
	for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		strcpy(text, "abcd");
		cut_text(text, cuts[i].width);
		ok(!strcmp(text, cuts[i].text), "abcd in %zu columns is %s", cuts[i].width,
		   cuts[i].text);
	}
	(void)setenv("COLUMNS", "72", 1);
	ok(terminal_width() == 72, "COLUMNS says how wide a line may be");
	return done();
}
