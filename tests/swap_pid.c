/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library to preload: runs $SWAP_COMMAND, once, at the very moment when its program is about
 * to open ($SWAP_AT=open), has just opened (opened) or is about to signal (signal) the process
 * $SWAP_PID by a pidfd, where $SWAP_IN is its first argument. That the command ran is told by a
 * file $SWAP_COMMAND.done.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *subcommand = "";

__attribute__((constructor)) static void start(int argc, char *argv[])
{
	if (argc > 1)
		subcommand = argv[1];
}

static void swap(void)
{
	const char *command = getenv("SWAP_COMMAND");
	char done[4096];

	(void)snprintf(done, sizeof(done), "%s.done", command);
	int fd = open(done, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	(void)close(fd);
	pid_t child = fork();
	if (child == 0) {
		(void)unsetenv("LD_PRELOAD");
		(void)execl(command, command, (char *)NULL);
		_exit(127);
	}
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

/* The pid that a pidfd is open on: proc(5), /proc/self/fdinfo. */
static long pid_of(long pidfd)
{
	char path[64], line[128];
	long pid = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%ld", pidfd);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file) && sscanf(line, "Pid: %ld", &pid) != 1)
		;
	if (file)
		(void)fclose(file);
	return pid;
}

static bool is_at(const char *when, long pid)
{
	const char *at = getenv("SWAP_AT"), *in = getenv("SWAP_IN"), *wanted = getenv("SWAP_PID");

	return at && in && wanted && strcmp(at, when) == 0 && strcmp(in, subcommand) == 0 &&
	       atol(wanted) == pid;
}

long syscall(long number, ...)
{
	static long (*real)(long, ...);
	long word[6];
	va_list words;

	va_start(words, number);
	for (int i = 0; i < 6; i++)
		word[i] = va_arg(words, long);
	va_end(words);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	/* words[0] is an int there: the rest of its register may be anything */
	if ((number == SYS_pidfd_open && is_at("open", (int)word[0])) ||
	    (number == SYS_pidfd_send_signal && is_at("signal", pid_of((int)word[0]))))
		swap();
	long result = real(number, word[0], word[1], word[2], word[3], word[4], word[5]);
	int error = errno;
	if (number == SYS_pidfd_open && result >= 0 && is_at("opened", (int)word[0]))
		swap();
	errno = error;
	return result;
}
