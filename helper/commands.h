/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subcommands. Each gets `podleash NAME` as argv[0] and returns the exit status, or WRONG_USAGE
 * once it has said what is wrong: where its help is follows, and EXIT_USAGE.
 */
#ifndef PODLEASH_COMMANDS_H
#define PODLEASH_COMMANDS_H

#include <getopt.h>

#define EXIT_LEFT    1 /* something is left, or could not be done */
#define EXIT_USAGE   2 /* a wrong command line */
#define EXIT_NOTHING 3 /* never main's: there is nothing of what was asked for (given.h) */
#define WRONG_USAGE  (-1)
#define EXIT_REFUSED 125 /* podman's own status for "was not started", podman-run(1) */

/*
 * As getopt_long(3), with 'h' among the @letters and {HELP_OPTION} among @longs. Where help is
 * asked for it is '?' as well; the command returns WRONG_USAGE as ever, and its help is printed.
 */
int command_option(int argc, char *argv[], const char *letters, const struct option *longs);
#define HELP_OPTION "help", no_argument, NULL, 'h'

int run_main(int argc, char *argv[]);
int cancel_main(int argc, char *argv[]);
int sweep_main(int argc, char *argv[]);
int list_main(int argc, char *argv[]);
int doctor_main(int argc, char *argv[]);
int hold_main(int argc, char *argv[]);
int guard_main(int argc, char *argv[]);

#endif
