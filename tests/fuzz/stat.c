/* SPDX-License-Identifier: Apache-2.0 */
/* A /proc/PID/stat, whose second field a process chooses itself. */
#include <ctype.h>
#include <inttypes.h>

#include "../../helper/util.h"
#include "fuzz.h"

/* Field @number (1: the one behind the name) of a line, as the number that it is. */
static bool read_field(const char *text, unsigned int number, uint64_t *value)
{
	const char *digits = "0123456789";

	for (; number > 1; number--) {
		text += strspn(text, " ");
		text += strcspn(text, " ");
	}
	text += strspn(text, " ");
	size_t length = strspn(text, digits);
	*value = strtoull(text, NULL, 10);
	return length > 0 && length < 20 && strchr(" \n", text[length]);
}

static void judge_raw(const char *text, size_t size)
{
	struct proc_stat stat;
	uint64_t start, user, system;

	if (!proc_parse_stat(text, size, &stat))
		return;
	const char *open = memchr(text, '(', size), *close = memrchr(text, ')', size);
	must(open && close && memchr(stat.name, '\0', sizeof(stat.name)));
	must(strncmp(stat.name, open + 1, strlen(stat.name)) == 0);
	must(strlen(stat.name) <= (size_t)(close - open - 1));
	must(stat.state);
	/* of a line like the kernel's, by another way; of any other, whatever it says */
	const char *end = close + 3 + strspn(close + 3, " 0123456789");
	if (close[1] != ' ' || !isalpha((unsigned char)close[2]) || close[3] != ' ' ||
	    (!equal(end, "") && !equal(end, "\n")))
		return;
	must(!read_field(close + 1, 20, &start) || stat.start == start);
	must(!read_field(close + 1, 12, &user) || !read_field(close + 1, 13, &system) ||
	     stat.cpu == user + system);
}

/* Whatever the name is, the fields behind it are the kernel's. */
static void judge_name(const char *name, size_t size)
{
	static const char fields[] = ") S 4711 4712 4713 34816 4713 4194560 100 200 300 400 5 6 7 "
				     "8 20 0 1 0 987654321 1024 256\n";
	char text[64 + sizeof(fields)] = "12 (";
	struct proc_stat stat;

	size = size > 15 ? 15 : size; /* TASK_COMM_LEN */
	if (size)
		memcpy(text + 4, name, size);
	memcpy(text + 4 + size, fields, sizeof(fields));
	must(proc_parse_stat(text, 4 + size + sizeof(fields) - 1, &stat));
	must(memcmp(stat.name, text + 4, size) == 0);
	must(stat.state == 'S' && stat.ppid == 4711 && stat.session == 4713);
	must(stat.tty == 34816 && stat.cpu == 11 && stat.start == 987654321);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	judge_raw(text, size);
	judge_name(text, size);
	free(text);
	return 0;
}
