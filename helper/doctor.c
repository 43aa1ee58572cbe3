/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podleash doctor: what the leash rests on, in the order in which one would look.
 *
 * It looks at each receptor that its caller may look into, as that one's user and from inside its
 * mounts; where there is none at the caller's own. Nothing is changed, and only a probe starts
 * anything but podman's own answers.
 */
#include "doctor.h"

#include <ctype.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>

#include "bounds.h"
#include "commands.h"
#include "json.h"
#include "library.h"
#include "log.h"
#include "signals.h"
#include "users.h"
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
	const char *as_root = after(format, "sudo "), *become = NULL;
	va_list words;

	doctor->fix[0] = '\0';
	if (!file)
		return doctor->fix;
	if (as_root && doctor->caller == 0)
		format = as_root;
	else if (!as_root && doctor->receptor && doctor->receptor->uid != doctor->caller)
		become = user_name(doctor->receptor->uid);
	if (become) {
		(void)fputs("runuser -u ", file);
		put_quoted(file, become);
		(void)fputs(" -- ", file);
	}
	va_start(words, format);
	while (*format) {
		const char *behind = after(format, "%s");

		if (behind)
			put_quoted(file, va_arg(words, const char *));
		else
			(void)fputc(*format, file);
		format = behind ? behind : format + 1;
	}
	va_end(words);
	(void)fclose(file); /* what does not fit is cut */
	return doctor->fix;
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
		{HELP_OPTION},
		{0},
	};
	int option;

	while ((option = command_option(argc, argv, "h", longs)) != -1) {
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
		print_error("%s: takes no argument; an image is given as --probe=IMAGE",
			    argv[optind]);
	return !argv[optind];
}

/* What its user has of what the kernel limits; receptor's limits are what jobs get. */
static void measure(struct doctor *doctor)
{
	const struct receptor *receptor = doctor->receptor;
	struct rlimit limit;

	doctor->usage_known = usage_take(receptor ? receptor->uid : geteuid(), &doctor->usage);
	doctor->processes = 0;
	if (!prlimit(receptor ? receptor->pid : 0, RLIMIT_NPROC, NULL, &limit) &&
	    limit.rlim_cur != RLIM_INFINITY)
		doctor->processes = limit.rlim_cur;
	doctor->inotify = inotify_limit();
}

static int check_all(struct doctor *doctor)
{
	doctor_collect(doctor);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		doctor->check = checks[i].name;
		checks[i].function(doctor);
	}
	return doctor->failures ? EXIT_LEFT : 0;
}

/* Looks at @receptor, in a child that becomes as it is. Returns the exit status. */
static int look(struct doctor *doctor, const struct receptor *receptor)
{
	struct child child = {0};
	sigset_t before;
	int status = EXIT_LEFT, told = 0;

	doctor->receptor = receptor;
	measure(doctor);
	children_block(&before);
	child.pid = receptor_fork(receptor, &doctor->outside);
	if (child.pid > 0)
		told = children_wait(&child, 1, RECEPTOR_MS);
	if (child.ended && (WIFEXITED(child.status) || WTERMSIG(child.status) == told))
		status = end_as(child.status);
	else if (child.pid)
		print_error("receptor, pid %d: %s", (int)receptor->pid,
			    child.pid > 0
				    ? "who looked at it was stopped or killed, or took too long"
				    : strerror(errno));
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (child.pid == 0)
		exit(check_all(doctor));
	return status;
}

/* Root looks at the runs of all users but of those in @looked, which it has seen by then. */
static int check_others(struct doctor *doctor, const struct users *looked)
{
	_cleanup_users_ struct users all = {0}, others = {0};
	int status = users_find(&all) ? EXIT_LEFT : 0;

	for (size_t i = 0; i < all.count; i++)
		if (!users_have(looked, all.uid[i]))
			(void)users_add(&others, all.uid[i]);
	int found = others.count ? users_call(&others, false, TURN_MS, check_user, doctor) : 0;
	return found == EXIT_NOTHING ? status : status | found;
}

int doctor_main(int argc, char *argv[])
{
	static struct doctor doctor; /* environ will point into it */
	_cleanup_users_ struct users receptors = {0};
	bool looked = false;
	int status = 0;

	if (!parse(&doctor, argc, argv))
		return WRONG_USAGE;
	if (!program_path(doctor.program)) {
		print_error("/proc/self/exe cannot be read; mount proc(5) on /proc");
		return EXIT_LEFT;
	}
	doctor.caller = geteuid();
	if (doctor.given_conf)
		conf_read(&doctor.conf, doctor.given_conf);
	doctor.receptors = receptors_find(&doctor.all);
	for (size_t i = 0; i < doctor.receptors; i++) {
		if (!doctor.all[i].environment.count)
			continue;
		status |= look(&doctor, &doctor.all[i]);
		looked = true;
		(void)users_add(&receptors, doctor.all[i].uid);
	}
	if (!looked) {
		measure(&doctor);
		status = check_all(&doctor);
		(void)users_add(&receptors, doctor.caller);
	}
	return doctor.caller ? status : status | check_others(&doctor, &receptors);
}
