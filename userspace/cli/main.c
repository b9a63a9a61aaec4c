// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "userspace/daemon/log.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "get", cmd_request, "read a resource: the newest readings, a track, one reading, gaps, the time" },
	{ "post", cmd_request, "send readings" },
	{ "put", cmd_request, "store one reading under its own number" },
	{ "delete", cmd_request, "remove a reading or a device (operators)" },
	{ "observe", cmd_request, "show each change of a resource until interrupted" },
	{ "sim", cmd_sim, "simulated hardware: geotherm sim ublox7" },
};

static void usage(FILE *out)
{
	fprintf(out, "usage: geotherm COMMAND [OPTION]... [ARGUMENT]...\n\n");
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	}
	fprintf(out, "\n'geotherm COMMAND --help' tells more. 'geotherm --version' prints the version.\n"
		"Exit codes: 0 done, 1 the server said no or it failed, 2 usage, 3 no connection.\n");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	log_init("geotherm", LOG_LEVEL_WARNING);
	if (strcmp(name, "--version") == 0) {
		puts("geotherm " GEOTHERM_VERSION);
		return CLI_OK;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		usage(stdout);
		return CLI_OK;
	}
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(commands[i].name, name) == 0) {
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	if (*name != '\0') {
		fprintf(stderr, "geotherm: no such command: %s\n", name);
	}
	usage(stderr);
	return CLI_USAGE;
}
