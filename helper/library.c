/* SPDX-License-Identifier: Apache-2.0 */
#include "library.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>

#include "file.h"
#include "util.h"

#ifndef PODLEASH_LIBRARY
#define PODLEASH_LIBRARY "/usr/local/lib/libpodleash.so"
#endif

/* Larger than any build of it. */
#define LIBRARY_LIMIT (64U << 20)

bool program_path(char path[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (length <= 0)
		return false;
	path[length] = '\0';
	return true;
}

void library_find(const char *helper, char library[PATH_MAX])
{
	const char *slash = strrchr(helper, '/');

	if (slash &&
	    snprintf(library, PATH_MAX, "%.*s/libpodleash.so", (int)(slash - helper), helper) <
		    PATH_MAX &&
	    access(library, R_OK) == 0)
		return;
	(void)snprintf(library, PATH_MAX, "%s", PODLEASH_LIBRARY);
}

bool is_our_library(const char *entry, size_t length)
{
	static const char name[] = "libpodleash.so";
	size_t tail = sizeof(name) - 1;

	return length >= tail && !memcmp(entry + length - tail, name, tail) &&
	       (length == tail || entry[length - tail - 1] == '/');
}

const char *library_entry(const char *preload, size_t *length)
{
	for (;; preload += *length) {
		preload += strspn(preload, ": "); /* ld.so(8): either may part the entries */
		*length = strcspn(preload, ": ");
		if (!*length || is_our_library(preload, *length))
			return *length ? preload : NULL;
	}
}

/* The header of the file @path. False with errno; EBADMSG where it has none. */
static bool read_header(const char *path, Elf64_Ehdr *header)
{
	size_t size = 0;
	char real[PATH_MAX]; /* a library is often a symbolic link */
	_cleanup_free_ char *text =
		realpath(path, real) ? read_file(AT_FDCWD, real, LIBRARY_LIMIT, &size) : NULL;

	if (!text)
		return false;
	errno = EBADMSG;
	if (size < sizeof(*header) || memcmp(text, ELFMAG, SELFMAG) != 0)
		return false;
	/* class, byte order, type and machine lie alike in a header of 32 bits */
	memcpy(header, text, sizeof(*header));
	return true;
}

const char *library_problem(const char *path)
{
	Elf64_Ehdr own, header;

	if (!read_header(path, &header))
		return errno == EBADMSG ? "not an ELF file" : strerror(errno);
	if (!read_header("/proc/self/exe", &own))
		return "/proc/self/exe cannot be read";
	if (header.e_ident[EI_CLASS] != own.e_ident[EI_CLASS] ||
	    header.e_ident[EI_DATA] != own.e_ident[EI_DATA] || header.e_machine != own.e_machine)
		return "built for another architecture";
	return header.e_type == ET_DYN ? NULL : "not a shared library";
}

/* Returns "LD_PRELOAD=…" without our library, NULL where nothing else is in it. */
static char *without_library(const char *value)
{
	char *text = calloc(1, strlen("LD_PRELOAD=") + strlen(value) + 1);
	char *to = text ? stpcpy(text, "LD_PRELOAD=") : NULL;
	bool first = true;

	while (text && *value) {
		size_t separators = strspn(value, ": "); /* ld.so(8): either may part the entries */
		size_t length = strcspn(value + separators, ": ");

		if (length && !is_our_library(value + separators, length)) {
			if (!first)
				*to++ = ':';
			to = mempcpy(to, value + separators, length);
			first = false;
		}
		value += separators + length;
	}
	if (!first)
		return text;
	free(text);
	return NULL;
}

static bool is_ours(const char *variable)
{
	return after(variable, "PODLEASH_") || after(variable, "RECEPTOR_PID_DIRECTORY=");
}

char **environment_unleashed(void)
{
	size_t count = 0, n = 0;

	while (environ[count])
		count++;
	char **environment = calloc(count + 1, sizeof(*environment));
	for (size_t i = 0; environment && i < count; i++) {
		const char *preload = after(environ[i], "LD_PRELOAD=");
		char *kept = preload ? without_library(preload) : environ[i];

		if (kept && !is_ours(kept))
			environment[n++] = kept;
	}
	return environment;
}
