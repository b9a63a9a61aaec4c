/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * manual: the options, commands and texts of a program, as a table. --help, the man pages, the bash
 * completion and the parsing of options (options.h) come from it, so that they cannot differ.
 *
 * Texts are plain English; a "\n\n" separates paragraphs, lines are filled here. All is borrowed
 * and constant.
 */
#ifndef DAEMON_MANUAL_H
#define DAEMON_MANUAL_H

#include <stddef.h>
#include <stdio.h>

#include "config.h"

struct manual_option {
	int key; /* what options_next() returns, above 0; a character is also the short option */
	const char *name; /* without "--"; NULL: short only */
	/* Its placeholder; NULL: none is taken; "[N]": may be left out; "a|b|c": one of these
	 * words. FILE and DIR are completed by the shell. */
	const char *argument;
	const char *help;
};

struct manual_command {
	const char *name; /* "get"; NULL in a program that is one command */
	const char *operands; /* "URI [PAYLOAD]", or NULL */
	const char *brief; /* no more than a line, without a full stop */
	const char *about; /* the rest, or NULL */
	const struct manual_option *options;
	size_t n_options;
	int (*run)(const struct manual_command *self, int argc, char **argv); /* exit code; NULL as
										 for name */
};

/* Options of every program; manual_common() has their texts. */
enum manual_key { MANUAL_HELP = 'h', MANUAL_VERSION = 0x1000, MANUAL_PRINT_CONFIG };

struct manual_exit {
	int code;
	const char *meaning;
};

struct manual {
	const char *name; /* of the program */
	int section; /* of its man page: 1 or 8 */
	const char *brief, *about;
	const struct manual_command *commands;
	size_t n_commands;
	const struct manual_exit *exits;
	size_t n_exits;
	const char *see_also; /* "geotherm(1), geotherm-server(8)" */
	/* Of a program that is configured by a file; else NULL. */
	const char *config_file; /* "/etc/geotherm/node.conf" */
	const struct config_table *config;
};

/* --help: of the whole program if command is NULL. */
void manual_help(const struct manual *m, const struct manual_command *command, FILE *out);
/* man(7) source of NAME(section), and of NAME.conf(5). */
void manual_page(const struct manual *m, FILE *out);
void manual_config_page(const struct manual *m, FILE *out);
/* A bash-completion(7) script. */
void manual_completion(const struct manual *m, FILE *out);

#endif
