// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* mkstemp() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
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
	assert_int_equal(c.w1_gpio, 4);
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
		{ "[gnss]\nbaud = 9600\nrate = 0.1\n", "1240 B/s", "must be 162 ms or more" },
		{ "[gnss]\nnot_before = 2015-02-29\n", "not_before", "2026-01-01" },
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
		cmocka_unit_test(what_a_reload_cannot_apply_is_not_live),
		cmocka_unit_test(the_printed_manual_is_a_configuration_that_loads),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
