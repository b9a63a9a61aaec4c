/* SPDX-License-Identifier: BSD-2-Clause */
/* cli: the subcommands of geotherm. Each takes its own argv (argv[0] is its name) and returns the
 * exit code. */
#ifndef CLI_H
#define CLI_H

#include "userspace/daemon/manual.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1, /* the server refused, or the command failed or its check did */
	CLI_USAGE = 2,
	CLI_UNREACHABLE = 3, /* no connection: network, credentials, name; or no status file */
};

/* Keys of the options; an option of several commands has one. */
enum cli_option {
	CLI_CA = 256,
	CLI_CERT,
	CLI_KEY,
	CLI_NAME,
	CLI_CIPHERS,
	CLI_ACCEPT,
	CLI_FORMAT,
	CLI_JSON,
	CLI_TIMEOUT,
	CLI_FILE,
	CLI_WATCH,
	CLI_FIX,
	CLI_SENT,
	CLI_DIR,
	CLI_ROLE,
	CLI_SAN,
	CLI_DAYS,
	CLI_EXPIRING,
	CLI_OUT,
	CLI_FORCE,
	CLI_FROM,
	CLI_TO,
	CLI_COUNT,
	CLI_OWN,
	CLI_LINK,
	CLI_BAUD,
	CLI_MODE,
	CLI_KIND,
	CLI_RUNNING,
	CLI_SEED,
	CLI_RECORDING,
	CLI_FAULT,
};

extern const struct manual cli_manual;

int cmd_request(const struct manual_command *self, int argc, char **argv); /* get, post, put,
									      delete, observe */
int cmd_doctor(const struct manual_command *self, int argc, char **argv);
int cmd_sensor(const struct manual_command *self, int argc, char **argv);
int cmd_status(const struct manual_command *self, int argc, char **argv);
int cmd_wait(const struct manual_command *self, int argc, char **argv);
int cmd_ca(const struct manual_command *self, int argc, char **argv); /* ca, demo */
int cmd_bench(const struct manual_command *self, int argc, char **argv);
int cmd_replay(const struct manual_command *self, int argc, char **argv);
int cmd_sim(const struct manual_command *self, int argc, char **argv);

#endif
