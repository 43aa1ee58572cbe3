/* SPDX-License-Identifier: Apache-2.0 */
/* A /proc/PID/status: what is told stands on its own line, and nowhere else. */
#include "../../helper/util.h"
#include "fuzz.h"

/* The value of the first line, but for the very first, that starts with @key; NULL: none. */
static const char *find_line(const char *text, const char *key)
{
	while ((text = strchr(text, '\n'))) {
		const char *value = after(++text, key);

		if (value)
			return value;
	}
	return NULL;
}

static void judge_mask(const char *text, const char *key, uint64_t mask)
{
	const char *value = find_line(text, key);
	size_t digits = value ? strspn(value, "0123456789abcdefABCDEF") : 0;

	must(digits > 0);
	must(digits > 16 || mask == strtoull(value, NULL, 16));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct proc_status status;

	if (proc_parse_status(text, &status)) {
		judge_mask(text, "SigBlk:\t", status.blocked);
		judge_mask(text, "SigIgn:\t", status.ignored);
		judge_mask(text, "SigCgt:\t", status.caught);
	}
	if (status.namespace_init) {
		const char *pids = find_line(text, "NSpid:\t");

		/* below our own namespace, and the first of the innermost */
		must(pids);
		size_t length = strcspn(pids, "\n");
		must(length >= 2 && memcmp(pids + length - 2, "\t1", 2) == 0);
	}
	free(text);
	return 0;
}
