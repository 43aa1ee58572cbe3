/* SPDX-License-Identifier: Apache-2.0 */
#include "leash.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "podman_command.h"
#include "text.h"

/* Words that the leash adds: the helper, "hold", the path, two flags, and the closing NULL. */
#define ADDED_WORDS 6

/* A pid file flag less its directory: "--conmon-pidfile=" "/" PID "-" TIME ".conmon.pid" and a NUL.
 */
#define FLAG_ROOM 96

bool leash_wanted(char *const argv[], char *const envp[])
{
	if (!podman_run_index(argv) && !podman_create_index(argv) && !podman_may_run(argv))
		return false;
	const char *directory = env_value(envp, "RECEPTOR_PID_DIRECTORY");
	return directory && *directory && !env_value(envp, "CONTAINER_HOST") &&
	       !env_value(envp, "CONTAINER_CONNECTION");
}

bool leash_counts(const char *path, char *const envp[])
{
	const char *executables = env_value(envp, "PODLEASH_EXECUTABLES");

	return path && list_contains(executables && *executables ? executables : "podman",
				     path_basename(path));
}

/* Writes `FLAG=DIRECTORY/RUN SUFFIX` to @to, which has room for DIRECTORY and FLAG_ROOM bytes. */
static void put_flag(char *to, const char *flag, const char *directory, const struct timespec *now,
		     const char *suffix)
{
	to = put_text(to, flag);
	to = put_text(to, directory);
	*to++ = '/';
	to = put_number(to, (uint64_t)getpid(), 10);
	*to++ = '-';
	to = put_number(to, (uint64_t)now->tv_sec * 1000000000U + (uint64_t)now->tv_nsec, 16);
	to = put_text(to, suffix);
	*to = '\0';
}

/* Lays out the leashed argv in @words; without the flags where it is not clear what stands there.
 */
static void put_words(const char **words, const char *helper, const char *path, char *const argv[],
		      size_t count, const char *conmon_flag, const char *pid_flag)
{
	size_t run = podman_run_index(argv), head = run ? run + 1 : 0;

	*words++ = helper;
	*words++ = "hold";
	*words++ = path;
	memcpy(words, argv, head * sizeof(*words));
	words += head;
	if (run) {
		*words++ = conmon_flag;
		*words++ = pid_flag;
	}
	/* the caller's closing NULL comes along */
	memcpy(words, argv + head, (count - head + 1) * sizeof(*words));
}

static int refuse(int error)
{
	static const char line[] =
		"podleash: the helper cannot be started and PODLEASH_STRICT is set; "
		"check that PODLEASH_HELPER names podleash\n";

	/* nobody to tell where stderr is closed */
	ssize_t ignored = write(STDERR_FILENO, line, sizeof(line) - 1);
	(void)ignored;
	return error;
}

/* The helper's log may be a file that only the helper knows how to open. */
static void tell_syslog(const char *helper)
{
	static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	static const char before[] = "<29>podleash: "; /* LOG_DAEMON | LOG_NOTICE */
	static const char behind[] = ": cannot be started; podman is started without a leash";
	struct iovec line[] = {
		{(void *)(uintptr_t)before, sizeof(before) - 1},
		{(void *)(uintptr_t)helper, strlen(helper)},
		{(void *)(uintptr_t)behind, sizeof(behind) - 1},
	};
	const struct msghdr message = {.msg_name = (void *)(uintptr_t)&address,
				       .msg_namelen = sizeof(address),
				       .msg_iov = line,
				       .msg_iovlen = sizeof(line) / sizeof(*line)};
	int saved = errno, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0) {
		(void)sendmsg(fd, &message, MSG_NOSIGNAL); /* else the line is lost */
		(void)close(fd);
	}
	errno = saved;
}

/* leash() once the path is known. @words holds @count + ADDED_WORDS pointers, @flags both flags. */
static bool start_leashed(leash_start *start, void *context, const char *path, char *const argv[],
			  char *const envp[], size_t count, const char **words, char *flags,
			  int *refused)
{
	const char *directory = env_value(envp, "RECEPTOR_PID_DIRECTORY");
	const char *helper = env_value(envp, "PODLEASH_HELPER");
	const char *strict = env_value(envp, "PODLEASH_STRICT");
	char *other = flags + strlen(directory) + FLAG_ROOM;
	struct timespec now = {0};
	int error;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	put_flag(flags, "--conmon-pidfile=", directory, &now, ".conmon.pid");
	put_flag(other, "--pidfile=", directory, &now, ".pid");
	put_words(words, helper && *helper ? helper : PODLEASH_DEFAULT_HELPER, path, argv, count,
		  flags, other);

	error = start(context, words[0], (char *const *)words);
	if (podman_create_index(argv)) /* which is not leashed */
		return !error;
	if (error && strict && !strcmp(strict, "1"))
		*refused = refuse(error);
	else if (error)
		tell_syslog(words[0]);
	return !error;
}

bool leash(leash_start *start, void *context, const struct program *program, char *const argv[],
	   char *const envp[], int *refused)
{
	size_t flag = strlen(env_value(envp, "RECEPTOR_PID_DIRECTORY")) + FLAG_ROOM, count = 0;
	const char **words, *path;
	bool started = false;
	char *room;

	while (argv[count])
		count++;
	words = memory_take((count + ADDED_WORDS) * sizeof(*words) + PATH_MAX + 2 * flag);
	if (!words)
		return false;
	room = (char *)(words + count + ADDED_WORDS);
	path = program_find(program, room);
	/* what cannot be started gets its errno from the real call */
	if (path && leash_counts(path, envp) &&
	    (is_executable_file(path) || (program->elsewhere && path[0] != '/')))
		started = start_leashed(start, context, path, argv, envp, count, words,
					room + PATH_MAX, refused);
	memory_give(words);
	return started;
}
