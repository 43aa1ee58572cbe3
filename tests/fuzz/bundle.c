/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle's config.json: the stop signal is told by its own annotation, and by nothing else. */
#include "../../helper/bundle.h"

#include <signal.h>

#include "../../helper/util.h"
#include "fuzz.h"

#define KEY "\"org.opencontainers.image.stopSignal\":"

/* Whether @text has the annotation with just @signal in it, outside of a string. */
static bool has_signal(const char *text, int signal)
{
	char entry[96];

	(void)snprintf(entry, sizeof(entry), KEY "\"%d\"", signal);
	for (const char *at = text; (at = strstr(at, entry)); at++)
		if (at == text || at[-1] != '\\')
			return true;
	return false;
}

/* Writes the bytes of @text as a string of JSON (RFC 8259); returns where it ends. */
static char *put_string(char *to, const uint8_t *text, size_t size)
{
	*to++ = '"';
	for (size_t i = 0; i < size; i++)
		if (text[i] < ' ')
			to += sprintf(to, "\\u%04x", text[i]);
		else if (text[i] == '"' || text[i] == '\\')
			to += sprintf(to, "\\%c", text[i]);
		else
			*to++ = (char)text[i];
	*to++ = '"';
	*to = '\0';
	return to;
}

/* Another annotation, whatever its name and its value, changes nothing. */
static void judge_others(const uint8_t *data, size_t size)
{
	static const char end[] = "," KEY "\"10\"}}";
	size_t half = size / 2;
	char *text = malloc(6 * size + 128), *to = text;

	must(text);
	to += sprintf(to, "{\"annotations\":{");
	to = put_string(to, data, half);
	*to++ = ':';
	to = put_string(to, data + half, size - half);
	char *without = to;
	memcpy(to, end, sizeof(end));
	bool same = after(text + strlen("{\"annotations\":{"), KEY);
	must(same || bundle_stop_signal(text) == 10);
	memcpy(without, "}}", sizeof("}}"));
	must(same || bundle_stop_signal(text) == 0);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	int signal = bundle_stop_signal(text);

	must(signal >= 0 && signal <= SIGRTMAX);
	must(!signal || has_signal(text, signal));
	free(text);
	judge_others(data, size);
	return 0;
}
