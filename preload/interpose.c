/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eleven functions that start a program, in front of libc's own.
 *
 * libc's exec functions call each other without going through the dynamic
 * linker, so each is interposed; system(3) and popen(3) start a shell, which
 * inherits LD_PRELOAD. All of this runs in vfork children, in forked children of
 * threaded programs and in signal handlers: async-signal-safe throughout, and no
 * global is written after the constructor.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "leash.h"
#include "resolve.h"

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
static void exec_leashed(const char *path, char *const argv[], char *const envp[])
{
	int refused = 0;

	if (path && leash_counts(path, envp))
		(void)leash(start_exec, (void *)(uintptr_t)envp, path, argv, envp, &refused);
	if (refused)
		_exit(REFUSED_STATUS);
}

/* execvpe(3) without the stack that searching PATH takes where no podman is meant. */
static __attribute__((noinline)) void exec_leashed_from_path(const char *file, char *const argv[],
							     char *const envp[])
{
	char buffer[PATH_MAX];

	exec_leashed(search_path(file, buffer), argv, envp);
}

static __attribute__((noinline)) void exec_leashed_from_fd(int fd, const char *name,
							   char *const argv[], char *const envp[])
{
	char buffer[PATH_MAX];

	exec_leashed(path_of_fd(fd, name, buffer), argv, envp);
}

static void exec_leashed_at(int dirfd, const char *path, char *const argv[], char *const envp[],
			    int flags)
{
	if (!path)
		return;
	if (path[0] == '/' || (path[0] && dirfd == AT_FDCWD))
		exec_leashed(path, argv, envp);
	else if (path[0] ? leash_counts(path, envp) : flags & AT_EMPTY_PATH)
		exec_leashed_from_fd(dirfd, path, argv, envp);
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	if (leash_wanted(argv, envp))
		exec_leashed(path, argv, envp);
	return REAL(execve)(path, argv, envp);
}

EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	if (leash_wanted(argv, envp) && leash_counts(file, envp))
		exec_leashed_from_path(file, argv, envp);
	return REAL(execvpe)(file, argv, envp);
}

EXPORT int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

EXPORT int execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	if (leash_wanted(argv, envp))
		exec_leashed_from_fd(fd, "", argv, envp);
	return REAL(fexecve)(fd, argv, envp);
}

EXPORT int execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
	/* other flags change what the call means: it may be no start at all */
	if (!(flags & ~AT_EMPTY_PATH) && leash_wanted(argv, envp))
		exec_leashed_at(dirfd, path, argv, envp, flags);
	if (!REAL(execveat)) { /* glibc has it from 2.34 on, musl has not */
		errno = ENOSYS;
		return -1;
	}
	return REAL(execveat)(dirfd, path, argv, envp, flags);
}

/* execl(3) and its kin, once their words stand in an array. */
enum list_exec { LIST_EXECL, LIST_EXECLP, LIST_EXECLE };

static int exec_words(enum list_exec kind, const char *file, char **argv, va_list words)
{
	char *const *envp = environ;
	size_t n = 0;

	do
		argv[++n] = va_arg(words, char *);
	while (argv[n]);
	if (kind == LIST_EXECLE)
		envp = va_arg(words, char *const *);
	return kind == LIST_EXECLP ? execvpe(file, argv, envp) : execve(file, argv, envp);
}

static int exec_list(enum list_exec kind, const char *file, const char *word, va_list words)
{
	char *on_stack[LEASH_WORDS + 1];
	char **argv = on_stack;
	size_t count = 1, bytes;
	va_list counted;
	int result;

	va_copy(counted, words);
	while (va_arg(counted, char *))
		count++;
	va_end(counted);
	bytes = (count + 1) * sizeof(*argv);
	if (count > LEASH_WORDS) {
		argv = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
		if (argv == MAP_FAILED)
			return -1;
	}
	argv[0] = (char *)(uintptr_t)word;
	result = exec_words(kind, file, argv, words);
	if (argv != on_stack) {
		int error = errno;

		(void)munmap(argv, bytes); /* nothing to do about a failure */
		errno = error;
	}
	return result;
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

#define OWN_CALL (-1) /* no errno value */

/* A leash_start that starts a child. */
static int start_spawn(void *context, const char *path, char *const argv[])
{
	const struct spawn *spawn = context;

	return REAL(posix_spawn)(spawn->pid, path, spawn->actions, spawn->attributes, argv,
				 spawn->envp);
}

/* Returns 0 when the child was started, OWN_CALL to make the caller's own call, or the refusal. */
static int spawn_leashed(struct spawn *spawn, const char *path, char *const argv[])
{
	int refused = 0, saved = errno;
	bool started = leash(start_spawn, spawn, path, argv, spawn->envp, &refused);

	errno = saved; /* posix_spawn(3) reports by its result alone */
	return started ? 0 : refused ? refused : OWN_CALL;
}

static __attribute__((noinline)) int spawn_leashed_from_path(struct spawn *spawn, const char *file,
							     char *const argv[])
{
	char buffer[PATH_MAX];
	const char *path = search_path(file, buffer);

	return path ? spawn_leashed(spawn, path, argv) : OWN_CALL;
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	if (leash_wanted(argv, envp) && leash_counts(path, envp)) {
		struct spawn spawn = {pid, actions, attributes, envp};
		int error = spawn_leashed(&spawn, path, argv);

		if (error != OWN_CALL)
			return error;
	}
	return REAL(posix_spawn)(pid, path, actions, attributes, argv, envp);
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	if (leash_wanted(argv, envp) && leash_counts(file, envp)) {
		struct spawn spawn = {pid, actions, attributes, envp};
		int error = spawn_leashed_from_path(&spawn, file, argv);

		if (error != OWN_CALL)
			return error;
	}
	return REAL(posix_spawnp)(pid, file, actions, attributes, argv, envp);
}
