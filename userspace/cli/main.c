// SPDX-License-Identifier: BSD-2-Clause
#include "cli.h"
#include "userspace/daemon/log.h"
#include "userspace/daemon/options.h"

int main(int argc, char **argv)
{
	log_init("geotherm", LOG_LEVEL_WARNING);
	return options_dispatch(&cli_manual, argc, argv);
}
