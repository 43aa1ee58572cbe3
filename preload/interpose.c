/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eleven functions that start a program, in front of libc's own.
 *
 * libc's exec functions call each other without going through the dynamic linker, so each is
 * interposed; system(3) and popen(3) start a shell, which inherits LD_PRELOAD. Each goes on to the
 * next one of its own name, which may be another library's. All of this runs in vfork children, in
 * forked children of threaded programs and in signal handlers: async-signal-safe throughout, and no
 * global is written after the constructor but memory.c's.
 */
#include <alloca.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include "leash.h"

#define EXPORT __attribute__((visibility("default")))

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

/* podman's own status for "could not be started", podman-run(1) */
#define REFUSED_STATUS 125

int execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags);

static struct {
	__typeof__(&execve) execve;
	__typeof__(&execveat) execveat;
	__typeof__(&execv) execv;
	__typeof__(&execvp) execvp;
	__typeof__(&execvpe) execvpe;
	__typeof__(&fexecve) fexecve;
	__typeof__(&posix_spawn) posix_spawn;
	__typeof__(&posix_spawnp) posix_spawnp;
} real;

/* Where libc's functions are. In musl nothing is next to a library that was opened by dlopen(3). */
static void *libc(void)
{
	return dlsym(RTLD_NEXT, "execve") ? RTLD_NEXT : RTLD_DEFAULT;
}

#define LOOK_UP(libc, name) ((__typeof__(&name))dlsym(libc, #name))

/*
 * Another library's constructor may run before ours and start a program. After it nothing is looked
 * up, also not what libc lacks: dlsym(3) allocates memory for its error.
 */
#define REAL(name) (real.execve ? real.name : LOOK_UP(libc(), name))

__attribute__((constructor)) static void look_up_real_functions(void)
{
	void *in = libc();

	real.execveat = LOOK_UP(in, execveat);
	real.execv = LOOK_UP(in, execv);
	real.execvp = LOOK_UP(in, execvp);
	real.execvpe = LOOK_UP(in, execvpe);
	real.fexecve = LOOK_UP(in, fexecve);
	real.posix_spawn = LOOK_UP(in, posix_spawn);
	real.posix_spawnp = LOOK_UP(in, posix_spawnp);
	real.execve = LOOK_UP(in, execve); /* the last: now all are there */
}

/* A leash_start that replaces the process. */
static int start_exec(void *context, const char *path, char *const argv[])
{
	char *const *envp = context;

	REAL(execve)(path, argv, envp);
	return errno;
}

/* Returns only when the process was not replaced; the caller's own exec is next. */
static void exec_leashed(const struct program *program, char *const argv[], char *const envp[])
{
	int refused = 0;

	(void)leash(start_exec, (void *)(uintptr_t)envp, program, argv, envp, &refused);
	if (refused)
		_exit(REFUSED_STATUS);
}

/* Before the caller's own exec of @file, which is a path, or a name to be found in PATH. */
static void exec_file(enum program_by by, const char *file, char *const argv[], char *const envp[])
{
	if (leash_wanted(argv, envp) && leash_counts(file, envp))
		exec_leashed(&(struct program){.by = by, .file = file}, argv, envp);
}

/* Before that of @path at @dirfd; "" is @dirfd itself where @flags say so, as in execveat(2). */
static void exec_at(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
	const struct program program = {.by = BY_FD, .file = path, .fd = dirfd};

	if (!path || !leash_wanted(argv, envp))
		return;
	if (path[0] == '/' || (path[0] && dirfd == AT_FDCWD))
		exec_file(BY_PATH, path, argv, envp);
	else if (path[0] ? leash_counts(path, envp) : flags & AT_EMPTY_PATH)
		exec_leashed(&program, argv, envp);
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	exec_file(BY_PATH, path, argv, envp);
	return REAL(execve)(path, argv, envp);
}

EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	exec_file(BY_NAME, file, argv, envp);
	return REAL(execvpe)(file, argv, envp);
}

