/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podman, conmon and a container in one small program, for faults and limits that the real ones
 * would not stand themselves. What it is called tells what it does:
 *
 *     podman     run, stop, rm, container exists, inspect and cleanup, as far as podleash calls
 *                them; `id` tells the id of its one container
 *     conmon     starts the container, writes both pid files and the exit file, and lets podman
 *                clean up after it
 *     container  waits; SIGUSR1 ends it with status 7
 *
 * What podman would keep in its storage lies beside the program: the bundle, the container's pid,
 * and in exits/ its status.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char cid[65]; /* of the program's place: no two that lie apart have one */
static char home[PATH_MAX], self[PATH_MAX + 16], bundle[PATH_MAX + 16];
static char exits[PATH_MAX + 16], exit_file[PATH_MAX + 96];

/* The path of what lies beside this program, good until the next call. */
static const char *beside(const char *name)
{
	static char path[PATH_MAX + 16];

	stpcpy(stpcpy(stpcpy(path, home), "/"), name);
	return path;
}

/* By a rename: nobody reads it half written. */
static void put(const char *path, int number)
{
	char text[16], temporary[PATH_MAX + 128];
	int length = snprintf(text, sizeof(text), "%d", number);

	(void)snprintf(temporary, sizeof(temporary), "%s.%d", path, (int)getpid());
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, (size_t)length) != length || close(fd) ||
	    rename(temporary, path))
		exit(125);
}

/* As podman does, which refuses one that is there. */
static bool put_id(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	return fd >= 0 && write(fd, cid, sizeof(cid) - 1) == sizeof(cid) - 1 && close(fd) == 0;
}

/* 64 hex digits, by four hashes (FNV-1a) of @text. */
static void make_cid(const char *text)
{
	for (size_t i = 0; i < 4; i++) {
		unsigned long long hash = 14695981039346656037ULL + i;

		for (const char *at = text; *at; at++)
			hash = (hash ^ (unsigned char)*at) * 1099511628211ULL;
		(void)snprintf(cid + 16 * i, 17, "%016llx", hash);
	}
}

static int get(const char *path)
{
	char text[16] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	close(fd);
	return length > 0 ? atoi(text) : -1;
}

static const char *value(char *argv[], const char *flag)
{
	for (size_t length = strlen(flag); *argv; argv++)
		if (strncmp(*argv, flag, length) == 0 && (*argv)[length] == '=')
			return *argv + length + 1;
	return "";
}

static bool has(char *argv[], const char *word)
{
	for (; *argv; argv++)
		if (strcmp(*argv, word) == 0)
			return true;
	return false;
}

/* Starts conmon as podman does: a child of init, in a session of its own. */
static void start_conmon(char *argv[])
{
	pid_t child = fork();

	if (child == 0) {
		if (fork() != 0)
			_exit(0);
		setsid();
		setenv("_OCI_SYNCPIPE", "3", 1);
		execl(beside("conmon"), "conmon", "--api-version", "1", "-c", cid, "-u", cid, "-r",
		      "/nonexistent/runtime", "-b", bundle, "-p", value(argv, "--pidfile"), "-n",
		      "job", "--exit-dir", exits, "--conmon-pidfile",
		      value(argv, "--conmon-pidfile"), "--exit-command", self, "--exit-command-arg",
		      "container", "--exit-command-arg", "cleanup", "--exit-command-arg", "--rm",
		      "--exit-command-arg", cid, (char *)NULL);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

static int podman_run(char *argv[])
{
	const char *cidfile = value(argv, "--cidfile");
	struct timespec pause = {0, 5000000};
	int status;

	if (write(STDOUT_FILENO, "job\n", 4) != 4 || mkdir(bundle, 0700) || mkdir(exits, 0700) ||
	    (*cidfile && !put_id(cidfile)))
		return 125;
	start_conmon(argv);
	while ((status = get(exit_file)) < 0)
		nanosleep(&pause, NULL);
	return status;
}

static void end_container(void)
{
	int container = get(beside("pid"));

	if (container > 0 && access(exit_file, F_OK))
		kill(container, SIGKILL);
	put(exit_file, 137);
}

static int podman(char *argv[])
{
	if (has(argv, "--help"))
		return 0;
	if (has(argv, "run"))
		return podman_run(argv);
	if (has(argv, "id"))
		puts(cid);
	if (has(argv, "exists"))
		return access(bundle, F_OK) ? 1 : 0;
	if (has(argv, "inspect"))
		return access(bundle, F_OK) ? 125 : 0;
	if ((has(argv, "stop") || has(argv, "rm")) && access(bundle, F_OK) == 0)
		end_container();
	/* one that it takes for running it does not clean up */
	if (has(argv, "cleanup") && access(exit_file, F_OK))
		return 125;
	if (has(argv, "rm") || has(argv, "cleanup"))
		rmdir(bundle);
	return 0;
}

static int conmon(int argc, char *argv[])
{
	const char *pidfile = "", *conmon_pidfile = "";
	sigset_t usr1;
	int status;

	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "-p") == 0)
			pidfile = argv[i + 1];
		if (strcmp(argv[i], "--conmon-pidfile") == 0)
			conmon_pidfile = argv[i + 1];
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* one that comes before the container handles it waits */
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	pid_t container = fork();
	if (container == 0) {
		execl(beside("container"), "container", (char *)NULL);
		_exit(127);
	}
	put(beside("pid"), container);
	if (*pidfile)
		put(pidfile, container);
	if (*conmon_pidfile)
		put(conmon_pidfile, getpid());
	waitpid(container, &status, 0);
	put(exit_file, WIFEXITED(status) ? WEXITSTATUS(status) : 137);
	execl(self, "podman", "container", "cleanup", "--rm", cid, (char *)NULL);
	return 127;
}

static void end(int signal)
{
	(void)signal;
	_exit(7);
}

int main(int argc, char *argv[])
{
	const char *name = strrchr(argv[0], '/');
	sigset_t none;
	ssize_t length = readlink("/proc/self/exe", home, sizeof(home) - 1);

	name = name ? name + 1 : argv[0];
	if (length <= 0)
		return 125;
	home[length] = '\0';
	*strrchr(home, '/') = '\0';
	make_cid(home);
	strcpy(bundle, beside("bundle"));
	strcpy(self, beside("podman"));
	strcpy(exits, beside("exits"));
	stpcpy(stpcpy(stpcpy(exit_file, exits), "/"), cid);
	if (strcmp(name, "podman") == 0)
		return podman(argv);
	if (strcmp(name, "conmon") == 0)
		return conmon(argc, argv);
	signal(SIGUSR1, end);
	sigemptyset(&none);
	for (;;)
		sigsuspend(&none);
}
