/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "commands.h"
#include "log.h"
#include "signals.h"
#include "util.h"

static int version_main(int argc, char *argv[]);
static int help_main(int argc, char *argv[]);

static const struct {
	const char *name;
	int (*function)(int argc, char *argv[]);
	const char *arguments;
	const char *description;
} commands[] = {
	{"run", run_main, "[--pid-dir DIR] [--unit NAME] [--grace SEC] [--] COMMAND [ARG…]",
	 "Runs a command; its containers end with it"},
	{"cancel", cancel_main, "[--grace SEC] [--timeout SEC] [--json] (DIR | --unit NAME [DIR])",
	 "Ends all containers of a unit, and any that it is about to start"},
	{"sweep", sweep_main, "[--dry-run] [--json] [DIR]",
	 "Ends what dead jobs left behind; gives live ones their guard back"},
	{"list", list_main, "[--json | --tree] [DIR]", "Shows the runs and who holds them"},
	{"doctor", doctor_main, "[--probe[=IMAGE]] [--json] [--receptor-conf FILE]",
	 "Checks what the leash needs, and says how to mend it"},
	{"hold", hold_main, "PATH ARGV0 … run --conmon-pidfile=FILE --pidfile=FILE …",
	 "Leashes a podman and becomes it (called by libpodleash.so)"},
	{"guard", guard_main, "RECORD",
	 "Ends a run when a holder dies (started by hold and sweep)"},
	{"version", version_main, "", "Prints the version"},
	{"help", help_main, "", "Prints this text"},
};

static void print_usage(FILE *file)
{
	(void)fputs("Usage: podleash COMMAND [ARGUMENTS]\n\n", file);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		(void)fprintf(file, "  podleash %s%s%s\n        %s.\n", commands[i].name,
			      commands[i].arguments[0] ? " " : "", commands[i].arguments,
			      commands[i].description);
}

static int unexpected(char *argv[])
{
	print_error("%s: %s: takes no argument", argv[0], argv[1]);
	return WRONG_USAGE;
}

static int version_main(int argc, char *argv[])
{
	if (argc > 1)
		return unexpected(argv);
	(void)puts("podleash " PODLEASH_VERSION);
	return 0;
}

static int help_main(int argc, char *argv[])
{
	if (argc > 1)
		return unexpected(argv);
	print_usage(stdout);
	return 0;
}

/* The names that people try first. */
static const char *full_name(const char *word)
{
	if (equal(word, "--help") || equal(word, "-h"))
		return "help";
	return equal(word, "--version") || equal(word, "-V") ? "version" : word;
}

/*
 * Whoever closed stdin, stdout or stderr: no file of ours takes its number. podman and the
 * command of `podleash run` find it closed.
 */
static void fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}

/* Whether whoever reads stdout has gone: what is not printed then nobody misses. */
static bool reader_is_gone(void)
{
	struct pollfd end = {STDOUT_FILENO, POLLOUT, 0};

	return poll(&end, 1, 0) == 1 && end.revents & (POLLERR | POLLHUP);
}

/* Returns @status, or, where not all that was printed went out, one that is not 0. */
static int check_output(int status)
{
	errno = 0;
	bool whole = fflush(stdout) == 0 && !ferror(stdout);
	int error = errno;

	if (whole || reader_is_gone())
		return status;
	print_error("standard output: %s; not all could be printed",
		    error ? strerror(error) : "a write failed");
	return status ? status : EXIT_LEFT;
}

int main(int argc, char *argv[])
{
	fill_standard_fds();
	signals_take();
	if (argc < 2) {
		print_error("no command given");
		print_usage(stderr);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!equal(commands[i].name, full_name(argv[1])))
			continue;
		int status = commands[i].function(argc - 1, argv + 1);
		if (status != WRONG_USAGE)
			return check_output(status);
		(void)fprintf(stderr, "Usage: podleash %s %s\n", commands[i].name,
			      commands[i].arguments);
		return EXIT_USAGE;
	}
	print_error("%s: no such command", argv[1]);
	print_usage(stderr);
	return EXIT_USAGE;
}
