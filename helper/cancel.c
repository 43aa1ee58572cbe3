/* SPDX-License-Identifier: Apache-2.0 */
/* podleash cancel: ends all containers of a unit, and any that it is about to start. */
#include "cancel.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>

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

struct options {
	int grace_ms, timeout_ms;
	bool json;
	const char *unit;
	char *const *words; /* behind the options: a directory, or none */
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

	*options = (struct options){.grace_ms = -1, .timeout_ms = TIMEOUT_MS};
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (option == 'j')
			options->json = true;
		else if (option == 'u')
			options->unit = optarg;
		else if (option == '?' ||
			 !grace_parse(optarg,
				      option == 'g' ? &options->grace_ms : &options->timeout_ms)) {
			if (option != '?')
				print_error("%s: not a number of seconds from 0 to %d", optarg,
					    GRACE_MAX);
			return false;
		}
	}
	if (options->unit && !unit_name_valid(options->unit)) {
		print_error("%s: not a unit's name", options->unit);
		return false;
	}
	options->words = argv + optind;
	if (!options->words[0] && !options->unit)
		print_error("neither a directory nor a unit given");
	return options->words[0] || options->unit;
}

/* A directory in which something is being ended. */
struct place {
	int directory;
	char path[PATH_MAX];
	struct cancel cancel;
	struct cancel_pass pass;
};

struct cancelling {
	const struct options *options;
	struct report report;
	int64_t deadline; /* boottime_ms(), of all directories together */
	struct place **place;
	size_t places;
	bool left;
};

/* Takes room for one more place; NULL where memory or descriptors are short. */
static struct place *new_place(struct cancelling *cancelling, int directory)
{
	struct place **larger =
		realloc(cancelling->place, (cancelling->places + 1) * sizeof(*larger));

	if (!larger)
		return NULL;
	cancelling->place = larger;
	struct place *place = calloc(1, sizeof(*place));
	if (place)
		place->directory = fcntl(directory, F_DUPFD_CLOEXEC, 3);
	if (place && place->directory < 0) {
		free(place);
		return NULL;
	}
	return place;
}

static void begin(struct cancelling *cancelling, struct place *place, const char *path)
{
	const struct options *options = cancelling->options;

	(void)snprintf(place->path, sizeof(place->path), "%s", path);
	place->cancel = (struct cancel){
		.directory = place->directory,
		.path = place->path,
		.unit = options->unit,
		.grace_ms = options->grace_ms,
		.report = &cancelling->report,
	};
	cancel_begin(&place->pass, &place->cancel);
}

static void end(struct cancelling *cancelling, struct place *place)
{
	int unmarked = place->pass.unmarked;

	if (cancel_end(&place->pass) || piddir_is_removed(place->directory))
		return;
	cancelling->left = true;
	if (unmarked)
		print_error("%s: no tombstone could be written: %s; what ran was told to end, what "
			    "starts now is not stopped",
			    place->path, strerror(unmarked));
	else
		print_error("%s: not all of it is ended; the log says what is left, cancel may be "
			    "repeated",
			    place->path);
}

static void end_and_free(struct cancelling *cancelling, struct place *place)
{
	end(cancelling, place);
	cleanup_close(&place->directory);
	free(place);
}

/* Tells all in the directory to end; most have nothing in them that is to be waited for. */
static void cancel_directory(int directory, const char *path, void *context)
{
	struct cancelling *cancelling = context;
	struct place *place = new_place(cancelling, directory);
	struct place alone = {.directory = directory};

	if (place) {
		begin(cancelling, place, path);
		if (place->pass.over)
			end_and_free(cancelling, place);
		else
			cancelling->place[cancelling->places++] = place;
		return;
	}
	begin(cancelling, &alone, path); /* it cannot be kept: one after the other */
	while (!alone.pass.over && ms_until(cancelling->deadline))
		cancel_go_on(&alone.pass, LOOK_MS);
	end(cancelling, &alone);
}

static void wait_for_all(struct cancelling *cancelling)
{
	while (cancelling->places && ms_until(cancelling->deadline)) {
		int ms = LOOK_MS / (int)cancelling->places;

		for (size_t i = cancelling->places; i-- > 0;) {
			struct place *place = cancelling->place[i];

			cancel_go_on(&place->pass, ms ? ms : 1);
			if (!place->pass.over)
				continue;
			cancelling->place[i] = cancelling->place[--cancelling->places];
			end_and_free(cancelling, place);
		}
	}
	for (size_t i = 0; i < cancelling->places; i++)
		end_and_free(cancelling, cancelling->place[i]);
	free(cancelling->place);
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
		return WRONG_USAGE;
	/* where there is no directory, a unit that is over may be cancelled all the same */
	_cleanup_close_ int directory = given_open(&given, options.words, &status);
	if (directory < 0)
		return status;
	cancelling.deadline = boottime_ms() + options.timeout_ms;
	cancelling.report.json = options.json;
	cancel_directory(directory, given.path, &cancelling);
	if (options.unit)
		cancel_own_directory(&given, &cancelling);
	else if (given_each_unit(&given, cancel_directory, &cancelling))
		cancelling.left = true;
	uint64_t marked = now_ticks();
	wait_for_all(&cancelling);
	/* what starts in the clock tick of a tombstone counts as older than it (tombstone.h) */
	while (now_ticks() == marked)
		sleep_ms(1);
	report_unnamed(&cancelling.report, given.path);
	return cancelling.left ? EXIT_LEFT : 0;
}
