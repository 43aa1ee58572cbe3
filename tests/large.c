/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library to preload: gives a `podleash run` $LARGE bytes of memory to give back. Killed, it is
 * exiting for a while, and has no command line any more.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

__attribute__((constructor)) static void grow(int argc, char *argv[])
{
	const char *large = getenv("LARGE");

	if (!large || argc < 2 || strcmp(argv[1], "run") != 0)
		return;
	size_t size = strtoul(large, NULL, 10);
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		abort();
	(void)madvise(memory, size, MADV_NOHUGEPAGE);
	memset(memory, 1, size);
	(void)unsetenv("LARGE");
}
