// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* mkstemp() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "userspace/node/node_config.h"

static char path[] = "/tmp/geotherm-node-conf-XXXXXX";
static char err[512];

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	return fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static int load_text(struct node_config *config, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return node_config_load(config, &(const struct config_source){ path, NULL, 0 }, err,
				sizeof(err));
}

static void an_empty_file_gives_the_defaults(void **state)
{
	struct node_config c;

	(void)state;
	assert_int_equal(load_text(&c, ""), 0);
	assert_null(c.device);
	assert_int_equal(c.period_ms, 10000);
	assert_int_equal(c.simulate, NODE_SIMULATE_NEVER);
	assert_int_equal(c.w1_bus, NODE_W1_AUTO);
	assert_int_equal(c.w1_pins.n, 1);
	assert_int_equal(c.w1_pins.gpio[0], 4);
	assert_int_equal(c.w1_sensors.n, 0);
	assert_string_equal(c.gnss_port, "/dev/serial0");
	assert_int_equal(c.outbox_sync_ms, 0);
	assert_int_equal(c.log_level, LOG_LEVEL_INFO);
	node_config_free(&c);
}

static void what_is_given_is_worked_out(void **state)
{
	static const char *const over[] = { "node.period=0.5", "gnss.model=sea" };
	struct node_config c;
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	fputs("[node]\nsimulate = if-absent\nlog_level = debug\nperiod = 3\n[outbox]\nsync = 5min\n"
	      "[gnss]\nnot_before = 2015-03-01\n",
	      f);
	fclose(f);
	assert_int_equal(node_config_load(&c, &(const struct config_source){ path, over, 2 }, err,
					  sizeof(err)),
			 0);
	assert_int_equal(c.period_ms, 500);
	assert_int_equal(c.simulate, NODE_SIMULATE_IF_ABSENT);
	assert_int_equal(c.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(c.outbox_sync_ms, 300000);
	assert_int_equal(c.gnss_dyn_model, 5);
	assert_true(c.not_before_us == INT64_C(1425168000) * 1000000);
	node_config_free(&c);
}

static void a_day_is_counted_as_the_c_library_does(void **state)
{
	(void)state;
	for (int year = 1970; year <= 2100; year++) {
		for (int month = 1; month <= 12; month++) {
			struct tm tm = { .tm_year = year - 1900,
					 .tm_mon = month - 1,
					 .tm_mday = 28 };
			char line[64];
			struct node_config c;
			const char *over = line;

			snprintf(line, sizeof(line), "gnss.not_before=%04d-%02d-28", year, month);
			assert_int_equal(
				node_config_load(&c,
						 &(const struct config_source){ NULL, &over, 1 },
						 err, sizeof(err)),
				0);
			assert_true(c.not_before_us == (int64_t)timegm(&tm) * 1000000);
			node_config_free(&c);
		}
	}
}

static void servers_and_resolutions_are_taken_apart(void **state)
{
	static const char *const over[] = {
		"server.uri=coaps://a/x , coap://[::1]:5, ",
		"w1.alarms=28dedf128400003b=0..95, -20..60", /* no longer used */
		"w1.resolution=28-00008412dfde=9, 28ff64067d140139=10" /* both forms */
	};
	static const uint8_t first[8] = { 0x28, 0xde, 0xdf, 0x12, 0x84, 0, 0, 0x3b };
	static const uint8_t second[8] = { 0x28, 0xff, 0x64, 0x06, 0x7d, 0x14, 0x01, 0x39 },
			     none[8] = { 0x28 };
	struct node_config c;

	(void)state;
	assert_int_equal(node_config_load(&c, &(const struct config_source){ NULL, over, 3 }, err,
					  sizeof(err)),
			 0);
	assert_int_equal(c.n_servers, 2);
	assert_string_equal(c.servers[0], "coaps://a/x");
	assert_string_equal(c.servers[1], "coap://[::1]:5");
	assert_int_equal(w1_resolution_bits(&c.w1_resolutions, none), 12);
	assert_int_equal(w1_resolution_bits(&c.w1_resolutions, first), 9);
	assert_int_equal(w1_resolution_bits(&c.w1_resolutions, second), 10);
	node_config_free(&c);
}

/* What is wrong, and what the one line must name. */
static void what_is_wrong_is_named_with_what_is_allowed(void **state)
{
	static const struct {
		const char *text, *named, *hint;
	} rows[] = {
		{ "[node]\nperiod = soon\n", "period", "0.5" },
		{ "[node]\nperiod = 0.005\n", "period", "0.01 s" },
		{ "[node]\nperiodd = 1\n", "periodd", "did you mean period" },
		{ "[node]\ndevice = my node\n", "device", "urn:dev:mac:" },
		{ "[node]\nlog_level = loud\n", "log_level", "notice" },
		{ "[w1]\nresolution = 28dedf128400003c=9\n", "resolution", "would be 3b" },
		{ "[w1]\nresolution = 28-dedf1284000=9\n", "resolution", "16 hex digits" },
		{ "[w1]\nresolution = 28dedf128400003b=13\n", "resolution", "9, 10, 11, 12" },
		{ "[server]\nuri = coaps://a, coaps://b, coaps://c, coaps://d, coaps://e\n", "uri",
		  "at most 4" },
		{ "[server]\nuri = ,\n", "uri", "coaps://HOST" },
		{ "[server]\nformat = xml\n", "format", "legacy" },
		{ "[node]\nsimulate = always\n", "simulate", "if-absent" },
		{ "[w1]\nresolution = 8\n", "resolution", "9, 10, 11, 12" },
		{ "[w1]\nbus = i2c\n", "bus", "userspace" },
		{ "[gnss]\nbaud = 5000\n", "[gnss] baud, rate: 5000 baud", "4800, 9600" },
		{ "[gnss]\nbaud = 230400\n", "baud", "from 4800 to 115200" },
		{ "[gnss]\nbaud = 9600\nrate = 0.1\n", "1240 B/s", "must be 162 ms or more" },
		{ "[gnss]\nnot_before = 2015-02-29\n", "not_before", "2026-01-01" },
		{ "[gnss]\nnot_before = 2101-01-01\n", "not_before", "from 1970 to 2100" },
		{ "[gnss]\nnot_before = 2015-02\n", "not_before", "2026-01-01" },
		{ "[gnss]\nnot_before = 2015-02-01 12:00\n", "not_before", "2026-01-01" },
		{ "[outbox]\nsync = never\n", "sync", "each" },
		{ "[outbox]\nsync = 0\n", "sync", "each" },
		{ "[server]\nbatch = 0\n", "batch", "from 1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct node_config c;

		assert_int_not_equal(load_text(&c, rows[i].text), 0);
		if (strstr(err, path) == NULL || strstr(err, rows[i].named) == NULL ||
		    strstr(err, rows[i].hint) == NULL) {
			fail_msg("%s -> %s", rows[i].text, err);
		}
		assert_null(strchr(err, '\n'));
	}
}

static void the_printed_manual_is_a_configuration_that_loads(void **state)
{
	struct node_config c;
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	config_print(&node_config_table, f);
	fclose(f);
	assert_int_equal(node_config_load(&c, &(const struct config_source){ path, NULL, 0 }, err,
					  sizeof(err)),
			 0);
	node_config_free(&c);
}

/* "" or the error behind the file's name */
static const char *error_of(const char *text)
{
	struct node_config c;

	if (load_text(&c, text) == 0) {
		node_config_free(&c);
		return "";
	}
	assert_int_equal(strncmp(err, path, strlen(path)), 0);
	return err + strlen(path);
}

static void expect_error(const char *text, const char *start, const char *part)
{
	const char *error = error_of(text);

	if (strncmp(error, start, strlen(start)) != 0 || strstr(error, part) == NULL) {
		fail_msg("%s\ngives \"%s\", not \"%s ... %s\"", text, error, start, part);
	}
}

static void several_pins_are_a_bus_each(void **state)
{
	struct node_config c;

	(void)state;
	assert_int_equal(load_text(&c, "[w1]\ngpio = 17, 4 22,27\n"), 0);
	assert_int_equal(c.w1_pins.n, 4);
	assert_int_equal(c.w1_pins.gpio[0], 17);
	assert_int_equal(c.w1_pins.gpio[3], 27);
	node_config_free(&c);
	expect_error("[w1]\n\ngpio = 4, 17, 4\n",
		     ":3: [w1] gpio = 4, 17, 4: ", "GPIO4 is given twice");
	expect_error("[w1]\ngpio = 4, 04\n", ":2: [w1] gpio = 4, 04: ", "GPIO4 is given twice");
	expect_error("[w1]\ngpio = 1,2,3,4,5\n", ":2: [w1] gpio = 1,2,3,4,5: must be ", "up to 4");
	expect_error("[w1]\ngpio = 512\n", ":2: [w1] gpio = 512: must be ", "0 to 511");
	expect_error("[w1]\ngpio = -1\n", ":2: ", "0 to 511");
	expect_error("[w1]\ngpio = 4x\n", ":2: ", "0 to 511");
	expect_error("[w1]\ngpio = 1000000000004\n", ":2: ", "0 to 511");
	expect_error("[w1]\ngpio =\n", ":2: ", "0 to 511");
	expect_error("[w1]\ngpio = ,\n", ":2: ", "0 to 511");
}

static void a_pin_of_the_uart_is_refused_while_the_receiver_uses_it(void **state)
{
	static const char *const over[] = { "w1.gpio=15" };
	struct node_config c;

	(void)state;
	expect_error("[w1]\ngpio = 4, 14\n", ":2: [w1] gpio = 14: ", "[gnss] port = /dev/serial0");
	expect_error("[gnss]\nport = /dev/ttyAMA0\n[w1]\n\ngpio = 15\n",
		     ":5: [w1] gpio = 15: ", "/dev/ttyAMA0");
	expect_error("[gnss]\nport = /dev/ttyS0\n[w1]\ngpio = 15, 4\n", ":4: ", "/dev/ttyS0");
	assert_string_equal(error_of("[w1]\ngpio = 14\n[gnss]\nport = none\n"), "");
	assert_string_equal(error_of("[w1]\ngpio = 14\n[gnss]\nport = simulated\n"), "");
	assert_string_equal(error_of("[w1]\ngpio = 14, 15\n[gnss]\nport = /dev/ttyACM0\n"), "");
	assert_string_equal(error_of("[w1]\ngpio = 14\nbus = kernel\n"), ""); /* no line of ours */
	assert_string_equal(error_of("[w1]\ngpio = 13\n"), "");
	assert_int_equal(node_config_load(&c, &(const struct config_source){ NULL, over, 1 }, err,
					  sizeof(err)),
			 -EINVAL);
	assert_true(strncmp(err, "w1.gpio=15: [w1] gpio = 15: ", 27) == 0);
}

static void sensors_are_taken_in_both_forms_and_in_their_order(void **state)
{
	static const uint8_t first[8] = { 0x28, 0xde, 0xdf, 0x12, 0x84, 0, 0, 0x3b };
	char text[64 * 18 + 40] = "[w1]\nsensors = ";
	struct node_config c;

	(void)state;
	assert_int_equal(load_text(&c, "[w1]\nsensors = 28dedf128400003b, 10-000802bdc4d4\n"), 0);
	assert_int_equal(c.w1_sensors.n, 2);
	assert_memory_equal(c.w1_sensors.rom[0], first, 8);
	assert_int_equal(c.w1_sensors.rom[1][0], 0x10);
	node_config_free(&c);
	for (unsigned i = 0; i < 64; i++) {
		sprintf(text + strlen(text), "28-%012x, ", i);
	}
	assert_int_equal(load_text(&c, text), 0);
	assert_int_equal(c.w1_sensors.n, 64);
	assert_int_equal(c.w1_sensors.rom[63][1], 63);
	node_config_free(&c);
	strcat(text, "28-0000000000ff");
	expect_error(text, ":2: [w1] sensors = 28-", "up to 64 sensors");
	expect_error("[w1]\nsensors = 28-00008412dfde, 28dedf128400003b\n",
		     ":2: [w1] sensors = ", ": 28dedf128400003b is given twice");
	expect_error("[w1]\nsensors = 28dedf128400003c\n",
		     ":2: [w1] sensors = 28dedf128400003c: ", "3b");
	expect_error("[w1]\nsensors = 28-00008412dfd\n", ":2: ", "expected a name such as");
	expect_error("[w1]\nsensors = 01-00008412dfde\n", ":2: ", "is no thermometer");
}

static void strict_proof_of_given_sensors_must_fit_the_period(void **state)
{
	(void)state;
	expect_error(
		"[node]\nperiod = 1.5\n[w1]\nproof = strict\nsensors = 28-000000000001 28-000000000002\n",
		":4: [w1] proof = strict: 2 sensors x 0.77 s = 1.54 s, longer than the period of 1.50 s",
		"");
	assert_string_equal(
		error_of(
			"[node]\nperiod = 1.54\n[w1]\nproof = strict\nsensors = 28-000000000001 28-000000000002\n"),
		"");
	assert_string_equal(
		error_of("[node]\nperiod = 0\n[w1]\nproof = strict\nsensors = 28-000000000001\n"),
		"");
	assert_string_equal(error_of("[node]\nperiod = 0.5\n[w1]\nsensors = 28-000000000001\n"),
			    "");
	assert_string_equal(error_of("[node]\nperiod = 0.5\n[w1]\nproof = strict\n"), "");
}

static void what_a_reload_cannot_apply_is_not_live(void **state)
{
	static const char *const over[] = { "server.ciphers=ECDHE", "w1.gpio=17",
					    "w1.resolution=9" };
	const struct config_key *key;
	struct node_config a, b;

	(void)state;
	assert_int_equal(node_config_load(&a, &(const struct config_source){ NULL, NULL, 0 }, err,
					  sizeof(err)),
			 0);
	assert_int_equal(node_config_load(&b, &(const struct config_source){ NULL, over, 3 }, err,
					  sizeof(err)),
			 0);
	assert_null(config_next_change(&node_config_table, &a, &a, NULL));
	key = config_next_change(&node_config_table, &a, &b, NULL);
	assert_string_equal(key->key, "gpio");
	assert_false(key->live);
	key = config_next_change(&node_config_table, &a, &b, key);
	assert_string_equal(key->key, "resolution");
	assert_false(key->live);
	key = config_next_change(&node_config_table, &a, &b, key);
	assert_string_equal(key->key, "ciphers");
	assert_true(key->live);
	assert_null(config_next_change(&node_config_table, &a, &b, key));
	node_config_free(&a);
	node_config_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_gives_the_defaults),
		cmocka_unit_test(what_is_given_is_worked_out),
		cmocka_unit_test(a_day_is_counted_as_the_c_library_does),
		cmocka_unit_test(servers_and_resolutions_are_taken_apart),
		cmocka_unit_test(what_is_wrong_is_named_with_what_is_allowed),
		cmocka_unit_test(several_pins_are_a_bus_each),
		cmocka_unit_test(a_pin_of_the_uart_is_refused_while_the_receiver_uses_it),
		cmocka_unit_test(sensors_are_taken_in_both_forms_and_in_their_order),
		cmocka_unit_test(strict_proof_of_given_sensors_must_fit_the_period),
		cmocka_unit_test(what_a_reload_cannot_apply_is_not_live),
		cmocka_unit_test(the_printed_manual_is_a_configuration_that_loads),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
