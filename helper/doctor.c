/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podleash doctor: what the leash rests on, in the order in which one would look.
 *
 * It looks as the user who runs it, at what is his; root is told where something is another's.
 * Nothing is changed, and only a probe starts anything but podman's own answers.
 */
#include "doctor.h"

#include <ctype.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>

#include "commands.h"
#include "json.h"
#include "library.h"
#include "log.h"
#include "util.h"

#define LINE_SIZE (2 * PATH_MAX)

static const struct {
	const char *name;
	void (*function)(struct doctor *doctor);
} checks[] = {
	{"library", check_library},
	{"environment", check_environment},
	{"helper", check_helper},
	{"directory", check_directory},
	{"podman", check_podman},
	{"probe", check_probe},
	{"kernel", check_kernel},
	{"receptor", check_receptor},
	{"work-command", check_work_commands},
	{"guards", check_guards},
	{"limits", check_limits},
};

void say(struct doctor *doctor, enum verdict verdict, const char *fix, const char *format, ...)
{
	static const char *const names[] = {"ok", "warn", "fail"};
	char line[LINE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	format_line(line, sizeof(line), format, arguments);
	va_end(arguments);
	doctor->failures += verdict == FAIL;
	if (doctor->json) {
		json_begin(stdout);
		json_string(stdout, "check", doctor->check);
		json_string(stdout, "result", names[verdict]);
		json_string(stdout, "text", line);
		json_string(stdout, "fix", fix ? fix : "");
		json_end(stdout);
	} else {
		(void)printf("%-5s %s: %s\n", names[verdict], doctor->check, line);
		if (fix)
			(void)printf("      fix: %s\n", fix);
	}
	(void)fflush(stdout); /* a probe takes its time */
}

/* Writes @word as sh(1) reads it back; what would command a terminal is shown as `?`. */
static void put_quoted(FILE *file, const char *word)
{
	bool plain = word[0] != '\0';

	for (const char *at = word; *at; at++)
		plain = plain && (isalnum((unsigned char)*at) || strchr("/._-+:=@,%", *at));
	if (!plain)
		(void)fputc('\'', file);
	for (; *word; word++)
		if (*word == '\'')
			(void)fputs("'\\''", file);
		else
			(void)fputc(*word < ' ' || *word > '~' ? '?' : *word, file);
	if (!plain)
		(void)fputc('\'', file);
}

const char *fix(struct doctor *doctor, const char *format, ...)
{
	FILE *file = fmemopen(doctor->fix, sizeof(doctor->fix), "w");
	va_list words;

	doctor->fix[0] = '\0';
	if (!file)
		return doctor->fix;
	va_start(words, format);
	while (*format) {
		const char *behind = geteuid() == 0 ? after(format, "sudo ") : NULL;

		if (behind) {
			format = behind;
		} else if ((behind = after(format, "%s"))) {
			put_quoted(file, va_arg(words, const char *));
			format = behind;
		} else {
			(void)fputc(*format++, file);
		}
	}
	va_end(words);
	(void)fclose(file); /* what does not fit is cut */
	return doctor->fix;
}

const char *fix_as(struct doctor *doctor, const char *user)
{
	return geteuid() == 0 ? fix(doctor, "runuser -u %s -- %s doctor", user, doctor->program)
			      : fix(doctor, "sudo -u %s %s doctor", user, doctor->program);
}

const char *user_name(uid_t uid)
{
	static char number[16];
	const struct passwd *user = getpwuid(uid);

	(void)snprintf(number, sizeof(number), "#%u", (unsigned int)uid);
	return user ? user->pw_name : number;
}

static bool parse(struct doctor *doctor, int argc, char *argv[])
{
	static const struct option longs[] = {
		{"probe", optional_argument, NULL, 'p'},
		{"json", no_argument, NULL, 'j'},
		{"receptor-conf", required_argument, NULL, 'r'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (option == '?')
			return false;
		if (option == 'p') {
			doctor->probe = true;
			doctor->image = optarg;
		} else if (option == 'j') {
			doctor->json = true;
		} else {
			doctor->given_conf = optarg;
		}
	}
	if (argv[optind])
		print_error("doctor: %s: takes no argument; an image is given as --probe=IMAGE",
			    argv[optind]);
	return !argv[optind];
}

int doctor_main(int argc, char *argv[])
{
	static struct doctor doctor; /* environ will point into it */

	log_init();
	if (!parse(&doctor, argc, argv))
		return WRONG_USAGE;
	if (!program_path(doctor.program)) {
		print_error("/proc/self/exe cannot be read; mount proc(5) on /proc");
		return EXIT_LEFT;
	}
	doctor_collect(&doctor);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		doctor.check = checks[i].name;
		checks[i].function(&doctor);
	}
	return doctor.failures ? EXIT_LEFT : 0;
}
