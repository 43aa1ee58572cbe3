/* SPDX-License-Identifier: Apache-2.0 */
/* Text put together on the stack. Async-signal-safe. */
#ifndef PODLEASH_TEXT_H
#define PODLEASH_TEXT_H

#include <stdint.h>
#include <string.h>

/* Each writes at @to, where the caller has made room, and returns the end; no NUL is written. */
static inline char *put_text(char *to, const char *text)
{
	size_t length = strlen(text);

	memcpy(to, text, length);
	return to + length;
}

static inline char *put_number(char *to, uint64_t number, unsigned int base)
{
	char digits[24];
	size_t n = 0;

	do
		digits[n++] = "0123456789abcdef"[number % base];
	while (number /= base);
	while (n)
		*to++ = digits[--n];
	return to;
}

#endif
