/* SPDX-License-Identifier: Apache-2.0 */
/* A tombstone is the very line that a canceller writes, and nothing else is one. */
#include "../../helper/tombstone.h"

#include <inttypes.h>
#include <regex.h>

#include "../../helper/util.h"
#include "fuzz.h"

static bool is_line(const char *text)
{
	static const char expression[] = "^[^[:space:]]{1,36} (0|[1-9][0-9]{0,19}) "
					 "(-1|0|[1-9][0-9]{0,9})\n$";
	static regex_t compiled;

	if (!compiled.buffer)
		must(regcomp(&compiled, expression, REG_EXTENDED | REG_NOSUB) == 0);
	return regexec(&compiled, text, 0, NULL, 0) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), again[128];
	struct tombstone stone;

	if (tombstone_parse(text, size, &stone)) {
		must(strlen(text) == size && is_line(text));
		must(stone.grace_ms >= -1 && stone.boot[0] && strlen(stone.boot) < BOOT_ID_SIZE);
		(void)snprintf(again, sizeof(again), "%s %" PRIu64 " %d\n", stone.boot, stone.when,
			       stone.grace_ms);
		must(equal(again, text));
	}
	free(text);
	return 0;
}
