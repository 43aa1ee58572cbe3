/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every fuzzer shares: each is one function that judges one input, and
 * ends the program where something that must hold does not.
 */
#ifndef PODLEASH_FUZZ_H
#define PODLEASH_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../helper/proc.h"

/* libFuzzer calls it with one input after the other. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__,          \
				#condition);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Returns a copy with a NUL behind it and not a byte more: ASan sees who reads on. */
static inline char *fuzz_text(const void *data, size_t size)
{
	char *text = malloc(size + 1);

	must(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* Makes words of the input, one a line; false where it is empty. words_free() frees them. */
static inline bool fuzz_words(const uint8_t *data, size_t size, struct words *words)
{
	char *text = fuzz_text(data, size);

	for (size_t i = 0; i < size; i++)
		if (text[i] == '\n')
			text[i] = '\0';
	return words_split(text, size, words);
}

/* Returns an array of the words and of @more before the one at @at, NULL-terminated; to be freed.
 */
static inline char **fuzz_with(const struct words *words, size_t at, const char *const more[],
			       size_t count)
{
	char **argv = calloc(words->count + count + 1, sizeof(*argv));

	must(argv && at <= words->count);
	memcpy(argv, words->word, at * sizeof(*argv));
	if (count)
		memcpy(argv + at, more, count * sizeof(*argv));
	memcpy(argv + at + count, words->word + at, (words->count - at) * sizeof(*argv));
	return argv;
}

/* Whether @text lies in one of the words. */
static inline bool fuzz_within(const struct words *words, const char *text)
{
	for (size_t i = 0; i < words->count; i++)
		if (text >= words->word[i] && text <= words->word[i] + strlen(words->word[i]))
			return true;
	return false;
}

#endif
