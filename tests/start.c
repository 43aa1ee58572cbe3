/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts a program by a given function, from a given place: what a preload
 * library has to cope with, one case a command line. A start that fails is
 * printed, so that runs with and without the library can be compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof(*(array)))

#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000 /* Linux 6.14: a question, not a start */
#endif

#define START_FAILED 126
#define USAGE_ERROR  2

/* Words of a start by execl(3) and its kin: the call has them all, up to the first NULL. */
#define SHORT_LIST 20
#define LONG_LIST  1200

/* Words of the other starts. */
#define WORDS 6000

#define THREADS		16
#define SMALL_STACK	(32 * 1024)
#define SIGNAL_STACK	(8 * 1024) /* SIGSTKSZ, as most programs have it */
#define CHILDREN	50
#define WORD_LENGTH	63
#define HUGE_WORD_PAGES 32 /* one page less is the longest word of execve(2) */

/* Not in glibc before 2.34. */
int execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
	__attribute__((weak));

/* Not in glibc before 2.29. */
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path)
	__attribute__((weak));

struct request {
	const struct function *function;
	const char *program;
	int fd;		     /* the program, or its directory for execveat-dir */
	const char *name;    /* the program below that directory */
	const char *command; /* the words for a shell */
	size_t count;
	/* NULL-terminated, then envp and a NULL: the tail of an execle(3) */
	char *list[WORDS + 3];
	char **envp;
};

enum kind { EXEC, SPAWN, SHELL };

struct function {
	const char *name;
	enum kind kind;
	/* the function's result; the child of a spawn goes to @pid */
	int (*start)(const struct request *request, pid_t *pid);
};

static int start_execve(const struct request *request, pid_t *pid)
{
	(void)pid;
	return execve(request->program, request->list, request->envp);
}

static int start_execv(const struct request *request, pid_t *pid)
{
	(void)pid;
	return execv(request->program, request->list);
}

static int start_execvp(const struct request *request, pid_t *pid)
{
	(void)pid;
	return execvp(request->program, request->list);
}

static int start_execvpe(const struct request *request, pid_t *pid)
{
	(void)pid;
	return execvpe(request->program, request->list, request->envp);
}

#define L10(i)                                                                                     \
	l[i], l[i + 1], l[i + 2], l[i + 3], l[i + 4], l[i + 5], l[i + 6], l[i + 7], l[i + 8],      \
		l[i + 9]
#define L20(i)	 L10(i), L10(i + 10)
#define L100(i)	 L20(i), L20(i + 20), L20(i + 40), L20(i + 60), L20(i + 80)
#define L300(i)	 L100(i), L100(i + 100), L100(i + 200)
#define L1200(i) L300(i), L300(i + 300), L300(i + 600), L300(i + 900)

/* Sanitizers take minutes to compile a call of so many words. */
#define NOT_CHECKED __attribute__((noinline, no_sanitize("address"), no_sanitize("undefined")))

/* The call with more words has a stack frame that the small stack does not hold. */
#define DEFINE_LIST_START(function, ...)                                                           \
	static NOT_CHECKED int long_##function(const struct request *request)                      \
	{                                                                                          \
		char *const *l = request->list;                                                    \
                                                                                                   \
		return function(request->program, L1200(0), __VA_ARGS__);                          \
	}                                                                                          \
                                                                                                   \
	static int start_##function(const struct request *request, pid_t *pid)                     \
	{                                                                                          \
		char *const *l = request->list;                                                    \
                                                                                                   \
		(void)pid;                                                                         \
		if (request->count > SHORT_LIST - 2)                                               \
			return long_##function(request);                                           \
		return function(request->program, L20(0), __VA_ARGS__);                            \
	}

DEFINE_LIST_START(execl, (char *)NULL)
DEFINE_LIST_START(execlp, (char *)NULL)
DEFINE_LIST_START(execle, (char *)NULL, request->envp)

#define DEFINE_EXECVEAT_START(name, fd, path, flags)                                               \
	static int name(const struct request *request, pid_t *pid)                                 \
	{                                                                                          \
		(void)pid;                                                                         \
		if (execveat)                                                                      \
			return execveat(fd, path, request->list, request->envp, flags);            \
		errno = ENOSYS;                                                                    \
		return -1;                                                                         \
	}

DEFINE_EXECVEAT_START(start_execveat, AT_FDCWD, request->program, 0)
DEFINE_EXECVEAT_START(start_execveat_dir, request->fd, request->name, 0)
DEFINE_EXECVEAT_START(start_execveat_fd, request->fd, "", AT_EMPTY_PATH)
DEFINE_EXECVEAT_START(start_execveat_nofollow, AT_FDCWD, request->program, AT_SYMLINK_NOFOLLOW)
DEFINE_EXECVEAT_START(start_execveat_check, AT_FDCWD, request->program, AT_EXECVE_CHECK)
/* flags that no kernel knows: EINVAL, whatever the words are */
DEFINE_EXECVEAT_START(start_execveat_invalid, AT_FDCWD, request->program, 1 << 30)

