// SPDX-License-Identifier: BSD-2-Clause
/* geotherm ca, geotherm demo: the script geotherm-NAME with the options that the manual's table
 * knows, in their long form. */
#define _GNU_SOURCE /* readlink() */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "userspace/daemon/options.h"

#define OPTIONS_MAX 16

/* Installed in libexec, built beside this program. */
static int run_program(const char *name, char **argv)
{
	static const char *const places[] = { "../libexec/geotherm", "." };
	char own[PATH_MAX] = "", path[PATH_MAX + 64];

	if (readlink("/proc/self/exe", own, sizeof(own) - 1) > 0) {
		*strrchr(own, '/') = '\0';
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s/geotherm-%s", own, places[i], name);
		execv(path, argv);
		if (errno != ENOENT) {
			break;
		}
	}
	fprintf(stderr, "geotherm %s: %s: %s\n", name, path, strerror(errno));
	return CLI_FAILED;
}

int cmd_ca(const struct manual_command *self, int argc, char **argv)
{
	char names[OPTIONS_MAX][32];
	char **args = calloc(2 * (size_t)argc + 3, sizeof(*args));
	size_t n = 0;
	int key, code;

	if (args == NULL) {
		fprintf(stderr, "geotherm %s: out of memory\n", self->name);
		return CLI_FAILED;
	}
	args[n++] = argv[0];
	while ((key = options_next(&cli_manual, self, argc, argv)) >= 0) {
		size_t i = 0;

		while (self->options[i].key != key) {
			i++;
		}
		snprintf(names[i], sizeof(names[i]), "--%s", self->options[i].name);
		args[n++] = names[i];
		if (self->options[i].argument != NULL) {
			args[n++] = optarg;
		}
	}
	if (key == OPTIONS_END) {
		args[n++] = (char[]){ "--" };
		memcpy(args + n, argv + optind, (size_t)(argc - optind) * sizeof(*args));
		code = run_program(self->name, args);
	} else {
		code = key == OPTIONS_DONE ? CLI_OK : CLI_USAGE;
	}
	free(args);
	return code;
}
