/* SPDX-License-Identifier: Apache-2.0 */
/* podleash cancel: ends all containers of a unit, and any that it is about to start. */
#include "cancel.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "commands.h"
#include "given.h"
#include "grace.h"
#include "log.h"
#include "piddir.h"
#include "tombstone.h"
#include "util.h"

/* Longer than a grace, podman's cleanup and a hung podman call take together. */
#define TIMEOUT_MS 90000
#define LOOK_MS	   10
#define HURRY_MS   10000 /* behind that: for the looks, which its user may hold up */

/* One in whose directory something is being ended; the directory is its own. */
struct kept {
	struct cancel cancel;
	char path[PATH_MAX];
};

struct cancelling {
	struct cancel asked; /* of every directory */
	struct report report;
	const struct given *given; /* the one that is looked at */
	bool named;	  /* the directory, where a unit may be stopped that is not there yet */
	int64_t deadline; /* boottime_ms(), of all directories together */
	struct kept *kept;
	size_t count;
	bool left;
};

/* Leaves the words behind the options, a directory or none, at optind. */
static bool parse(struct cancelling *cancelling, int argc, char *argv[])
{
	static const struct option longs[] = {
		{"grace", required_argument, NULL, 'g'},
		{"timeout", required_argument, NULL, 't'},
		{"json", no_argument, NULL, 'j'},
		{"unit", required_argument, NULL, 'u'},
		{HELP_OPTION},
		{0},
	};
	struct cancel *asked = &cancelling->asked;
	int option;

	while ((option = command_option(argc, argv, "h", longs)) != -1) {
		if (option == 'j')
			cancelling->report.json = true;
		else if (option == 'u')
			asked->unit = optarg;
		else if (option == '?' || !grace_given(optarg, option == 'g' ? &asked->grace_ms
									     : &asked->timeout_ms))
			return false;
	}
	if (!asked->unit && argv[optind] && !given_is_directory(argv[optind]))
		asked->unit = argv[optind++];
	if (asked->unit && !unit_name_valid(asked->unit)) {
		print_error("%s: not a unit's name", asked->unit);
		return false;
	}
	cancelling->named = argv[optind];
	if (!argv[optind] && !asked->unit)
		print_error("neither a directory nor a unit given");
	else if (argv[optind] && argv[optind + 1])
		print_error("more than one directory given");
	else
		return true;
	return false;
}

static void end(struct cancelling *cancelling, struct cancel *cancel)
{
	if (cancel_end(cancel) || piddir_is_removed(cancel->directory))
		return;
	cancelling->left = true;
	if (cancel->unmarked)
		print_error("%s: no tombstone could be written: %s; what ran was told to end, what "
			    "starts now is not stopped",
			    cancel->path, strerror(cancel->unmarked));
	else
		print_error("%s: not all of it is ended; see %s; cancel may be repeated",
			    cancel->path, log_place(cancel->unit));
}

/* Keeps @cancel for wait_for_all(). False where memory or descriptors are short. */
static bool keep(struct cancelling *cancelling, const struct cancel *cancel)
{
	size_t count = cancelling->count;
	struct kept *larger = realloc(cancelling->kept, (count + 1) * sizeof(*larger));
	int directory = larger ? fcntl(cancel->directory, F_DUPFD_CLOEXEC, 3) : -1;

	if (larger)
		cancelling->kept = larger;
	if (directory < 0)
		return false;
	larger[count].cancel = *cancel;
	larger[count].cancel.directory = larger[count].cancel.reapers.directory = directory;
	(void)snprintf(larger[count].path, sizeof(larger[count].path), "%s", cancel->path);
	cancelling->count++;
	return true;
}

