// SPDX-License-Identifier: BSD-2-Clause
/* The uplink as far as certificate, key and CA allow one; no server listens, and none is needed. */
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/coaps/coaps_rig.h"
#include "userspace/node/node_uplink.h"

#define S UINT64_C(1000000000)
#define DAY_S 86400

static char certificate[128], ca[128];

#define URI "coaps://127.0.0.1:5684"

/* A node whose certificate, with its key, is own.pem. */
static struct node_config config_of_node(void)
{
	snprintf(certificate, sizeof(certificate), "%s/own.pem", coaps_rig_dir);
	snprintf(ca, sizeof(ca), "%s/ca.pem", coaps_rig_dir);
	return (struct node_config){
		.servers = { URI },
		.n_servers = 1,
		.server_certificate = certificate,
		.server_ca = ca,
		.server_retry_max_ms = 10000,
	};
}

static void put_certificate(const char *who)
{
	coaps_rig_run(
		"cat %s/%s.pem %s/%s.key > %s/own.new && chmod 640 %s/own.new && mv %s/own.new %s/own.pem",
		coaps_rig_dir, who, coaps_rig_dir, who, coaps_rig_dir, coaps_rig_dir, coaps_rig_dir,
		coaps_rig_dir);
}

static struct uplink_stats stats_of(const struct node_uplink *n)
{
	struct uplink_stats stats;

	node_uplink_stats(n, &stats);
	return stats;
}

static void files_that_are_missing_are_used_once_they_are_there(void **state)
{
	const struct node_config config = config_of_node();
	struct node_uplink n;

	(void)state;
	unlink(certificate);
	assert_int_equal(node_uplink_open(&n, &config, COAPS_RIG_DEVICE, time(NULL), S), 0);
	assert_null(n.uplink);
	assert_string_equal(stats_of(&n).state, "no-credentials");
	assert_string_equal(stats_of(&n).server, URI);
	assert_int_equal(stats_of(&n).n_servers, 1);
	assert_non_null(strstr(stats_of(&n).credentials_error, "own.pem"));
	assert_int_equal(stats_of(&n).last_error_ns, S);
	put_certificate("node");
	assert_false(node_uplink_check(&n, time(NULL), 11 * S - 1));
	assert_true(node_uplink_check(&n, time(NULL), 11 * S));
	assert_non_null(n.uplink);
	assert_null(stats_of(&n).credentials_error);
	assert_string_not_equal(stats_of(&n).state, "no-credentials");
	assert_false(node_uplink_check(&n, time(NULL), 100 * S)); /* nothing has changed */
	node_uplink_close(&n);
	assert_null(n.uplink);
}

static void a_clock_that_was_set_lets_missing_files_be_checked_at_once(void **state)
{
	const struct node_config config = config_of_node();
	struct node_uplink n;

	(void)state;
	unlink(certificate);
	assert_int_equal(node_uplink_open(&n, &config, COAPS_RIG_DEVICE, 0, S), 0);
	put_certificate("node");
	node_uplink_set_utc(&n, time(NULL), 2 * S);
	assert_true(node_uplink_check(&n, time(NULL), 2 * S));
	node_uplink_set_utc(&n, time(NULL), 3 * S); /* that of an uplink, now */
	assert_false(node_uplink_check(&n, time(NULL), 3 * S));
	node_uplink_close(&n);
}

static void replaced_files_are_used_and_bad_ones_keep_the_old(void **state)
{
	const struct node_config config = config_of_node();
	const struct uplink *first;
	struct node_uplink n;

	(void)state;
	put_certificate("node");
	assert_int_equal(node_uplink_open(&n, &config, COAPS_RIG_DEVICE, time(NULL), S), 0);
	first = n.uplink;
	assert_non_null(first);
	coaps_rig_run("echo nonsense > %s/own.pem", coaps_rig_dir);
	assert_false(node_uplink_check(&n, time(NULL), 20 * S));
	assert_ptr_equal(n.uplink, first);
	assert_non_null(strstr(stats_of(&n).credentials_error, "own.pem"));
	put_certificate("node");
	assert_true(node_uplink_check(&n, time(NULL), 40 * S));
	assert_null(stats_of(&n).credentials_error);
	node_uplink_close(&n);
}

static void a_key_that_all_may_read_is_reported(void **state)
{
	const struct node_config config = config_of_node();
	struct node_uplink n;

	(void)state;
	put_certificate("node");
	coaps_rig_run("chmod 644 %s/own.pem", coaps_rig_dir);
	assert_int_equal(node_uplink_open(&n, &config, COAPS_RIG_DEVICE, time(NULL), S), 0);
	assert_non_null(strstr(stats_of(&n).exposed, "mode 644"));
	coaps_rig_run("chmod 640 %s/own.pem", coaps_rig_dir);
	assert_true(node_uplink_check(&n, time(NULL), 20 * S)); /* its mode has changed */
	assert_string_equal(stats_of(&n).exposed, "");
	node_uplink_close(&n);
}

static void the_last_days_of_a_certificate_are_counted_and_logged(void **state)
{
	const struct node_config config = config_of_node();
	struct clock_stamp now = { .source = READING_TIME_GNSS };
	struct node_uplink n;
	int64_t end_s;

	(void)state;
	put_certificate("node");
	assert_int_equal(node_uplink_open(&n, &config, COAPS_RIG_DEVICE, time(NULL), S), 0);
	end_s = stats_of(&n).certificate_not_after_s;
	assert_true(end_s > time(NULL));
	now.utc_us = (end_s - 31 * DAY_S) * 1000000;
	assert_int_equal(node_uplink_days(&n, &now), 31);
	assert_int_equal(n.logged_days, INT_MIN);
	now.utc_us += 1000000;
	assert_int_equal(node_uplink_days(&n, &now), 30);
	assert_int_equal(n.logged_days, 30);
	now.utc_us = (end_s + 2 * DAY_S) * 1000000;
	assert_int_equal(node_uplink_days(&n, &now), -2);
	assert_int_equal(n.logged_days, -2);
	now.source = READING_TIME_NONE;
	assert_int_equal(node_uplink_days(&n, &now), INT_MIN);
	node_uplink_close(&n);
}

static void without_a_server_nothing_is_checked(void **state)
{
	struct node_config config = config_of_node();
	struct node_uplink n;

	(void)state;
	config.n_servers = 0;
	assert_int_equal(node_uplink_open(&n, &config, COAPS_RIG_DEVICE, time(NULL), S), 0);
	assert_string_equal(stats_of(&n).state, "off");
	node_uplink_set_utc(&n, time(NULL), S);
	assert_false(node_uplink_check(&n, time(NULL), 1000 * S));
	node_uplink_close(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_that_are_missing_are_used_once_they_are_there),
		cmocka_unit_test(a_clock_that_was_set_lets_missing_files_be_checked_at_once),
		cmocka_unit_test(replaced_files_are_used_and_bad_ones_keep_the_old),
		cmocka_unit_test(a_key_that_all_may_read_is_reported),
		cmocka_unit_test(the_last_days_of_a_certificate_are_counted_and_logged),
		cmocka_unit_test(without_a_server_nothing_is_checked),
	};

	return cmocka_run_group_tests(tests, coaps_rig_make_ca, coaps_rig_remove_ca);
}
