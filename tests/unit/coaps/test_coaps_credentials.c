// SPDX-License-Identifier: BSD-2-Clause
/* coaps_credentials: right files are accepted, each wrong one is named. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "coaps_rig.h"

static void check_names(const struct coaps_credentials *c, enum coaps_role role, int64_t now_s,
			const char *culprit, const char *word)
{
	char err[512] = "";

	assert_true(coaps_credentials_check(c, role, now_s, NULL, err, sizeof err) < 0);
	if (strstr(err, culprit) == NULL || strstr(err, word) == NULL) {
		fail_msg("\"%s\" does not name %s and %s", err, culprit, word);
	}
}

static void right_credentials_are_taken_and_described(void **state)
{
	struct coaps_credentials node = coaps_rig_credentials("node");
	struct coaps_certificate_info info;
	char err[512];

	(void)state;
	assert_int_equal(
		coaps_credentials_check(&node, COAPS_CLIENT, time(NULL), &info, err, sizeof err),
		0);
	assert_string_equal(info.device, COAPS_RIG_DEVICE);
	assert_true(info.not_after_s > time(NULL) + 364 * 86400 &&
		    info.not_after_s < time(NULL) + 366 * 86400);
	node.key = NULL;
	node.certificate = coaps_rig_file("node-merged.pem");
	assert_int_equal(
		coaps_credentials_check(&node, COAPS_CLIENT, time(NULL), &info, err, sizeof err),
		0);
}

static void each_fault_of_a_credential_is_named(void **state)
{
	struct coaps_credentials c = coaps_rig_credentials("node");
	FILE *f;

	(void)state;
	c.certificate = coaps_rig_file("nothing.pem");
	check_names(&c, COAPS_CLIENT, time(NULL), "nothing.pem", "No such file");
	c = coaps_rig_credentials("node");
	c.key = coaps_rig_file("operator.key");
	check_names(&c, COAPS_CLIENT, time(NULL), "operator.key", "does not match");
	c = coaps_rig_credentials("node");
	check_names(&c, COAPS_CLIENT, time(NULL) + 400 * 86400, "node.pem", "expired");
	check_names(&c, COAPS_CLIENT, time(NULL) - 2 * 86400, "node.pem", "not valid before");
	check_names(&c, COAPS_SERVER, time(NULL), "node.pem", "serverAuth");
	c.ca = coaps_rig_file("node.pem");
	check_names(&c, COAPS_CLIENT, time(NULL), "node.pem", "not a CA");
	c.ca = coaps_rig_dir;
	check_names(&c, COAPS_CLIENT, time(NULL), coaps_rig_dir, "Is a directory");
	c.ca = NULL;
	check_names(&c, COAPS_CLIENT, time(NULL), "CA", "none is configured");
	f = fopen(coaps_rig_file("garbage.pem"), "w");
	assert_non_null(f);
	fputs("-----BEGIN CERTIFICATE-----\nnonsense\n", f);
	fclose(f);
	c = coaps_rig_credentials("node");
	c.certificate = coaps_rig_file("garbage.pem");
	check_names(&c, COAPS_CLIENT, time(NULL), "garbage.pem", "PEM");
	f = fopen(coaps_rig_file("empty.pem"), "w");
	assert_non_null(f);
	fclose(f);
	c.certificate = coaps_rig_file("empty.pem");
	check_names(&c, COAPS_CLIENT, time(NULL), "empty.pem", "empty");
	coaps_rig_run(
		"openssl ecparam -name secp224r1 -genkey -noout -out %s/weak.key 2>/dev/null && openssl req -x509 -new "
		"-key %s/weak.key -subj /CN=weak -days 9 -out %s/weak.pem 2>/dev/null",
		coaps_rig_dir, coaps_rig_dir, coaps_rig_dir);
	c = coaps_rig_credentials("weak");
	check_names(&c, COAPS_CLIENT, time(NULL), "weak.pem", "224 bits");
}

static void with_an_unset_clock_dates_are_not_looked_at(void **state)
{
	struct coaps_credentials c = coaps_rig_credentials("node");
	char err[512];

	(void)state;
	assert_int_equal(coaps_credentials_check(&c, COAPS_CLIENT, 0, NULL, err, sizeof err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_credentials_are_taken_and_described),
		cmocka_unit_test(each_fault_of_a_credential_is_named),
		cmocka_unit_test(with_an_unset_clock_dates_are_not_looked_at),
	};

	return cmocka_run_group_tests(tests, coaps_rig_make_ca, coaps_rig_remove_ca);
}
