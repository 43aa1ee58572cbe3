/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into what `make coverage` builds. gcov writes its counters at exit(3), and most of our
 * processes become another program or end by _exit(2) before: so each of these writes them first.
 * The library asks dlsym(3) for the real functions, and is given ones that do the same.
 */
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

void __gcov_dump(void);
void __gcov_reset(void);

/* From zero again, should the call return: what is written is added to what was. */
static void write_counters(void)
{
	__gcov_dump();
	__gcov_reset();
}

void __real__exit(int status);
void __wrap__exit(int status);
void __wrap__exit(int status)
{
	write_counters();
	__real__exit(status);
}

#ifdef LIBRARY

/* A function that the library looks up: what it gets instead. */
#define COUNTED(name, parameters, arguments)                                                       \
	static int(*real_##name) parameters;                                                       \
	static int counted_##name parameters                                                       \
	{                                                                                          \
		write_counters();                                                                  \
		return real_##name arguments;                                                      \
	}

COUNTED(execve, (const char *path, char *const argv[], char *const envp[]), (path, argv, envp))
COUNTED(execvpe, (const char *file, char *const argv[], char *const envp[]), (file, argv, envp))
COUNTED(fexecve, (int fd, char *const argv[], char *const envp[]), (fd, argv, envp))
COUNTED(execveat,
	(int directory, const char *path, char *const argv[], char *const envp[], int flags),
	(directory, path, argv, envp, flags))

void *__real_dlsym(void *handle, const char *name);
void *__wrap_dlsym(void *handle, const char *name);
void *__wrap_dlsym(void *handle, const char *name)
{
	void *found = __real_dlsym(handle, name);

#define REPLACE(function)                                                                          \
	if (!strcmp(name, #function)) {                                                            \
		*(void **)&real_##function = found;                                                \
		return (void *)&counted_##function;                                                \
	}
	REPLACE(execve)
	REPLACE(execvpe)
	REPLACE(fexecve)
	REPLACE(execveat)
	return found;
}

#else

#define WRAP(name, parameters, arguments)                                                          \
	int __real_##name parameters;                                                              \
	int __wrap_##name parameters;                                                              \
	int __wrap_##name parameters                                                               \
	{                                                                                          \
		write_counters();                                                                  \
		return __real_##name arguments;                                                    \
	}

WRAP(execv, (const char *path, char *const argv[]), (path, argv))
WRAP(execve, (const char *path, char *const argv[], char *const envp[]), (path, argv, envp))
WRAP(execvpe, (const char *file, char *const argv[], char *const envp[]), (file, argv, envp))

#endif
