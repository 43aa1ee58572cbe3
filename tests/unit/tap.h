/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TAP for the unit tests: one ok() a behaviour, then `return done();`.
 */
#ifndef PODLEASH_TAP_H
#define PODLEASH_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static unsigned int tap_tests, tap_failures;

/* Prints the line of one test; @name is a printf(3) format. Returns @good. */
__attribute__((format(printf, 4, 5))) static inline bool tap_ok(bool good, const char *file,
								int line, const char *name, ...)
{
	va_list words;

	printf("%sok %u - ", good ? "" : "not ", ++tap_tests);
	va_start(words, name);
	vprintf(name, words);
	va_end(words);
	putchar('\n');
	if (!good) {
		tap_failures++;
		printf("# failed at %s:%d\n", file, line);
	}
	/* a test that crashes must not take the lines before it along */
	(void)fflush(stdout);
	return good;
}

/* ok(condition, "behaviour") or ok(condition, "format", …) */
#define ok(condition, ...) tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)

/* Prints the plan; returns main()'s status: 0 when every test was ok. */
static inline int done(void)
{
	printf("1..%u\n", tap_tests);
	return tap_failures != 0 || tap_tests == 0;
}

#endif