EXPORT int execv(const char *path, char *const argv[])
{
	exec_file(BY_PATH, path, argv, environ);
	return REAL(execv)(path, argv);
}

EXPORT int execvp(const char *file, char *const argv[])
{
	exec_file(BY_NAME, file, argv, environ);
	return REAL(execvp)(file, argv);
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	exec_at(fd, "", argv, envp, AT_EMPTY_PATH);
	return REAL(fexecve)(fd, argv, envp);
}

EXPORT int execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
	/* other flags change what the call means: it may be no start at all */
	if (!(flags & ~AT_EMPTY_PATH))
		exec_at(dirfd, path, argv, envp, flags);
	if (!REAL(execveat)) { /* glibc has it from 2.34 on, musl has not */
		errno = ENOSYS;
		return -1;
	}
	return REAL(execveat)(dirfd, path, argv, envp, flags);
}

/* execl(3) and its kin: the function that takes their words in an array. */
enum list_exec { LIST_EXECL, LIST_EXECLP, LIST_EXECLE };

static int exec_list(enum list_exec kind, const char *file, const char *word, va_list words)
{
	size_t count = 1, n = 0;
	va_list counted;

	va_copy(counted, words);
	while (word && va_arg(counted, char *))
		count++;
	va_end(counted);
	/* they stand on the stack already, and libc puts them there once more as well */
	/* cppcheck-suppress allocaCalled */
	char **argv = alloca((count + 1) * sizeof(*argv));
	argv[n] = (char *)(uintptr_t)word;
	while (argv[n])
		argv[++n] = va_arg(words, char *);
	if (kind == LIST_EXECL)
		return execv(file, argv);
	if (kind == LIST_EXECLP)
		return execvp(file, argv);
	return execve(file, argv, va_arg(words, char *const *));
}

#define DEFINE_LIST_EXEC(name, kind)                                                               \
	EXPORT int name(const char *file, const char *word, ...)                                   \
	{                                                                                          \
		va_list words;                                                                     \
		int result;                                                                        \
                                                                                                   \
		va_start(words, word);                                                             \
		result = exec_list(kind, file, word, words);                                       \
		va_end(words);                                                                     \
		return result;                                                                     \
	}

DEFINE_LIST_EXEC(execl, LIST_EXECL)
DEFINE_LIST_EXEC(execlp, LIST_EXECLP)
DEFINE_LIST_EXEC(execle, LIST_EXECLE)

struct spawn {
	pid_t *pid;
	const posix_spawn_file_actions_t *actions;
	const posix_spawnattr_t *attributes;
	char *const *envp;
};

/* A leash_start that starts a child. */
static int start_spawn(void *context, const char *path, char *const argv[])
{
	const struct spawn *spawn = context;

	return REAL(posix_spawn)(spawn->pid, path, spawn->actions, spawn->attributes, argv,
				 spawn->envp);
}

/* Starts the child, by @real_spawn where it is none to be leashed. */
static int spawn_program(struct spawn *spawn, const struct program *program, char *const argv[],
			 __typeof__(&posix_spawn) real_spawn)
{
	int refused = 0, saved = errno;

	if (leash_wanted(argv, spawn->envp) && leash_counts(program->file, spawn->envp)) {
		bool started = leash(start_spawn, spawn, program, argv, spawn->envp, &refused);

		errno = saved; /* posix_spawn(3) reports by its result alone */
		if (started || refused)
			return refused;
	}
	return real_spawn(spawn->pid, program->file, spawn->actions, spawn->attributes, argv,
			  spawn->envp);
}

/* The actions may take the child to another directory. */
EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	const struct program program = {.by = BY_PATH, .file = path, .elsewhere = actions};
	struct spawn spawn = {pid, actions, attributes, envp};

	return spawn_program(&spawn, &program, argv, REAL(posix_spawn));
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	const struct program program = {.by = BY_NAME, .file = file, .elsewhere = actions};
	struct spawn spawn = {pid, actions, attributes, envp};

	return spawn_program(&spawn, &program, argv, REAL(posix_spawnp));
}
