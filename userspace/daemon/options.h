/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options: getopt_long(3) by the table of a manual.
 *
 * Every program and command also takes -h, --help and --version; a program that has a configuration
 * --print-config; and, for the build, --print-man, --print-conf-man and --print-completion.
 * Single-threaded.
 */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include "manual.h"

enum options_result {
	OPTIONS_END = -1, /* argv[optind] is the first operand */
	OPTIONS_DONE = -2, /* that was all that was asked for: end with 0 */
	OPTIONS_WRONG = -3, /* stderr says what: end with the code for wrong usage, 2 */
};

/*
 * The key of the next option, its value in getopt's optarg; or an options_result. argv[0] is not
 * looked at.
 */
int options_next(const struct manual *m, const struct manual_command *command, int argc,
		 char **argv);

/* Runs the command that argv[1] names. For a program of several commands. Its exit code, 2 for a
 * wrong name. */
int options_dispatch(const struct manual *m, int argc, char **argv);

/* text as a number from min to max, or false after a word on stderr that names the option. */
bool options_number(const char *option, const char *text, unsigned long min, unsigned long max,
		    unsigned long *number);

#endif
