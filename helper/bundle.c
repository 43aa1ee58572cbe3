/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle.h"

#include <signal.h>

#include "util.h"

int bundle_stop_signal(const char *text)
{
	static const char key[] = "\"org.opencontainers.image.stopSignal\":\"";
	const char *found = strstr(text, key);
	char *end = NULL;

	/* within another key, or its value, the first quote stands behind a backslash */
	while (found && found > text && found[-1] == '\\')
		found = strstr(found + 1, key);
	if (!found)
		return 0;
	const char *digits = found + sizeof(key) - 1;
	long number = digits[0] >= '1' && digits[0] <= '9' ? strtol(digits, &end, 10) : 0;
	return end && *end == '"' && number <= SIGRTMAX ? (int)number : 0;
}
