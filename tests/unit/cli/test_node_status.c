// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* getpid() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "time/now.h"
#include "userspace/cli/node_status.h"

static char path[] = "/tmp/test-node-status-XXXXXX";
static struct node_problem problems[NODE_STATUS_PROBLEMS];

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void a_span_changes_its_unit_where_two_of_the_larger_are_reached(void **state)
{
	static const struct {
		double s;
		const char *text;
	} rows[] = {
		{ -5, "0 s" },
		{ 0, "0 s" },
		{ 119.9, "119 s" },
		{ 120, "2 min" },
		{ 7199, "119 min" },
		{ 7200, "2 h 0 min" },
		{ 172799, "47 h 59 min" },
		{ 172800, "2 days" },
		{ 8640000, "100 days" },
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		node_status_span(rows[i].s, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
}

/* The problems of a node of this process, with the rest of its status as given. */
static size_t judge(double age_s, const char *rest)
{
	struct node_status s;
	char err[256];
	FILE *f = fopen(path, "w");
	size_t n;

	assert_non_null(f);
	fprintf(f,
		"{\"format\": 1, \"pid\": %d, \"boot_s\": %.9f, \"period_s\": 10, \"w1\": {\"bus\": \"none\"},"
		"\"clock\": {\"source\": \"gnss\"}, \"gnss\": {\"state\": \"none\"}, %s}",
		(int)getpid(), (double)now_boot_ns() / 1e9 - age_s, rest);
	fclose(f);
	assert_int_equal(node_status_read(path, CONTROL_STATUS, &s, err, sizeof(err)), 0);
	assert_true(s.running);
	n = node_status_judge(&s, problems);
	node_status_free(&s);
	return n;
}

static void a_reading_is_late_after_three_periods_and_half_a_minute(void **state)
{
	(void)state;
	assert_int_equal(judge(0, "\"reading\": {\"age_s\": 59}"), 0);
	assert_int_equal(judge(0, "\"reading\": {\"age_s\": 61}"), 1);
	assert_string_equal(problems[0].text, "no reading for 61 s");
	/* an age in the status has grown by the status's own */
	assert_int_equal(judge(31, "\"reading\": {\"age_s\": 30}"), 1);
	/* none since the start */
	assert_int_equal(judge(0, "\"running_s\": 59"), 0);
	assert_int_equal(judge(0, "\"running_s\": 61"), 1);
}

static void a_certificate_is_news_from_thirty_days_on(void **state)
{
	(void)state;
	assert_int_equal(judge(0, "\"uplink\": {\"certificate_days\": 30}"), 0);
	assert_int_equal(judge(0, "\"uplink\": {\"certificate_days\": 29}"), 1);
	assert_string_equal(problems[0].text, "the certificate expires in 29 days: renew it");
	assert_int_equal(judge(0, "\"uplink\": {\"certificate_days\": 0}"), 1);
	assert_string_equal(problems[0].text, "the certificate expires in 0 days: renew it");
	assert_int_equal(judge(0, "\"uplink\": {\"certificate_days\": -1}"), 1);
	assert_string_equal(problems[0].text, "the certificate has expired");
}

static void readings_that_wait_are_news_after_half_an_hour_if_there_is_a_server(void **state)
{
	(void)state;
	assert_int_equal(
		judge(0,
		      "\"uplink\": {\"state\": \"waiting\"}, \"outbox\": {\"waiting\": 1, \"oldest_s\": 1800}"),
		0);
	assert_int_equal(
		judge(0,
		      "\"uplink\": {\"state\": \"waiting\"}, \"outbox\": {\"waiting\": 1, \"oldest_s\": 1801}"),
		1);
	assert_int_equal(
		judge(0,
		      "\"uplink\": {\"state\": \"off\"}, \"outbox\": {\"waiting\": 1, \"oldest_s\": 1801}"),
		0);
}

static void a_loss_is_news_for_a_day(void **state)
{
	(void)state;
	assert_int_equal(
		judge(0,
		      "\"outbox\": {\"refused\": 1, \"dropped\": 2, \"not_written\": 3, \"lost_s\": 86390}"),
		3);
	assert_int_equal(
		judge(0,
		      "\"outbox\": {\"refused\": 1, \"dropped\": 2, \"not_written\": 3, \"lost_s\": 86401}"),
		0);
	assert_int_equal(judge(0, "\"outbox\": {\"refused\": 0, \"lost_s\": 1}"), 0);
}

static void a_status_of_another_boot_or_of_no_process_is_not_of_a_running_node(void **state)
{
	static const struct {
		int pid;
		double age_s;
	} rows[] = { { 0, 1 }, { (int)((1U << 30) - 1), 1 }, { 1, -100 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct node_status s;
		char err[256];
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		fprintf(f, "{\"format\": 1, \"pid\": %d, \"boot_s\": %.9f}", rows[i].pid,
			(double)now_boot_ns() / 1e9 - rows[i].age_s);
		fclose(f);
		assert_int_equal(node_status_read(path, CONTROL_STATUS, &s, err, sizeof(err)), 0);
		assert_false(s.running);
		assert_true(s.age_s >= 0);
		assert_int_equal(node_status_judge(&s, problems), 1);
		node_status_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_span_changes_its_unit_where_two_of_the_larger_are_reached),
		cmocka_unit_test(a_reading_is_late_after_three_periods_and_half_a_minute),
		cmocka_unit_test(a_certificate_is_news_from_thirty_days_on),
		cmocka_unit_test(
			readings_that_wait_are_news_after_half_an_hour_if_there_is_a_server),
		cmocka_unit_test(a_loss_is_news_for_a_day),
		cmocka_unit_test(
			a_status_of_another_boot_or_of_no_process_is_not_of_a_running_node),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
