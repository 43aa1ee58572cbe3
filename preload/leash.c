/* SPDX-License-Identifier: Apache-2.0 */
#include "leash.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "podman_command.h"
#include "resolve.h"
#include "text.h"

#ifndef PODLEASH_DEFAULT_HELPER
#define PODLEASH_DEFAULT_HELPER "/usr/local/bin/podleash"
#endif

/* Words that the leash adds: the helper, "hold", the path, two flags, and the closing NULL. */
#define ADDED_WORDS 6

/* A pid file flag: "--conmon-pidfile=" DIRECTORY "/" PID "-" TIME ".conmon.pid". */
#define FLAG_SIZE (LEASH_DIRECTORY + 96)

bool leash_wanted(char *const argv[], char *const envp[])
{
	if (!podman_run_index(argv))
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

static bool is_usable_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && access(path, W_OK | X_OK) == 0;
}

/* Writes `FLAG=DIRECTORY/RUN SUFFIX` to @to, which holds FLAG_SIZE bytes. */
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

/* Lays out the leashed argv in @words; words + 3 is the one without the helper. */
static void put_words(const char **words, const char *helper, const char *path, char *const argv[],
		      size_t count, const char *conmon_flag, const char *pid_flag)
{
	size_t head = podman_run_index(argv) + 1;

	words[0] = helper;
	words[1] = "hold";
	words[2] = path;
	memcpy(words + 3, argv, head * sizeof(*words));
	words[3 + head] = conmon_flag;
	words[4 + head] = pid_flag;
	/* the caller's closing NULL comes along */
	memcpy(words + 5 + head, argv + head, (count - head + 1) * sizeof(*words));
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

/* leash() once the array is there. @words holds @count + ADDED_WORDS pointers. */
static bool start_leashed(leash_start *start, void *context, const char *path, char *const argv[],
			  char *const envp[], size_t count, const char **words, int *refused)
{
	const char *directory = env_value(envp, "RECEPTOR_PID_DIRECTORY");
	const char *helper = env_value(envp, "PODLEASH_HELPER");
	const char *strict = env_value(envp, "PODLEASH_STRICT");
	char conmon_flag[FLAG_SIZE], pid_flag[FLAG_SIZE];
	struct timespec now = {0};
	int error;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	put_flag(conmon_flag, "--conmon-pidfile=", directory, &now, ".conmon.pid");
	put_flag(pid_flag, "--pidfile=", directory, &now, ".pid");
	put_words(words, helper && *helper ? helper : PODLEASH_DEFAULT_HELPER, path, argv, count,
		  conmon_flag, pid_flag);

	error = start(context, words[0], (char *const *)words);
	if (!error)
		return true;
	if (strict && !strcmp(strict, "1")) {
		*refused = refuse(error);
		return false;
	}
	return is_usable_directory(directory) &&
	       start(context, path, (char *const *)(words + 3)) == 0;
}

bool leash(leash_start *start, void *context, const char *path, char *const argv[],
	   char *const envp[], int *refused)
{
	const char *on_stack[LEASH_WORDS + ADDED_WORDS];
	const char **words = on_stack;
	size_t count = 0, bytes;
	bool started;

	/* what cannot be started gets its errno from the real call */
	if (strlen(env_value(envp, "RECEPTOR_PID_DIRECTORY")) > LEASH_DIRECTORY ||
	    !is_executable_file(path))
		return false;
	while (argv[count])
		count++;
	bytes = (count + ADDED_WORDS) * sizeof(*words);
	if (count > LEASH_WORDS) {
		words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			     0);
		if (words == MAP_FAILED)
			return false;
	}
	started = start_leashed(start, context, path, argv, envp, count, words, refused);
	if (words != on_stack)
		(void)munmap(words, bytes); /* nothing to do about a failure */
	return started;
}
