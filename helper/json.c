/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <inttypes.h>

void json_begin(FILE *file)
{
	(void)fputs("{", file);
}

static void put_quoted(FILE *file, const char *text)
{
	(void)fputc('"', file);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		/* what is no ASCII may be no UTF-8 either: a path's bytes are Latin-1 here */
		if (c < 0x20 || c > 0x7e)
			(void)fprintf(file, "\\u%04x", c);
		else
			(void)fprintf(file, c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	(void)fputc('"', file);
}

static void put_key(FILE *file, const char *key)
{
	put_quoted(file, key);
	(void)fputs(": ", file);
}

void json_string(FILE *file, const char *key, const char *value)
{
	put_key(file, key);
	put_quoted(file, value);
	(void)fputs(", ", file);
}

void json_number(FILE *file, const char *key, int64_t value)
{
	put_key(file, key);
	(void)fprintf(file, "%" PRId64 ", ", value);
}

void json_end(FILE *file)
{
	(void)fputs("\"podleash\": 1}\n", file);
}
