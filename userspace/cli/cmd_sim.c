// SPDX-License-Identifier: BSD-2-Clause
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "userspace/daemon/options.h"
#include "userspace/sim/ublox7_pty.h"

int cmd_sim(const struct manual_command *self, int argc, char **argv)
{
	int key;

	if (argc > 1 && strcmp(argv[1], "ublox7") == 0) {
		return ublox7_main(argc - 1, argv + 1);
	}
	key = options_next(&cli_manual, self, argc, argv);
	if (key == OPTIONS_END) {
		fprintf(stderr, "geotherm sim: %s%s\n",
			optind < argc ? argv[optind] : "ublox7 is wanted",
			optind < argc ? ": no such simulator; there is ublox7" : "");
	}
	return key == OPTIONS_DONE ? CLI_OK : CLI_USAGE;
}