static int start_fexecve(const struct request *request, pid_t *pid)
{
	(void)pid;
	return fexecve(request->fd, request->list, request->envp);
}

static int start_posix_spawn(const struct request *request, pid_t *pid)
{
	return posix_spawn(pid, request->program, NULL, NULL, request->list, request->envp);
}

static int start_posix_spawnp(const struct request *request, pid_t *pid)
{
	return posix_spawnp(pid, request->program, NULL, NULL, request->list, request->envp);
}

/* The name, in a child that its file actions take to the program's directory. */
static int start_posix_spawn_chdir(const struct request *request, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	char name[256] = "./", directory[4096];
	int result;

	(void)strncat(name, request->name, sizeof(name) - 3);
	(void)snprintf(directory, sizeof(directory), "%.*s",
		       (int)(request->name - request->program), request->program);
	if (!posix_spawn_file_actions_addchdir_np || posix_spawn_file_actions_init(&actions))
		return ENOSYS;
	result = posix_spawn_file_actions_addchdir_np(&actions, directory);
	if (!result)
		result = posix_spawn(pid, name, &actions, NULL, request->list, request->envp);
	(void)posix_spawn_file_actions_destroy(&actions);
	return result;
}

static int start_system(const struct request *request, pid_t *pid)
{
	(void)pid;
	return system(request->command);
}

static int start_popen(const struct request *request, pid_t *pid)
{
	FILE *output = popen(request->command, "r");
	char buffer[4096];
	size_t length;

	(void)pid;
	if (!output)
		return -1;
	while ((length = fread(buffer, 1, sizeof(buffer), output)) > 0)
		(void)fwrite(buffer, 1, length, stdout);
	(void)fflush(stdout);
	return pclose(output);
}

static const struct function functions[] = {
	{"execve", EXEC, start_execve},
	{"execv", EXEC, start_execv},
	{"execvp", EXEC, start_execvp},
	{"execvpe", EXEC, start_execvpe},
	{"execl", EXEC, start_execl},
	{"execlp", EXEC, start_execlp},
	{"execle", EXEC, start_execle},
	{"execveat", EXEC, start_execveat},
	{"execveat-dir", EXEC, start_execveat_dir},
	{"execveat-fd", EXEC, start_execveat_fd},
	{"execveat-nofollow", EXEC, start_execveat_nofollow},
	{"execveat-check", EXEC, start_execveat_check},
	{"execveat-invalid", EXEC, start_execveat_invalid},
	{"fexecve", EXEC, start_fexecve},
	{"posix_spawn", SPAWN, start_posix_spawn},
	{"posix_spawnp", SPAWN, start_posix_spawnp},
	{"posix_spawn-chdir", SPAWN, start_posix_spawn_chdir},
	{"system", SHELL, start_system},
	{"popen", SHELL, start_popen},
};

static const char *error_name(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{0, "0"},
		{E2BIG, "E2BIG"},
		{EACCES, "EACCES"},
		{EBADF, "EBADF"},
		{EFAULT, "EFAULT"},
		{EINVAL, "EINVAL"},
		{ELOOP, "ELOOP"},
		{ENAMETOOLONG, "ENAMETOOLONG"},
		{ENOENT, "ENOENT"},
		{ENOEXEC, "ENOEXEC"},
		{ENOMEM, "ENOMEM"},
		{ENOSYS, "ENOSYS"},
		{ENOTDIR, "ENOTDIR"},
		{EPERM, "EPERM"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].error == error)
			return names[i].name;
	return "another";
}

/* By system calls alone: the place may be a vfork child or a signal handler. */
static void report(const char *function, const char *text, const char *error)
{
	const char *words[] = {function, text, error, "\n"};
	struct iovec parts[ARRAY_SIZE(words)];

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		parts[i] = (struct iovec){(void *)(size_t)words[i], strlen(words[i])};
	if (writev(STDOUT_FILENO, parts, ARRAY_SIZE(words)) < 0)
		_exit(USAGE_ERROR);
}

static int exit_status(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return START_FAILED;
	return exit_status(status);
}

/* Starts the program from here; returns its exit status, or START_FAILED. */
static int start_here(const struct request *request)
{
	const struct function *function = request->function;
	pid_t pid = -1;
	int result, error;

	(void)close(-1); /* where the start begins, for a reader of strace's output */
	errno = 0;
	result = function->start(request, &pid);
	error = errno;
	if (function->kind == SPAWN && result == 0)
		return wait_for(pid);
	if (function->kind == SHELL && result != -1)
		return exit_status(result);
	if (function->kind == SPAWN)
		report(function->name, ": result=", error_name(result));
	else
		report(function->name,
		       result == -1 ? ": result=-1 errno=" : ": result is not -1, errno=",
		       error_name(error));
	return START_FAILED;
}

