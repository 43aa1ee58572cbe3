/* SPDX-License-Identifier: Apache-2.0 */
/* podleash cancel: ends all containers of a unit, and any that it is about to start. */
#include "cancel.h"

#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>

#include "commands.h"
#include "given.h"
#include "log.h"
#include "piddir.h"
#include "reap.h"
#include "tombstone.h"
#include "util.h"

/* Longer than a grace, podman's cleanup and a hung podman call take together. */
#define TIMEOUT_MS 90000

struct options {
	int grace_ms, asked_grace_ms, timeout_ms;
	bool json;
	const char *unit, *path;
};

static bool parse(struct options *options, int argc, char *argv[])
{
	static const struct option longs[] = {
		{"grace", required_argument, NULL, 'g'},
		{"timeout", required_argument, NULL, 't'},
		{"json", no_argument, NULL, 'j'},
		{"unit", required_argument, NULL, 'u'},
		{0},
	};
	int option;

	*options = (struct options){.asked_grace_ms = -1, .timeout_ms = TIMEOUT_MS};
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (option == 'j')
			options->json = true;
		else if (option == 'u')
			options->unit = optarg;
		else if (option == '?' ||
			 !grace_parse(optarg, option == 'g' ? &options->asked_grace_ms
							    : &options->timeout_ms)) {
			if (option != '?')
				print_error("%s: not a number of seconds from 0 to %d", optarg,
					    GRACE_MAX);
			return false;
		}
	}
	options->grace_ms =
		options->asked_grace_ms < 0 ? grace_from_environment() : options->asked_grace_ms;
	if (options->unit && !unit_name_valid(options->unit)) {
		print_error("%s: not a unit's name", options->unit);
		return false;
	}
	options->path = argv[optind];
	if (argc - optind > 1 || (!options->path && !options->unit)) {
		print_error(options->path ? "more than one directory given"
					  : "neither a directory nor a unit given");
		return false;
	}
	return true;
}

struct cancelling {
	const struct options *options;
	struct report report;
	int64_t deadline; /* boottime_ms(), of all directories together */
	bool left;
};

/* Whether `podleash run`, or a sweep, has removed it meanwhile: nothing was left in it. */
static bool is_removed(int directory)
{
	struct stat st;

	return fstat(directory, &st) == 0 && st.st_nlink == 0;
}

static void cancel_directory(int directory, const char *path, void *context)
{
	struct cancelling *cancelling = context;
	const struct options *options = cancelling->options;
	char name[UNIT_SIZE];
	struct cancel cancel = {
		.directory = directory,
		.path = path,
		.unit = options->unit,
		.name = name,
		.grace_ms = options->grace_ms,
		.asked_grace_ms = options->asked_grace_ms,
		.timeout_ms = ms_until(cancelling->deadline),
		.report = &cancelling->report,
	};

	piddir_unit(directory, name);
	if (cancel_unit(&cancel) || is_removed(directory))
		return;
	cancelling->left = true;
	if (cancelling->report.unmarked)
		print_error("%s: no tombstone could be written: %s; what ran was told to end, what "
			    "starts now is not stopped",
			    path, strerror(cancelling->report.unmarked));
	else
		print_error("%s: not all of it is ended; the log says what is left, cancel may be "
			    "repeated",
			    path);
}

/*
 * The unit's own directory below, where `podleash run` has made one. The tombstone is in the one
 * above by now: a directory that is made later is stopped by that.
 */
static void cancel_own_directory(const struct given *given, struct cancelling *cancelling)
{
	char own[PATH_MAX];
	const char *why;
	_cleanup_close_ int unit = given_open_unit(given, cancelling->options->unit, own, &why);

	if (unit >= 0) {
		cancel_directory(unit, own, cancelling);
	} else if (why) {
		print_error("%s: %s; left alone", own, why);
		cancelling->left = true;
	}
}

int cancel_main(int argc, char *argv[])
{
	struct options options;
	struct cancelling cancelling = {.options = &options};
	struct given given;
	int status;

	log_init();
	if (!parse(&options, argc, argv))
		return usage_error("cancel");
	/* where there is no directory, a unit that is over may be cancelled all the same */
	_cleanup_close_ int directory = given_open(&given, options.path, &status);
	if (directory < 0)
		return status;
	cancelling.deadline = boottime_ms() + options.timeout_ms;
	cancelling.report.json = options.json;
	cancel_directory(directory, given.path, &cancelling);
	if (options.unit)
		cancel_own_directory(&given, &cancelling);
	else if (given_each_unit(&given, cancel_directory, &cancelling))
		cancelling.left = true;
	report_unnamed(&cancelling.report, given.path);
	return cancelling.left ? EXIT_LEFT : 0;
}
