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
	const char *options; /* but --help */
	const char *example; /* of `hold` and `guard`: what has them called */
} commands[] = {
	{"run", run_main,
	 "[--pid-dir DIR] [--unit NAME] [--grace SEC] [--kill-after SEC] [--] COMMAND [ARG…]",
	 "Runs a command; its containers end with it",
	 "  --pid-dir DIR     where the runs are recorded; created if missing\n"
	 "  --unit NAME       the name of the unit\n"
	 "  --grace SEC       seconds from the stop signal to SIGKILL (0 to 3600)\n"
	 "  --kill-after SEC  kill COMMAND SEC seconds after its first signal (0: never)\n",
	 "podleash run ansible-runner worker"},
	{"cancel", cancel_main,
	 "[--grace SEC] [--timeout SEC] [--json] (DIR | [--unit] UNIT [DIR])",
	 "Ends all containers of a unit, and any that it is about to start",
	 "  --unit UNIT    only that unit, in DIR or in all your directories\n"
	 "  --grace SEC    seconds from the stop signal to SIGKILL (0 to 3600)\n"
	 "  --timeout SEC  seconds to wait for the end (0 to 3600; default: 90)\n"
	 "  --json         one JSON object per run\n",
	 "podleash cancel --unit aBcD1234"},
	{"sweep", sweep_main, "[--dry-run] [--json] [DIR]",
	 "Ends what dead jobs left behind; gives runs that lost their guard a new one",
	 "  --dry-run  only say what would be done\n"
	 "  --json     one JSON object per run\n",
	 "podleash sweep --dry-run"},
	{"list", list_main, "[--json | --tree] [DIR] [UNIT…]", "Shows the runs and who holds them",
	 "  --json  one JSON object per run\n"
	 "  --tree  show all their processes\n",
	 "podleash list --tree"},
	{"doctor", doctor_main, "[--probe[=IMAGE]] [--json] [--receptor-conf FILE]",
	 "Checks what the leash needs, and says how to fix it",
	 "  --probe[=IMAGE]       also leash a real container, and end it\n"
	 "  --json                one JSON object per check\n"
	 "  --receptor-conf FILE  receptor's configuration\n",
	 "podleash doctor --probe"},
	{"hold", hold_main, "PATH ARGV0 … run --conmon-pidfile=FILE --pidfile=FILE …",
	 "Leashes a podman and becomes it (called by libpodleash.so)", "",
	 "podleash run podman run --rm IMAGE"},
	{"guard", guard_main, "RECORD", "Ends a run when a holder dies (started by hold and sweep)",
	 "", "podleash run podman run --rm IMAGE"},
	{"version", version_main, "", "Prints the version", "", "podleash version"},
	{"help", help_main, "[COMMAND]", "Prints this text, or the help of a command", "",
	 "podleash help cancel"},
};

static void print_usage(FILE *file)
{
	(void)fputs("Usage: podleash COMMAND [ARGUMENTS]\n\n", file);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		(void)fprintf(file, "  podleash %s%s%s\n        %s.\n", commands[i].name,
			      commands[i].arguments[0] ? " " : "", commands[i].arguments,
			      commands[i].description);
}

static int print_help(const struct command *command)
{
	(void)printf("Usage: podleash %s%s%s\n\n%s.\n\nOptions:\n%s  -h, --help\n\n"
		     "Example:\n  %s\n\nSee podleash(1) for more.\n",
		     command->name, command->arguments[0] ? " " : "", command->arguments,
		     command->description, command->options, command->example);
	return 0;
}

static int unexpected(const char *word)
{
	print_error("%s: unexpected argument", word);
	return WRONG_USAGE;
}

static int version_main(int argc, char *argv[])
{
	if (argc > 1)
		return unexpected(argv[1]);
	(void)puts("podleash " PODLEASH_VERSION);
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

/* That of @word, NULL once it is said that there is none. */
static const struct command *find_command(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (equal(commands[i].name, full_name(word)))
			return &commands[i];
	const char *nearest = nearest_name(word);

	print_error("%s: no such command%s%s%s", word, nearest ? "; did you mean " : "",
		    nearest ? nearest : "", nearest ? "?" : "");
	(void)fputs("try podleash --help\n", stderr);
	return NULL;
}

static int help_main(int argc, char *argv[])
{
	if (argc > 2)
		return unexpected(argv[2]);
	if (argc == 2) {
		const struct command *command = find_command(argv[1]);

		return command ? print_help(command) : EXIT_USAGE;
	}
	print_usage(stdout);
	return 0;
}

/* Whether the command has been asked for its help. */
static bool help_wanted;

int command_option(int argc, char *argv[], const char *letters, const struct option *longs)
{
	int option = getopt_long(argc, argv, letters, longs, NULL);

	help_wanted = option == 'h';
	return help_wanted ? '?' : option;
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

/* Runs @command, whose messages begin with its name. Returns the exit status. */
static int run_command(const struct command *command, int argc, char *argv[])
{
	static char name[32];
	int status = WRONG_USAGE;

	(void)snprintf(name, sizeof(name), "podleash %s", command->name);
	argv[0] = name; /* for getopt_long(3) */
	if (command->function != hold_main)
		print_errors_as(name); /* it is podman to whoever has called it */
	help_wanted = asks_for_help(argv[1]);
	if (!help_wanted)
		status = command->function(argc, argv);
	if (help_wanted)
		return print_help(command);
	if (status != WRONG_USAGE)
		return status;
	(void)fprintf(stderr, "try %s --help\n", name);
	return EXIT_USAGE;
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
	const struct command *command = find_command(argv[1]);

	return command ? check_output(run_command(command, argc - 1, argv + 1)) : EXIT_USAGE;
}