static int start_in_vfork(const struct request *request)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(start_here(request));
	return pid < 0 ? START_FAILED : wait_for(pid);
}

/* A handler has no argument of its own. */
static const struct request *signalled_request;

static void start_on_signal(int number)
{
	(void)number;
	_exit(start_here(signalled_request));
}

static int start_in_signal(const struct request *request)
{
	struct sigaction action = {.sa_handler = start_on_signal};

	signalled_request = request;
	if (sigaction(SIGUSR1, &action, NULL) == 0)
		(void)raise(SIGUSR1);
	return START_FAILED;
}

/* The handler has a stack of its own, and nothing below it. */
static int start_on_signal_stack(const struct request *request)
{
	struct sigaction action = {.sa_handler = start_on_signal, .sa_flags = SA_ONSTACK};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory =
		mmap(NULL, page + SIGNAL_STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_sp = memory + page, .ss_size = SIGNAL_STACK};

	signalled_request = request;
	if (memory == MAP_FAILED || mprotect(stack.ss_sp, SIGNAL_STACK, PROT_READ | PROT_WRITE) ||
	    sigaltstack(&stack, NULL) || sigaction(SIGUSR1, &action, NULL))
		return START_FAILED;
	(void)raise(SIGUSR1);
	return START_FAILED;
}

/* KiB that this process has mapped. */
static long mapped(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages = 0;

	if (!file || fscanf(file, "%ld", &pages) != 1)
		_exit(USAGE_ERROR);
	(void)fclose(file);
	return pages * sysconf(_SC_PAGESIZE) / 1024;
}

/* One start after the other, from vfork children, and what they leave mapped from the second on. */
static int start_in_children(const struct request *request)
{
	int status = start_in_vfork(request);
	long before = mapped();

	for (size_t i = 1; i < CHILDREN && !status; i++)
		status = start_in_vfork(request);
	printf("left mapped: %ld KiB\n", mapped() - before);
	return status;
}

struct crowd {
	const struct request *request;
	pthread_barrier_t barrier;
};

static void *start_in_crowd(void *context)
{
	struct crowd *crowd = context;
	const struct request *request = crowd->request;
	bool in_child = request->function->kind == EXEC;

	(void)pthread_barrier_wait(&crowd->barrier);
	return (void *)(size_t)(in_child ? start_in_vfork(request) : start_here(request));
}

/* THREADS starts at the same moment, an exec in a vfork child of each thread. */
static int start_in_threads(const struct request *request)
{
	struct crowd crowd = {.request = request};
	pthread_t threads[THREADS];
	int status = 0;

	if (pthread_barrier_init(&crowd.barrier, NULL, THREADS))
		return START_FAILED;
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, start_in_crowd, &crowd))
			_exit(START_FAILED);
	for (size_t i = 0; i < THREADS; i++) {
		void *result;

		if (pthread_join(threads[i], &result) || result)
			status = START_FAILED;
	}
	return status;
}

static int start_on_stack(void *context)
{
	_exit(start_here(context));
}

/* As CPython and glibc's posix_spawn(3) start a program: little stack, and nothing below it. */
static int start_in_small_stack(const struct request *request)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = page + SMALL_STACK;
	char *stack = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (stack == MAP_FAILED || mprotect(stack + page, SMALL_STACK, PROT_READ | PROT_WRITE))
		return START_FAILED;
	pid = clone(start_on_stack, stack + size, CLONE_VM | CLONE_VFORK | SIGCHLD,
		    (void *)(size_t)request);
	return pid < 0 ? START_FAILED : wait_for(pid);
}

static const struct {
	const char *name;
	int (*start)(const struct request *request);
} places[] = {
	{"process", start_here},
	{"vfork", start_in_vfork},
	{"signal", start_in_signal},
	{"signal-stack", start_on_signal_stack},
	{"children", start_in_children},
	{"threads", start_in_threads},
	{"small-stack", start_in_small_stack},
};

static int usage(const char *problem, const char *word)
{
	fprintf(stderr, "start: %s: %s\n", problem, word ? word : "(nothing)");
	fputs("usage: start [--in PLACE] [--env NAME=VALUE]... [--unset NAME]... [--argv0 WORD]\n"
	      "             [--words COUNT] [--huge] FUNCTION [--] PROGRAM [ARG...]\n"
	      "  --env, --unset  in the environment handed to the call, not in the caller's\n"
	      "  --words         append words until there are COUNT\n"
	      "  --huge          append a word longer than execve(2) takes\n"
	      "functions:",
	      stderr);
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		fprintf(stderr, " %s", functions[i].name);
	fputs("\nplaces:", stderr);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		fprintf(stderr, " %s", places[i].name);
	fputc('\n', stderr);
	return USAGE_ERROR;
}

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		_exit(USAGE_ERROR);
	return memory;
}

