/* SPDX-License-Identifier: Apache-2.0 */
/* Ages as people say them. */
#include "../../helper/terminal.h"

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

int main(void)
{
	char text[AGE_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		format_age(text, rows[i].seconds);
		ok(!strcmp(text, rows[i].text), "%llu seconds are %s",
		   (unsigned long long)rows[i].seconds, rows[i].text);
	}
	return done();
}
