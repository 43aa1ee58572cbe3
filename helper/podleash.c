/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "commands.h"
#include "log.h"
#include "signals.h"
#include "util.h"

static int version_main(int argc, char *argv[]);
static int help_main(int argc, char *argv[]);

static const struct command {
	const char *name;
	int (*function)(int argc, char *argv[]);
	const char *arguments;
	const char *description;
	const char *example; /* of `hold` and `guard`: what has them called */
} commands[] = {
	{"run", run_main,
	 "[--pid-dir DIR] [--unit NAME] [--grace SEC] [--kill-after SEC] [--] COMMAND [ARG…]",
	 "Runs a command; its containers end with it", "podleash run ansible-runner worker"},
	{"cancel", cancel_main, "[--grace SEC] [--timeout SEC] [--json] (DIR | --unit NAME [DIR])",
	 "Ends all containers of a unit, and any that it is about to start",
	 "podleash cancel --unit aBcD1234"},
	{"sweep", sweep_main, "[--dry-run] [--json] [DIR]",
	 "Ends what dead jobs left behind; gives live ones their guard back",
	 "podleash sweep --dry-run"},
	{"list", list_main, "[--json | --tree] [DIR] [UNIT…]", "Shows the runs and who holds them",
	 "podleash list --tree"},
	{"doctor", doctor_main, "[--probe[=IMAGE]] [--json] [--receptor-conf FILE]",
	 "Checks what the leash needs, and says how to mend it", "podleash doctor --probe"},
	{"hold", hold_main, "PATH ARGV0 … run --conmon-pidfile=FILE --pidfile=FILE …",
	 "Leashes a podman and becomes it (called by libpodleash.so)",
	 "podleash run podman run --rm IMAGE"},
	{"guard", guard_main, "RECORD", "Ends a run when a holder dies (started by hold and sweep)",
	 "podleash run podman run --rm IMAGE"},
	{"version", version_main, "", "Prints the version", "podleash version"},
	{"help", help_main, "", "Prints this text", "podleash help"},
};

static void print_usage(FILE *file)
{
	(void)fputs("Usage: podleash COMMAND [ARGUMENTS]\n\n", file);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		(void)fprintf(file, "  podleash %s%s%s\n        %s.\n", commands[i].name,
			      commands[i].arguments[0] ? " " : "", commands[i].arguments,
			      commands[i].description);
}

static void print_command(FILE *file, const struct command *command)
{
	(void)fprintf(file, "Usage: podleash %s%s%s\n", command->name,
		      command->arguments[0] ? " " : "", command->arguments);
}

static int print_help(const struct command *command)
{
	print_command(stdout, command);
	(void)printf("\n%s.\n\nExample:\n  %s\n\npodleash(1) has the rest.\n", command->description,
		     command->example);
	return 0;
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

static bool asks_for_help(const char *word)
{
	return word && (equal(word, "--help") || equal(word, "-h"));
}

/* The names that people try first. */
static const char *full_name(const char *word)
{
	if (asks_for_help(word))
		return "help";
	return equal(word, "--version") || equal(word, "-V") ? "version" : word;
}

/* How many letters of @word are to be added, removed or changed until it is @name. */
static size_t distance(const char *word, const char *name)
{
	size_t row[16] = {0}; /* of the letters so far, to those of each beginning of @name */

	for (size_t j = 0; j <= strlen(name); j++)
		row[j] = j;
	for (size_t i = 0; word[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; name[j]; j++) {
			size_t change = diagonal + (word[i] != name[j]);
			size_t other = 1 + (row[j] < row[j + 1] ? row[j] : row[j + 1]);

			diagonal = row[j + 1];
			row[j + 1] = change < other ? change : other;
		}
	}
	return row[strlen(name)];
}

/* The command that was meant by @word, NULL where none is near. */
static const char *nearest_name(const char *word)
{
	const char *nearest = NULL;
	size_t least = 3; /* two letters are a slip */

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		size_t far = distance(word, commands[i].name);

		/* as many as it has: the word shares none with it */
		if (far < least && far < strlen(commands[i].name)) {
			least = far;
			nearest = commands[i].name;
		}
	}
	return nearest;
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

int main(int argc, char *argv[])
{
	fill_standard_fds();
	signals_take();
	log_init();
	if (argc < 2) {
		print_error("no command given");
		print_usage(stderr);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!equal(commands[i].name, full_name(argv[1])))
			continue;
		int status = asks_for_help(argv[2]) ? print_help(&commands[i])
						    : commands[i].function(argc - 1, argv + 1);
		if (status != WRONG_USAGE)
			return check_output(status);
		print_command(stderr, &commands[i]);
		return EXIT_USAGE;
	}
	const char *nearest = nearest_name(argv[1]);
	print_error("%s: no such command%s%s%s", argv[1], nearest ? "; did you mean " : "",
		    nearest ? nearest : "", nearest ? "?" : "");
	print_usage(stderr);
	return EXIT_USAGE;
}
