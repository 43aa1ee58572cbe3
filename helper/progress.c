/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <stdio.h>
#include <sys/mman.h>

#include "util.h"

/* What is over by then needs no line. */
#define PATIENCE_MS 1000

struct progress *progress_new(void)
{
	void *memory = mmap(NULL, sizeof(struct progress), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void progress_show(struct progress *progress)
{
	char line[sizeof(progress->line)];

	if (!progress->since)
		progress->since = boottime_ms();
	int64_t ms = boottime_ms() - progress->since;
	if (ms < PATIENCE_MS || !isatty(STDERR_FILENO))
		return;
	(void)snprintf(line, sizeof(line), "%zu of %zu runs done, %d s", progress->done,
		       progress->total, (int)(ms / 1000));
	if (equal(line, progress->line))
		return;
	progress_erase(progress);
	memcpy(progress->line, line, sizeof(line));
	(void)fputs(line, stderr);
}

void progress_erase(struct progress *progress)
{
	/* by blanks, which every terminal knows */
	if (!progress || !progress->line[0])
		return;
	(void)fprintf(stderr, "\r%*s\r", (int)strlen(progress->line), "");
	progress->line[0] = '\0';
}
