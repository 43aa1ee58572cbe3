/* SPDX-License-Identifier: Apache-2.0 */
/* A /proc/PID/cmdline: its words, put together again, are its bytes. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct words words;
	size_t at = 0;

	must(words_split(fuzz_text(data, size), size, &words) == (size > 0));
	if (!size) {
		must(!words.text && !words.word && !words.count);
		return 0;
	}
	must(words.count >= 1 && !words.word[words.count]);
	for (size_t i = 0; i < words.count; i++) {
		size_t length = strlen(words.word[i]);

		must(words.word[i] == words.text + at && at + length <= size);
		must(memcmp(words.word[i], data + at, length) == 0);
		must(at + length == size || data[at + length] == '\0');
		at += length + 1;
	}
	/* a process may have cut its last NUL off */
	must(at == size || at == size + 1);
	words_free(&words);
	return 0;
}
