/* SPDX-License-Identifier: Apache-2.0 */
/* A pid file: one decimal number, or nobody. */
#include "../../helper/util.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), again[16];
	pid_t pid = proc_parse_pid(text, size);
	size_t zeros = strspn(text, "0");

	must(pid >= 0);
	int length = snprintf(again, sizeof(again), "%d", (int)pid);
	const char *rest = after(text + zeros, again);
	/* what was read is all that stands there, but for zeros before it and a newline behind it
	 */
	bool whole = rest && (equal(rest, "") || equal(rest, "\n")) &&
		     size == zeros + (size_t)length + strlen(rest);
	must(pid == 0 || (whole && zeros + (size_t)length <= 10));
	free(text);

	/* each pid that a runtime writes is read */
	if (size == sizeof(int32_t)) {
		int32_t written;

		memcpy(&written, data, sizeof(written));
		length = snprintf(again, sizeof(again), "%d", written);
		must(proc_parse_pid(again, (size_t)length) == (written > 0 ? written : 0));
	}
	return 0;
}
