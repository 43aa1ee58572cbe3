/* SPDX-License-Identifier: Apache-2.0 */
/* When progress is shown, and how it goes. */
#include "../../helper/progress.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "../../helper/util.h"
#include "tap.h"

#define HOUR_MS 3600000

/* Makes a new terminal our stderr; returns the side on which its output is read. */
static int open_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	int slave;

	if (master < 0 || grantpt(master) || unlockpt(master))
		return -1;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (slave < 0 || dup2(slave, STDERR_FILENO) < 0)
		return -1;
	close(slave);
	return master;
}

/* What was printed since the last call: read up to a mark, a terminal hands on in its own time. */
static const char *printed(int terminal)
{
	static char text[256];
	size_t length = 0;

	if (write(STDERR_FILENO, "", 1) == 1)
		while (length < sizeof(text) - 1 && read(terminal, text + length, 1) == 1 &&
		       text[length])
			length++;
	text[length] = '\0';
	return text;
}

int main(void)
{
	struct progress early = {.done = 1, .total = 2, .since = boottime_ms() + HOUR_MS};
	struct progress late = {.done = 1, .total = 2, .since = boottime_ms() - HOUR_MS};
	int terminal = open_terminal();

	if (!ok(terminal >= 0, "a terminal"))
		return done();
	progress_show(&early);
	progress_erase(&early);
	ok(!*printed(terminal), "nothing is printed, or erased, in the first second");
	progress_show(&late);
	ok(strstr(printed(terminal), "1 of 2 runs done, ") != NULL, "then it is");
	late.since += 1000; /* so that its seconds stay, whatever the clock does */
	late.done = 2;
	progress_show(&late);
	ok(printed(terminal)[0] == '\r', "a new line replaces the old one");
	progress_erase(&late);
	const char *text = printed(terminal);
	ok(text[0] == '\r' && strspn(text + 1, " ") == strlen(text) - 2 &&
		   text[strlen(text) - 1] == '\r',
	   "it is erased by blanks");
	progress_erase(&late);
	ok(!*printed(terminal), "once");
	progress_erase(NULL);
	close(terminal);
	return done();
}
