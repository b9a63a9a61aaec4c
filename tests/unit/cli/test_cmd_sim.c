// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <getopt.h>
#include <string.h>

#include "userspace/cli/cli.h"

static const struct manual_command *command(const char *name)
{
	for (size_t i = 0; i < cli_manual.n_commands; i++) {
		if (strcmp(cli_manual.commands[i].name, name) == 0) {
			return &cli_manual.commands[i];
		}
	}
	fail_msg("no command %s", name);
	return NULL;
}

static void the_command_refuses_what_it_cannot_do(void **state)
{
	static char wrong[][2][16] = {
		{ "--baud", "9601" },	    { "--baud", "921600" },
		{ "--mode", "nema" },	    { "--kind", "x" },
		{ "--fault", "deaf-ms" },   { "--fault", "deaf-ms=-1" },
		{ "--fault", "antenna=5" }, { "--fault", "=1" },
		{ "--seed", "12x" },	    { "--recording", "LICENSE" },
		{ "--nothing", "" },	    { "more", "words" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char name[] = "sim", which[] = "ublox7";
		char *argv[] = { name, which, wrong[i][0], wrong[i][1], NULL };

		optind = 0; /* getopt from its beginning */
		if (cmd_sim(command("sim"), 4, argv) != CLI_USAGE) {
			fail_msg("%s %s", wrong[i][0], wrong[i][1]);
		}
	}
}

static void a_simulator_must_be_named(void **state)
{
	char name[] = "sim", other[] = "ublox9";
	char *argv[] = { name, other, NULL };

	(void)state;
	optind = 0;
	assert_int_equal(cmd_sim(command("sim"), 2, argv), CLI_USAGE);
	optind = 0;
	assert_int_equal(cmd_sim(command("sim"), 1, argv), CLI_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_command_refuses_what_it_cannot_do),
		cmocka_unit_test(a_simulator_must_be_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
