/* SPDX-License-Identifier: Apache-2.0 */
/* Which signal a container asks to be ended by. */
#include "../../helper/bundle.h"

#include <signal.h>
#include <string.h>

#include "tap.h"

#define KEY	    "\"org.opencontainers.image.stopSignal\":"
#define QUOTED(key) "\\\"" key "\\\""
#define NAME	    "org.opencontainers.image.stopSignal"

static const struct {
	const char *behaviour, *text;
	int signal;
} rows[] = {
	{"one digit", "{" KEY "\"1\"}", 1},
	{"two digits", "{" KEY "\"10\"}", 10},
	{"among other annotations", "{\"annotations\":{\"a\":\"b\"," KEY "\"15\",\"c\":\"d\"}}",
	 15},
	{"nothing", "", 0},
	{"an empty object", "{}", 0},
	{"another annotation", "{\"org.opencontainers.image.title\":\"9\"}", 0},
	{"zero", "{" KEY "\"0\"}", 0},
	{"a negative number", "{" KEY "\"-9\"}", 0},
	{"a plus sign", "{" KEY "\"+9\"}", 0},
	{"a blank before it", "{" KEY "\" 9\"}", 0},
	{"a blank behind it", "{" KEY "\"9 \"}", 0},
	{"a letter behind it", "{" KEY "\"9x\"}", 0},
	{"a leading zero", "{" KEY "\"09\"}", 0},
	{"a hexadecimal number", "{" KEY "\"0x9\"}", 0},
	{"a name", "{" KEY "\"SIGTERM\"}", 0},
	{"an empty value", "{" KEY "\"\"}", 0},
	{"a number without quotes", "{" KEY "9}", 0},
	{"a text that is cut behind the digits", "{" KEY "\"9", 0},
	{"a text that is cut before them", "{" KEY "\"", 0},
	{"a number of more than 32 bits", "{" KEY "\"4294967305\"}", 0},
	{"a number of more than 64 bits", "{" KEY "\"18446744073709551625\"}", 0},
	{"the key in another's value", "{\"a\":\"" QUOTED(NAME) ":\\\"9\\\"\"}", 0},
	{"the key in another's value, before it",
	 "{\"a\":\"" QUOTED(NAME) ":\\\"9\\\"\"," KEY "\"10\"}", 10},
	{"the key at the end of another key", "{\"a\\\"" NAME "\":\"9\"}", 0},
	{"the key at the end of another key, before it", "{\"a\\\"" NAME "\":\"9\"," KEY "\"10\"}",
	 10},
	{"the key as a value", "{\"a\":\"" NAME "\",\"b\":\"9\"}", 0},
	{"a key that only ends like it", "{\"x" NAME "\":\"9\"}", 0},
	{"the first of two counts", "{" KEY "\"10\"," KEY "\"12\"}", 10},
	{"a bad one before a good one", "{" KEY "\"x\"," KEY "\"12\"}", 0},
};

int main(void)
{
	char text[128];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ok(bundle_stop_signal(rows[i].text) == rows[i].signal, "%s: %d", rows[i].behaviour,
		   rows[i].signal);
	(void)snprintf(text, sizeof(text), "{" KEY "\"%d\"}", SIGRTMAX);
	ok(bundle_stop_signal(text) == SIGRTMAX, "the largest signal is one");
	(void)snprintf(text, sizeof(text), "{" KEY "\"%d\"}", SIGRTMAX + 1);
	ok(bundle_stop_signal(text) == 0, "one above it is none");
	return done();
}
