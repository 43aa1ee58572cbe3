/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <stdio.h>

#include "util.h"

/* What is over by then needs no line. */
#define PATIENCE_MS 1000

void progress_show(struct progress *progress, size_t done, size_t total)
{
	char line[sizeof(progress->line)];

	if (!progress->since)
		progress->since = boottime_ms();
	int64_t ms = boottime_ms() - progress->since;
	if (ms < PATIENCE_MS || !isatty(STDERR_FILENO))
		return;
	(void)snprintf(line, sizeof(line), "%zu of %zu runs done, %d s", done, total,
		       (int)(ms / 1000));
	if (equal(line, progress->line))
		return;
	progress_erase(progress);
	memcpy(progress->line, line, sizeof(line));
	(void)fputs(line, stderr);
}

void progress_erase(struct progress *progress)
{
	/* by blanks, which every terminal knows */
	if (progress->line[0])
		(void)fprintf(stderr, "\r%*s\r", (int)strlen(progress->line), "");
	progress->line[0] = '\0';
}
