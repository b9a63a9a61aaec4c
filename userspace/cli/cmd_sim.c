// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "userspace/sim/ublox7_pty.h"

int cmd_sim(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "ublox7") == 0) {
		return ublox7_main(argc - 1, argv + 1);
	}
	fprintf(argc > 1 && strcmp(argv[1], "--help") == 0 ? stdout : stderr,
		"usage: geotherm sim ublox7 [OPTION]...\n"
		"  a u-blox 7 receiver on a pseudo terminal ('geotherm sim ublox7 --help' tells more)\n");
	return argc > 1 && strcmp(argv[1], "--help") == 0 ? CLI_OK : CLI_USAGE;
}
