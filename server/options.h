/* SPDX-License-Identifier: BSD-2-Clause */
/* options: the command line of geotherm-server, its manual, and its exit codes. */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "server_config.h"
#include "userspace/daemon/options.h"

enum server_exit {
	EXIT_OK = 0,
	EXIT_RUNTIME = 1,
	EXIT_USAGE = 2,
	EXIT_CREDENTIAL = 3,
	EXIT_ADDRESS = 4,
	EXIT_STORE = 5,
	EXIT_WRONG = 6,
	EXIT_INCOMPLETE = 7
};

#define SERVER_USER "geotherm-server" /* of the unit */

struct server_options {
	struct options_config config;
	char level[64]; /* --log-level is an assignment too */
	const char *ready_file;
	const char *reload; /* number of the process to reload; NULL: serve */
	bool check, show;
	const char *command; /* "verify", "backup", "restore"; NULL: serve */
	const char *file; /* of backup and restore */
};

/* -1: go on; else the exit code. */
int server_options_read(struct server_options *o, int argc, char **argv);

/* The configuration that the options name, with their overrides. 0, or a negative errno with err.
 */
int server_options_load(const struct server_options *o, struct server_config *config, char *err,
			size_t err_size);

#endif
