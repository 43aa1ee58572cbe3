/* SPDX-License-Identifier: Apache-2.0 */
/* Which entry of an LD_PRELOAD is our library. */
#include "../../helper/library.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

static void test_entry(void)
{
	static const struct {
		const char *preload, *entry; /* NULL: none */
	} rows[] = {
		{"", NULL},
		{":", NULL},
		{"libm.so.6", NULL},
		{"libpodleash.so", "libpodleash.so"},
		{"/usr/local/lib/libpodleash.so", "/usr/local/lib/libpodleash.so"},
		{"libm.so.6:/lib/libpodleash.so", "/lib/libpodleash.so"},
		{"/lib/libpodleash.so:libm.so.6", "/lib/libpodleash.so"},
		{"libm.so.6 /lib/libpodleash.so libc.so", "/lib/libpodleash.so"},
		{" :/a/libpodleash.so:/b/libpodleash.so", "/a/libpodleash.so"},
		{"/usr/$LIB/libpodleash.so", "/usr/$LIB/libpodleash.so"},
		{"/lib/notlibpodleash.so", NULL},
		{"/lib/libpodleash.so.1", NULL},
		{"/lib/libpodleash.so/x", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t length;
		const char *entry = library_entry(rows[i].preload, &length);

		ok(rows[i].entry ? entry && length == strlen(rows[i].entry) &&
					   !memcmp(entry, rows[i].entry, length)
				 : !entry,
		   "of '%s' it is %s", rows[i].preload, rows[i].entry ? rows[i].entry : "none");
	}
}

/* What is said of our own program's first @size bytes once @byte of them, or no byte, is another.
 */
static const char *problem_of(size_t size, size_t byte)
{
	char path[] = "/tmp/unit-library-XXXXXX", *text = malloc(size);
	FILE *own = fopen("/proc/self/exe", "rb");
	const char *problem = "no file";
	int fd = mkstemp(path);

	if (text && own && fd >= 0 && fread(text, 1, size, own) == size) {
		if (byte)
			text[byte] = (char)(text[byte] + 0x40);
		if (write(fd, text, size) == (ssize_t)size)
			problem = library_problem(path);
	}
	(void)unlink(path);
	(void)close(fd);
	(void)fclose(own);
	free(text);
	return problem;
}

static void test_problem(void)
{
	static const struct {
		const char *behaviour, *problem;
		size_t size, byte;
	} rows[] = {
		{"another class", "built for another architecture", 4096, EI_CLASS},
		{"another byte order", "built for another architecture", 4096, EI_DATA},
		{"another machine", "built for another architecture", 4096,
		 offsetof(Elf64_Ehdr, e_machine)},
		{"a core file", "not a shared library", 4096, offsetof(Elf64_Ehdr, e_type)},
		{"less than a header", "not an ELF file", sizeof(Elf64_Ehdr) - 1, 0},
		{"another magic number", "not an ELF file", 4096, EI_MAG1},
		{"no segment", "cut off", sizeof(Elf64_Ehdr) + 8, 0},
		{"segments that begin behind its end", "cut off", 4096,
		 offsetof(Elf64_Ehdr, e_phoff) + 4},
		{"half a segment", "cut off", 4096, 0},
	};

	if (sizeof(void *) != 8) /* the offsets are those of 64 bits */
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *problem = problem_of(rows[i].size, rows[i].byte);

		ok(problem && !strcmp(problem, rows[i].problem), "a library of %s: %s",
		   rows[i].behaviour, rows[i].problem);
	}
	ok(!library_problem("/proc/self/exe"), "a whole file has none");
}

int main(void)
{
	test_entry();
	test_problem();
	return done();
}