/* Takes the variable of @change ("NAME=VALUE" or "NAME") out of @envp, and puts the value in. */
static char **change_env(char **envp, char *change, bool set)
{
	size_t name = strcspn(change, "="), count = 0, kept = 0;
	char **changed;

	while (envp[count])
		count++;
	changed = allocate((count + 2) * sizeof(*changed));
	for (size_t i = 0; i < count; i++)
		if (strncmp(envp[i], change, name) != 0 || envp[i][name] != '=')
			changed[kept++] = envp[i];
	if (set)
		changed[kept] = change;
	return changed;
}

static char *filler(size_t length)
{
	char *word = allocate(length + 1);

	memset(word, 'x', length);
	return word;
}

/* The words as a shell reads them. */
static char *shell_command(const struct request *request)
{
	size_t size = 1;
	char *command, *to;

	for (size_t i = 0; i < request->count; i++)
		size += 4 * strlen(request->list[i]) + 3;
	to = command = allocate(size);
	for (size_t i = 0; i < request->count; i++) {
		if (i)
			*to++ = ' ';
		*to++ = '\'';
		for (const char *from = i ? request->list[i] : request->program; *from; from++)
			to = *from == '\'' ? stpcpy(to, "'\\''") : (*to = *from, to + 1);
		*to++ = '\'';
	}
	return command;
}

static bool is_list_function(const struct function *function)
{
	return !strncmp(function->name, "execl", strlen("execl"));
}

/* Opens what the functions that take a descriptor need. */
static void open_program(struct request *request)
{
	const char *slash = strrchr(request->program, '/');
	const char *function = request->function->name;

	request->fd = -1;
	request->name = slash ? slash + 1 : request->program;
	if (!strcmp(function, "execveat-dir")) {
		char *directory = strdup(slash ? request->program : ".");

		if (slash && directory)
			directory[slash - request->program + 1] = '\0';
		request->fd = open(directory, O_PATH | O_DIRECTORY);
	} else if (!strcmp(function, "execveat-fd") || !strcmp(function, "fexecve")) {
		request->fd = open(request->program, O_PATH);
	}
}

/* The words behind the options: FUNCTION [--] PROGRAM [ARG...] */
static int read_words(struct request *request, char **words)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions) && *words; i++)
		if (!strcmp(functions[i].name, *words))
			request->function = &functions[i];
	if (!request->function)
		return usage("no such function", *words);
	if (*++words && !strcmp(*words, "--"))
		words++;
	if (!*words)
		return usage("no program for", request->function->name);
	request->program = *words;
	while (*words && request->count < WORDS)
		request->list[request->count++] = *words++;
	return *words ? usage("too many words", *words) : 0;
}

int main(int argc, char **argv)
{
	static struct request request;
	int (*start)(const struct request *request) = start_here;
	char *argv0 = NULL;
	size_t words = 0;
	bool huge = false;
	int i;

	request.envp = environ;
	for (i = 1; i < argc && !strncmp(argv[i], "--", 2); i++) {
		if (!strcmp(argv[i], "--huge")) {
			huge = true;
			continue;
		}
		if (!argv[i + 1])
			return usage("no value", argv[i]);
		if (!strcmp(argv[i], "--in")) {
			start = NULL;
			for (size_t p = 0; p < ARRAY_SIZE(places); p++)
				if (!strcmp(places[p].name, argv[i + 1]))
					start = places[p].start;
			if (!start)
				return usage("no such place", argv[i + 1]);
		} else if (!strcmp(argv[i], "--env")) {
			request.envp = change_env(request.envp, argv[i + 1], true);
		} else if (!strcmp(argv[i], "--unset")) {
			request.envp = change_env(request.envp, argv[i + 1], false);
		} else if (!strcmp(argv[i], "--argv0")) {
			argv0 = argv[i + 1];
		} else if (!strcmp(argv[i], "--words")) {
			words = strtoul(argv[i + 1], NULL, 10);
		} else {
			return usage("no such option", argv[i]);
		}
		i++;
	}
	if (read_words(&request, argv + i))
		return USAGE_ERROR;
	if (argv0)
		request.list[0] = argv0;
	if (words > (is_list_function(request.function) ? LONG_LIST - 2 : WORDS - 1))
		return usage("too many words", request.program);
	while (request.count < words)
		request.list[request.count++] = filler(WORD_LENGTH);
	if (huge)
		request.list[request.count++] =
			filler(HUGE_WORD_PAGES * (size_t)sysconf(_SC_PAGESIZE));
	request.list[request.count + 1] = (char *)request.envp;
	request.command = shell_command(&request);
	open_program(&request);
	return start(&request);
}
