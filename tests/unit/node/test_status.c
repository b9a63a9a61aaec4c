// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* mkdtemp() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "userspace/daemon/file_replace.h"
#include "userspace/node/status.h"

#define S UINT64_C(1000000000)

static int status_write(const char *path, const struct status *s)
{
	char *text = status_text(s);
	int rc;

	assert_non_null(text);
	rc = file_replace(path, 0644, false, text, strlen(text));
	free(text);
	return rc;
}

static char dir[64], path[96];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/geotherm-status-XXXXXX");
	if (mkdtemp(dir) == NULL) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/status.json", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir); /* fails if anything else is left */
}

static struct outbox_stats outbox = {
	.epoch = UINT64_MAX, .next_seq = 8, .rows = 5, .refused = 2, .bytes = 900
};

static const struct uplink_stats off = { .state = "off", .last_error = "" };

static struct status bare(void)
{
	return (struct status){
		.boot_ns = 100 * S,
		.started_ns = 40 * S,
		.device = "urn:dev:mac:0200c0fffe000001",
		.w1_bus = "none",
		.w1_reason = "",
		.gnss_state = "none",
		.gnss_reason = "",
		.gnss_port = "none",
		.gnss_identity = "",
		.now = { .source = READING_TIME_NONE },
		.outbox = &outbox,
		.uplink = &off,
		.certificate_days = INT_MIN,
		.last_error = "",
	};
}

static json_t *at(json_t *json, const char *dotted)
{
	char copy[96], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", dotted);
	for (char *key = strtok_r(copy, ".", &save); key != NULL;
	     key = strtok_r(NULL, ".", &save)) {
		json = json_object_get(json, key);
		if (json == NULL) {
			fail_msg("no %s", dotted);
		}
	}
	return json;
}

static json_t *written(const struct status *s)
{
	json_error_t error;
	json_t *json;

	assert_int_equal(status_write(path, s), 0);
	json = json_load_file(path, 0, &error);
	if (json == NULL) {
		fail_msg("%s", error.text);
	}
	return json;
}

static void what_is_unknown_is_null(void **state)
{
	static const char *const null[] = { "reading.age_s",
					    "gnss.lat",
					    "gnss.satellites",
					    "gnss.fix",
					    "gnss.fix_age_s",
					    "uplink.server",
					    "uplink.retry_s",
					    "clock.utc_us",
					    "outbox.oldest_s",
					    "outbox.lost_s",
					    "uplink.certificate_days",
					    "uplink.last_sent_s",
					    "last_error.text",
					    "w1.reason",
					    "gnss.pulse",
					    "gnss.restart",
					    "gnss.notice" };
	struct status s = bare();
	json_t *json = written(&s);

	(void)state;
	for (size_t i = 0; i < sizeof(null) / sizeof(null[0]); i++) {
		if (!json_is_null(at(json, null[i]))) {
			fail_msg("%s is not null", null[i]);
		}
	}
	assert_int_equal(json_array_size(at(json, "w1.sensors")), 0);
	assert_string_equal(json_string_value(at(json, "outbox.epoch")), "18446744073709551615");
	assert_int_equal(json_integer_value(at(json, "outbox.waiting")), 3);
	json_decref(json);
}

