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
	OPTIONS_DONE = -2, /* --help and the like, done: exit with 0 */
	OPTIONS_WRONG = -3, /* reported on stderr: exit with the code for wrong usage, 2 */
};

/*
 * The key of the next option, its value in getopt's optarg; or an options_result. argv[0] is
 * ignored.
 */
int options_next(const struct manual *m, const struct manual_command *command, int argc,
		 char **argv);

/* Where options_read() puts the value of an option: one of these. */
struct options_value {
	int key;
	bool *flag;
	const char **text;
	int *choice; /* which of the words of its argument in the manual, "a|b|c", from 0 */
	unsigned long *number, min, max;
	bool (*accept)(void *arg, const char *text); /* false: it has reported why, on stderr */
	void *arg;
};

/*
 * Reads all options, each of which is in values. -1: argv[optind] is the first operand; there are
 * max_operands at most. Else an exit code: 0 (--help and the like), or 2, reported on stderr.
 */
int options_read(const struct manual *m, const struct manual_command *command, int argc,
		 char **argv, const struct options_value *values, size_t n, int max_operands);

/* Runs the command that argv[1] names, in a program of several. Its exit code; 2 for a wrong name.
 */
int options_dispatch(const struct manual *m, int argc, char **argv);

/* text as a number from min to max, or false with a message on stderr that names the option. */
bool options_number(const char *option, const char *text, unsigned long min, unsigned long max,
		    unsigned long *number);

/* The options -c FILE and -o SECTION.KEY=VALUE of what is configured by a file; borrowed. */
#define OPTIONS_ASSIGNMENTS_MAX 64
struct options_config {
	const char *path; /* NULL: the default, which need not exist */
	const char *assignments[OPTIONS_ASSIGNMENTS_MAX];
	size_t n;
};

/* To a struct options_config. False with a message on stderr: too many. */
bool options_assign(void *config, const char *assignment);
/* Borrows o. */
struct config_source options_source(const struct options_config *o, const char *default_path);

#endif
