/* SPDX-License-Identifier: Apache-2.0 */
#include "grace.h"

#include "log.h"
#include "util.h"

bool grace_parse(const char *text, int *grace_ms)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	unsigned long seconds = strtoul(text, &end, 10);
	if (*end || errno || seconds > GRACE_MAX)
		return false;
	*grace_ms = (int)seconds * 1000;
	return true;
}

bool grace_given(const char *text, int *grace_ms)
{
	if (grace_parse(text, grace_ms))
		return true;
	print_error("%s: not a number of seconds from 0 to %d", text, GRACE_MAX);
	return false;
}

int grace_from_environment(const struct run *run)
{
	const char *text = getenv("PODLEASH_GRACE");
	int grace_ms = -1;

	if (text && *text && !grace_parse(text, &grace_ms))
		log_run(run, NULL, GRACE_IGNORED, text, GRACE_MAX);
	return grace_ms;
}