static void what_is_known_is_in_units_of_people(void **state)
{
	struct status s = bare();
	struct reading r;
	json_t *json;

	(void)state;
	reading_init(&r);
	r.boot_ns = 98 * S;
	r.seq = 7;
	reading_scalar_put(&r, READING_LAT, -276004400);
	reading_scalar_put(&r, READING_ALT, 12345);
	reading_scalar_put(&r, READING_NUM_SV, 9);
	r.n_temperatures = 2;
	memcpy(r.temperatures[0].rom, "\x28\x01\x02\x03\x04\x05\x06\x9e", 8);
	r.temperatures[0].temp_known = true;
	r.temperatures[0].temp_mc = -10125;
	r.temperatures[1].quality = 3;
	outbox.oldest_boot_ns = 60 * S;
	s.last = &r;
	s.now = (struct clock_stamp){ 100 * S, INT64_C(1797120010000000), READING_TIME_GNSS,
				      200000040 };
	s.certificate_days = 12;
	s.uplink = &(const struct uplink_stats){ .state = "waiting",
						 .retry_ns = 103 * S,
						 .server = "coaps://b",
						 .servers = { "coaps://a", "coaps://b" },
						 .n_servers = 2,
						 .in_flight = 3 };
	reading_scalar_put(&r, READING_FIX_AGE, 1500);
	s.last_error = "it \"broke\"\n";
	s.last_error_ns = 70 * S;
	s.lost_ns = 10 * S;
	json = written(&s);
	assert_true(json_real_value(at(json, "reading.age_s")) == 2.0);
	assert_true(json_real_value(at(json, "gnss.lat")) == -27.60044);
	assert_true(json_real_value(at(json, "gnss.alt_m")) == 12.345);
	assert_int_equal(json_integer_value(at(json, "gnss.satellites")), 9);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(at(json, "w1.sensors"), 0), "rom")),
			    "28-060504030201");
	assert_true(json_real_value(json_object_get(json_array_get(at(json, "w1.sensors"), 0),
						    "celsius")) == -10.125);
	assert_true(json_is_null(
		json_object_get(json_array_get(at(json, "w1.sensors"), 1), "celsius")));
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(at(json, "w1.sensors"), 1), "quality")),
			    "absent");
	assert_string_equal(json_string_value(at(json, "clock.source")), "gnss");
	assert_true(json_real_value(at(json, "outbox.oldest_s")) == 40.0);
	assert_true(json_real_value(at(json, "outbox.lost_s")) == 90.0);
	assert_int_equal(json_integer_value(at(json, "uplink.certificate_days")), 12);
	assert_string_equal(json_string_value(at(json, "uplink.server")), "coaps://b");
	assert_int_equal(json_array_size(at(json, "uplink.servers")), 2);
	assert_true(json_real_value(at(json, "uplink.retry_s")) == 3.0);
	assert_true(json_real_value(at(json, "gnss.fix_age_s")) == 1.5);
	assert_string_equal(json_string_value(at(json, "last_error.text")), "it \"broke\"\n");
	assert_true(json_real_value(at(json, "last_error.age_s")) == 30.0);
	json_decref(json);
}

static void it_is_replaced_whole_and_anybody_may_read_it(void **state)
{
	struct status s = bare();
	struct stat first, second;

	(void)state;
	umask(077);
	assert_int_equal(status_write(path, &s), 0);
	assert_int_equal(stat(path, &first), 0);
	assert_int_equal(first.st_mode & 0777, 0644);
	assert_int_equal(status_write(path, &s), 0);
	assert_int_equal(stat(path, &second), 0);
	assert_true(first.st_ino != second.st_ino);
}

static void words_that_are_no_utf8_do_not_cost_the_status(void **state)
{
	struct status s = bare();
	json_t *json;

	(void)state;
	s.last_error = "\xff\xfe nonsense";
	s.last_error_ns = 70 * S;
	json = written(&s);
	assert_string_equal(json_string_value(at(json, "last_error.text")), "(not UTF-8)");
	json_decref(json);
}

static void a_folder_that_is_not_there_is_an_error_and_leaves_nothing(void **state)
{
	struct status s = bare();

	(void)state;
	assert_int_equal(status_write("/nonexistent/status.json", &s), -ENOENT);
	assert_int_equal(status_write(path, &s), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_unknown_is_null),
		TEST(what_is_known_is_in_units_of_people),
		TEST(it_is_replaced_whole_and_anybody_may_read_it),
		TEST(words_that_are_no_utf8_do_not_cost_the_status),
		TEST(a_folder_that_is_not_there_is_an_error_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
