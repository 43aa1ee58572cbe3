/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podman, conmon and a container in one small program, for faults and limits that the real ones
 * would not stand themselves. What it is called tells what it does:
 *
 *     podman     run, ps, stop, rm, container inspect and cleanup, as far as podleash calls them
 *     conmon     starts the container, writes both pid files, and lets podman clean up after it
 *     container  waits; SIGUSR1 ends it with status 7
 *
 * What podman would keep in its storage lies beside the program: the bundle, and the container's
 * pid and status.
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

static const char cid[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static char home[PATH_MAX], self[PATH_MAX + 16], bundle[PATH_MAX + 16];

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
	char text[16], temporary[PATH_MAX + 32];
	int length = snprintf(text, sizeof(text), "%d", number);

	stpcpy(stpcpy(temporary, path), ".new");
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, (size_t)length) != length || close(fd) ||
	    rename(temporary, path))
		exit(125);
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
		setsid();
		if (fork() != 0)
			_exit(0);
		execl(beside("conmon"), "conmon", "--api-version", "1", "-c", cid, "-r",
		      "/nonexistent/runtime", "-b", bundle, "-p", value(argv, "--pidfile"),
		      "--conmon-pidfile", value(argv, "--conmon-pidfile"), "--exit-command", self,
		      "--exit-command-arg", "container", "--exit-command-arg", "cleanup",
		      "--exit-command-arg", "--rm", "--exit-command-arg", cid, (char *)NULL);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

static int podman_run(char *argv[])
{
	struct timespec pause = {0, 5000000};

	if (write(STDOUT_FILENO, "job\n", 4) != 4 || mkdir(bundle, 0700))
		return 125;
	start_conmon(argv);
	while (access(beside("status"), F_OK))
		nanosleep(&pause, NULL);
	return get(beside("status"));
}

static int podman(char *argv[])
{
	if (has(argv, "--help"))
		return 0;
	if (has(argv, "run"))
		return podman_run(argv);
	bool there = access(bundle, F_OK) == 0;
	if (has(argv, "ps") && there)
		puts(cid);
	if (has(argv, "inspect") && there)
		printf("%s|%s|%s\n", cid, "", "");
	if (has(argv, "stop") || has(argv, "rm")) {
		int container = get(beside("pid"));

		if (container > 0 && access(beside("status"), F_OK))
			kill(container, SIGKILL);
	}
	if (has(argv, "rm"))
		put(beside("status"), 137);
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
	put(beside("status"), WIFEXITED(status) ? WEXITSTATUS(status) : 137);
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
	strcpy(bundle, beside("bundle"));
	strcpy(self, beside("podman"));
	if (strcmp(name, "podman") == 0)
		return podman(argv);
	if (strcmp(name, "conmon") == 0)
		return conmon(argc, argv);
	signal(SIGUSR1, end);
	sigemptyset(&none);
	for (;;)
		sigsuspend(&none);
}
