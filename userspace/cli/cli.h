/* SPDX-License-Identifier: BSD-2-Clause */
/* cli: the subcommands of geotherm. Each takes its own argv (argv[0] is its name) and returns the exit code. */
#ifndef CLI_H
#define CLI_H

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,		/* the server said no, or what was asked for failed */
	CLI_USAGE = 2,
	CLI_UNREACHABLE = 3,	/* no connection: network, credentials, name */
};

int cmd_request(int argc, char **argv);	/* get, post, put, delete, observe */
int cmd_sim(int argc, char **argv);

#endif
