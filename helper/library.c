/* SPDX-License-Identifier: Apache-2.0 */
#include "library.h"

#include <fcntl.h>
#include <link.h>
#include <stdio.h>

#include "file.h"
#include "util.h"

/*
 * A program built with ASan stops where its runtime does not come first among all libraries,
 * preloaded ones before all. Ours has nothing that the runtime would want to see first. It is told
 * in ASAN_OPTIONS, where the last value of an option wins (compiler-rt, sanitizer_flag_parser.cpp).
 */
#define ASAN_OPTION "verify_asan_link_order"
#define ASAN_TAIL   ASAN_OPTION "=0"

/* Larger than any build of the library or the program. */
#define FILE_LIMIT (64U << 20)

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

/* Whether LD_PRELOAD's @entry (@length bytes) is our library, wherever it lies. */
static bool is_our_library(const char *entry, size_t length)
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

bool is_same_program(const char *a, const char *b)
{
	size_t size, other;
	_cleanup_free_ char *text = read_through(a, FILE_LIMIT, &size);
	_cleanup_free_ char *copy = read_through(b, FILE_LIMIT, &other);

	return text && copy && size == other && memcmp(text, copy, size) == 0;
}

static bool is_elf(const char *text, size_t size)
{
	return size >= sizeof(ElfW(Ehdr)) && memcmp(text, ELFMAG, SELFMAG) == 0;
}

static size_t segments(const char *text)
{
	return ((const ElfW(Ehdr) *)(const void *)text)->e_phnum;
}

/* Reads the program header @i; false where @text ends before it does. */
static bool read_segment(const char *text, size_t size, size_t i, ElfW(Phdr) * segment)
{
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)(const void *)text;
	size_t at = header->e_phoff + i * header->e_phentsize;

	if (at > size || size - at < sizeof(*segment))
		return false;
	memcpy(segment, text + at, sizeof(*segment));
	return true;
}

/* Whether all that ld.so maps of @text is there: what is not ends the process by SIGBUS. */
static bool is_whole(const char *text, size_t size)
{
	ElfW(Phdr) segment;

	for (size_t i = 0; i < segments(text); i++) {
		if (!read_segment(text, size, i, &segment))
			return false;
		if (segment.p_offset > size || segment.p_filesz > size - segment.p_offset)
			return false;
	}
	return true;
}

const char *library_problem(const char *path)
{
	size_t size, own_size;

	if (strpbrk(path, ": ")) /* ld.so(8) */
		return "its path has a blank or a colon, which parts the entries of LD_PRELOAD";
	_cleanup_free_ char *text = read_through(path, FILE_LIMIT, &size);
	_cleanup_free_ char *own = NULL;
	if (!text)
		return strerror(errno);
	own = read_through("/proc/self/exe", FILE_LIMIT, &own_size);
	if (!own || !is_elf(own, own_size))
		return "/proc/self/exe cannot be read";
	if (!is_elf(text, size))
		return "not an ELF file";

	/* malloc(3) aligns it */
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)(const void *)text;
	const ElfW(Ehdr) *ours = (const ElfW(Ehdr) *)(const void *)own;
	if (header->e_ident[EI_CLASS] != ours->e_ident[EI_CLASS] ||
	    header->e_ident[EI_DATA] != ours->e_ident[EI_DATA] ||
	    header->e_machine != ours->e_machine)
		return "built for another architecture";
	if (header->e_type != ET_DYN)
		return "not a shared library";
	return is_whole(text, size) ? NULL : "cut off";
}

static bool has_interpreter(const char *text, size_t size)
{
	ElfW(Phdr) segment;

	for (size_t i = 0; i < segments(text) && read_segment(text, size, i, &segment); i++)
		if (segment.p_type == PT_INTERP)
			return true;
	return false;
}

const char *program_problem(const char *path)
{
	static const char go[] = "\xff Go buildinf:";
	size_t size;
	_cleanup_free_ char *text = read_through(path, FILE_LIMIT, &size);

	if (!text || !is_elf(text, size) ||
	    text[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
		return NULL;
	if (memmem(text, size, go, sizeof(go) - 1))
		return "is a Go program, which calls execve(2) itself";
	return has_interpreter(text, size) ? NULL : "is linked statically, and loads no library";
}

/* Returns "LD_PRELOAD=…" without our library, NULL where nothing else is in it. */
static char *without_library(const char *value)
{
	char *text = malloc(sizeof("LD_PRELOAD=") + strlen(value));
	const char *entry;
	size_t length;

	if (!text)
		return NULL;
	char *kept = stpcpy(text, "LD_PRELOAD=");
	(void)strcpy(kept, value);
	while ((entry = library_entry(kept, &length))) {
		char *at = kept + (entry - kept), *behind = at + length;

		/* with what parts it from its neighbour */
		if (*behind)
			behind++;
		else if (at > kept)
			at--;
		memmove(at, behind, strlen(behind) + 1);
	}
	if (kept[strspn(kept, ": ")])
		return text;
	free(text);
	return NULL;
}

/* Sets @name to @before, which may be empty, and @word behind it. */
static bool set_list(const char *name, const char *before, const char *word)
{
	_cleanup_free_ char *list = NULL;

	if (asprintf(&list, "%s%s%s", before, *before ? ":" : "", word) < 0) {
		list = NULL;
		return false;
	}
	return setenv(name, list, 1) == 0;
}

bool environment_load(const char *library)
{
	const char *preload = getenv("LD_PRELOAD"), *options = getenv("ASAN_OPTIONS");
	_cleanup_free_ char *others = preload ? without_library(preload) : NULL;

	options = options ? options : "";
	return set_list("LD_PRELOAD", others ? others + strlen("LD_PRELOAD=") : "", library) &&
	       (strstr(options, ASAN_OPTION) || set_list("ASAN_OPTIONS", options, ASAN_TAIL));
}

/* Returns @variable, "ASAN_OPTIONS=…", without our tail: a shorter copy; NULL where that is all. */
static char *without_tail(char *variable)
{
	size_t length = strlen(variable), tail = strlen(ASAN_TAIL);

	if (equal(variable, "ASAN_OPTIONS=" ASAN_TAIL))
		return NULL;
	if (length < tail + 1 || !equal(variable + length - tail - 1, ":" ASAN_TAIL))
		return variable;
	return strndup(variable, length - tail - 1);
}

static bool is_ours(const char *variable)
{
	return after(variable, "PODLEASH_") || after(variable, "RECEPTOR_PID_DIRECTORY=");
}

/* What podman gets of @variable: itself, less of it, or nothing. */
static char *unleashed(char *variable)
{
	const char *preload = after(variable, "LD_PRELOAD=");

	if (preload)
		return without_library(preload);
	if (after(variable, "ASAN_OPTIONS="))
		return without_tail(variable);
	return is_ours(variable) ? NULL : variable;
}

char **environment_unleashed(void)
{
	size_t count = 0, n = 0;

	while (environ[count])
		count++;
	char **environment = calloc(count + 1, sizeof(*environment));
	for (size_t i = 0; environment && i < count; i++) {
		char *kept = unleashed(environ[i]);

		if (kept)
			environment[n++] = kept;
	}
	return environment;
}
