// SPDX-License-Identifier: BSD-2-Clause
/* request and refusal_log: what is read from options, and which answers are logged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "server/coap/refusal_log.h"
#include "server/coap/request.h"

static coap_pdu_t *pdu;

static int start(void **state)
{
	(void)state;
	pdu = coap_pdu_init(COAP_MESSAGE_CON, COAP_REQUEST_CODE_PUT, 1, 2000);
	return pdu == NULL ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	coap_delete_pdu(pdu);
	return 0;
}

static void add(uint16_t option, const char *value)
{
	coap_add_option(pdu, option, strlen(value), (const uint8_t *)value);
}

static uint64_t if_match(const uint8_t *value, size_t size)
{
	uint64_t etag;

	coap_delete_pdu(pdu);
	start(NULL);
	coap_add_option(pdu, COAP_OPTION_IF_MATCH, size, value);
	etag = request_etag(pdu, COAP_OPTION_IF_MATCH);
	assert_int_equal(request_etag(pdu, COAP_OPTION_ETAG), 0);
	return etag;
}

static void an_etag_is_its_number_and_never_that_of_an_absent_one(void **state)
{
	static const uint8_t bytes[] = { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0 };

	(void)state;
	assert_int_equal(request_etag(pdu, COAP_OPTION_IF_MATCH), 0);
	assert_int_equal(if_match(bytes, 0), UINT64_MAX);
	assert_int_equal(if_match(bytes, 1), 0x12);
	assert_int_equal(if_match(bytes, 2), 0x1234);
	assert_true(if_match(bytes, 8) == UINT64_C(0x123456789abcdef0));
	assert_int_equal(if_match((const uint8_t *)"\0", 1), 1); /* present, and no tag of ours */
}

static void a_path_is_its_segments_and_what_no_path_has_is_none(void **state)
{
	struct request_path path;

	(void)state;
	assert_int_equal(request_path(pdu, &path), 0);
	assert_int_equal(path.n, 0);
	add(COAP_OPTION_URI_PATH, "gpsflowtemp");
	add(COAP_OPTION_URI_PATH, "urn:dev:a");
	add(COAP_OPTION_URI_PATH, "1.2");
	assert_int_equal(request_path(pdu, &path), 0);
	assert_int_equal(path.n, 3);
	assert_string_equal(path.segment[0], "gpsflowtemp");
	assert_string_equal(path.segment[2], "1.2");
	add(COAP_OPTION_URI_PATH, "deeper");
	assert_int_equal(request_path(pdu, &path), -ENOENT);
	coap_delete_pdu(pdu);
	start(NULL);
	coap_add_option(pdu, COAP_OPTION_URI_PATH, 3, (const uint8_t *)"a\0b");
	assert_int_equal(request_path(pdu, &path), -ENOENT);
}

static void a_number_is_minus_one_where_the_option_is_absent(void **state)
{
	(void)state;
	assert_int_equal(request_number(pdu, COAP_OPTION_ACCEPT), -1);
	coap_add_option(pdu, COAP_OPTION_ACCEPT, 0, NULL);
	assert_int_equal(request_number(pdu, COAP_OPTION_ACCEPT), 0);
	coap_delete_pdu(pdu);
	start(NULL);
	coap_add_option(pdu, COAP_OPTION_ACCEPT, 2, (const uint8_t *)"\x2d\x16"); /* 11542 */
	assert_int_equal(request_number(pdu, COAP_OPTION_ACCEPT), 11542);
}

static void a_key_is_16_digits_a_dot_and_a_number(void **state)
{
	static const char *const wrong[] = {
		"",
		"00000000000000e7",
		"00000000000000e7.",
		"00000000000000e7.0",
		"00000000000000e7.01",
		"00000000000000e7.1x",
		"0000000000000000.1",
		"00000000000000E7.1",
		"0000000000000e7.1",
		"00000000000000e7.9223372036854775808",
		"00000000000000e7.99999999999999999999",
	};
	uint64_t epoch, seq;

	(void)state;
	assert_int_equal(request_key("00000000000000e7.9223372036854775807", &epoch, &seq), 0);
	assert_int_equal(epoch, 0xe7);
	assert_true(seq == INT64_MAX);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (request_key(wrong[i], &epoch, &seq) != -EINVAL) {
			fail_msg("\"%s\" is accepted", wrong[i]);
		}
	}
}

static void refusals_are_logged_and_other_answers_are_not(void **state)
{
	(void)state;
	assert_true(refusal_is_logged(COAP_RESPONSE_CODE_BAD_REQUEST));
	assert_true(refusal_is_logged(COAP_RESPONSE_CODE_FORBIDDEN));
	assert_true(refusal_is_logged(COAP_RESPONSE_CODE_REQUEST_TOO_LARGE));
	assert_true(refusal_is_logged(COAP_RESPONSE_CODE_UNSUPPORTED_CONTENT_FORMAT));
	assert_false(refusal_is_logged(COAP_EMPTY_CODE));
	assert_false(refusal_is_logged(COAP_RESPONSE_CODE_CONTENT));
	assert_false(refusal_is_logged(COAP_RESPONSE_CODE_NOT_FOUND));
	assert_false(refusal_is_logged(COAP_RESPONSE_CODE_NOT_ALLOWED));
	assert_false(refusal_is_logged(COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ON(test) cmocka_unit_test_setup_teardown(test, start, stop)
		ON(an_etag_is_its_number_and_never_that_of_an_absent_one),
		ON(a_path_is_its_segments_and_what_no_path_has_is_none),
		ON(a_number_is_minus_one_where_the_option_is_absent),
		ON(a_key_is_16_digits_a_dot_and_a_number),
		ON(refusals_are_logged_and_other_answers_are_not),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