/* Tells all in the directory to end; most have nothing in them that is to be waited for. */
static void cancel_directory(int directory, const char *path, void *context)
{
	struct cancelling *cancelling = context;
	struct cancel cancel = cancelling->asked;

	cancel.directory = directory;
	cancel.path = path;
	cancel.reapers.given = cancelling->given;
	cancel_begin(&cancel);
	if (!cancel.over && keep(cancelling, &cancel))
		return;
	while (!cancel.over && ms_until(cancelling->deadline))
		cancel_go_on(&cancel, LOOK_MS); /* it cannot be kept: one after the other */
	end(cancelling, &cancel);
}

static void wait_for_all(struct cancelling *cancelling)
{
	while (cancelling->count) {
		bool late = !ms_until(cancelling->deadline);
		int ms = LOOK_MS / (int)cancelling->count;
		size_t pending = 0;

		for (size_t i = 0; i < cancelling->count; i++)
			pending += cancel_pending(&cancelling->kept[i].cancel);
		report_pending(&cancelling->report, pending);
		for (size_t i = cancelling->count; i-- > 0;) {
			struct cancel *cancel = &cancelling->kept[i].cancel;

			cancel->path = cancelling->kept[i].path; /* it moves with the list */
			if (!late)
				cancel_go_on(cancel, ms ? ms : 1);
			if (!late && !cancel->over)
				continue;
			end(cancelling, cancel);
			cleanup_close(&cancel->directory);
			cancelling->kept[i] = cancelling->kept[--cancelling->count];
		}
	}
	free(cancelling->kept);
}

/*
 * The unit's own directory below, where `podleash run` has made one. The tombstone is in the one
 * above by now: a directory that is made later is stopped by that.
 */
static void cancel_own_directory(const struct given *given, struct cancelling *cancelling)
{
	char own[PATH_MAX];
	const char *why;
	_cleanup_close_ int unit = given_open_unit(given, cancelling->asked.unit, own, &why);

	if (unit >= 0) {
		cancel_directory(unit, own, cancelling);
	} else if (why) {
		print_error("%s: %s; left alone", own, why);
		cancelling->left = true;
	}
}

/* Whether @given has the unit, or anything may: what is not there yet is stopped where it is named.
 */
static bool has_unit(const struct cancelling *cancelling, const struct given *given, size_t count)
{
	const char *unit = cancelling->asked.unit;

	for (size_t i = 0; unit && !cancelling->named && i < count; i++)
		if (given_has_unit(&given[i], unit))
			return true;
	return !unit || cancelling->named;
}

/* All of one user's, at once. A unit's jobs may be in one of them and start more in another. */
static int cancel_all(const struct given *given, size_t count, void *context)
{
	struct cancelling *cancelling = context;

	if (!has_unit(cancelling, given, count))
		return EXIT_NOTHING;
	for (size_t i = 0; i < count; i++) {
		cancelling->given = &given[i];
		cancel_directory(given[i].directory, given[i].path, cancelling);
		if (cancelling->asked.unit)
			cancel_own_directory(&given[i], cancelling);
		else if (given_each_unit(&given[i], cancel_directory, cancelling))
			cancelling->left = true;
	}
	uint64_t marked = now_ticks();
	wait_for_all(cancelling);
	/* what starts in the clock tick of a tombstone counts as older than it (tombstone.h) */
	while (now_ticks() == marked)
		sleep_ms(1);
	report_unnamed(&cancelling->report, given->path);
	return cancelling->left ? EXIT_LEFT : 0;
}

int cancel_main(int argc, char *argv[])
{
	struct cancelling cancelling = {.asked = {.grace_ms = -1, .timeout_ms = TIMEOUT_MS}};

	if (!parse(&cancelling, argc, argv))
		return WRONG_USAGE;
	cancelling.report.progress = progress_new();
	cancelling.deadline = boottime_ms() + cancelling.asked.timeout_ms;
	cancelling.asked.report = &cancelling.report;
	int status = given_call(argv[optind], true, cancelling.asked.timeout_ms + HURRY_MS,
				cancel_all, &cancelling);
	if (status != EXIT_NOTHING)
		return status;
	print_error("%s: no such unit; name its directory as well where it has not begun",
		    cancelling.asked.unit);
	return EXIT_LEFT;
}
