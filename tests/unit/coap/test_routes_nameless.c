// SPDX-License-Identifier: BSD-2-Clause
/* A client whose certificate names no device, or that has none: no right to anything but /time, and
 * the legacy client's text where it has none. */
#define _GNU_SOURCE
#include "server_rig.h"

#include <stdio.h>
#include <stdlib.h>

/* nameless.pem, of a printer; operator or not. */
static void issue(const char *subject)
{
	char command[900];

	snprintf(
		command, sizeof(command),
		"cd %s/pki && openssl ecparam -name prime256v1 -genkey -noout -out nameless.key && "
		"openssl req -new -key nameless.key -subj '%s' -config /dev/null -out nameless.csr && "
		"printf 'basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n"
		"extendedKeyUsage=clientAuth\nsubjectAltName=critical,DNS:printer.example\n' >ext && "
		"openssl x509 -req -sha256 -in nameless.csr -CA ca.pem -CAkey ca.key -days 30 "
		"-set_serial 0x1234 -extfile ext -out nameless.pem 2>/dev/null",
		dir, subject);
	assert_int_equal(system(command), 0);
}

static void expect_time_and_nothing_else(void)
{
	assert_int_equal(get("/time"), CODE(2, 5));
	assert_int_equal(get("/gpsflowtemp"), CODE(4, 3));
	assert_int_equal(get("/gpsflowtemp/" NODE), CODE(4, 3));
	assert_int_equal(get("/gpsflowtemp/" NODE "/1234567890abcdef.1"), CODE(4, 3));
	assert_int_equal(get("/gaps/" NODE), CODE(4, 3));
	assert_int_equal(get("/gpsflowtemp/"), CODE(4, 4));
	assert_int_equal(request(COAPS_DELETE, "/gpsflowtemp/" NODE, -1, -1, NULL, 0), CODE(4, 3));
	assert_int_equal(request(COAPS_PUT, "/gpsflowtemp/" NODE, 50, -1, "{}", 2), CODE(4, 3));
	assert_int_equal(post_range(NODE, SENML_CBOR, 2, 2), CODE(4, 3));
	assert_int_equal(count_rows(), 1);
}

static void a_certificate_without_a_name_has_no_right_but_to_the_time(void **state)
{
	static const char *const subjects[] = { "/", "/O=x", "/OU=operator" };

	(void)state;
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 1), CODE(2, 4));
	for (unsigned i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		issue(subjects[i]);
		be("nameless");
		expect_time_and_nothing_else();
	}
}

static void expect_the_legacy_post_and_nothing_else(enum coaps_client_auth auth)
{
	static const char text[] = "SENSOR_A/202481588596741/24.687/0//1700000000.25";

	start_server(auth, 1000);
	be(NULL);
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", -1, -1, text, sizeof(text) - 1),
			 CODE(2, 4));
	expect_time_and_nothing_else();
	assert_int_equal(get("/gpsflowtemp/urn:dev:mac:b827ebfffe123456"), CODE(4, 3));
}

static void a_client_without_a_certificate_sends_the_legacy_text_only(void **state)
{
	(void)state;
	expect_the_legacy_post_and_nothing_else(COAPS_AUTH_OPTIONAL);
}

static void where_none_is_required_it_sends_the_legacy_text_only(void **state)
{
	(void)state;
	expect_the_legacy_post_and_nothing_else(COAPS_AUTH_NONE);
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
		ON(a_certificate_without_a_name_has_no_right_but_to_the_time, start),
		ON(a_client_without_a_certificate_sends_the_legacy_text_only, NULL),
		ON(where_none_is_required_it_sends_the_legacy_text_only, NULL),
	};

	return cmocka_run_group_tests_name("routes: nameless", all, NULL, NULL);
}

int main(void)
{
	return rig_run("test_routes_nameless", tests);
}
