// SPDX-License-Identifier: BSD-2-Clause
/* Options and messages that a client must not have ignored (RFC 7252 5.4.1, 4.2). */
#define _GNU_SOURCE
#include "server_rig.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define TIME "\xb4time" /* Uri-Path */
#define READINGS "\xbbgpsflowtemp"

static void send_bytes(uint8_t type, uint8_t code, const char *options, size_t size)
{
	static uint8_t mid;
	uint8_t b[200] = { 0x41 | type, code, 1, ++mid, 't' };

	memcpy(b + 5, options, size);
	send_message(b, size + 5);
}

#define ASK(method, options) ask_for(method, options, sizeof(options) - 1)

static unsigned ask_for(uint8_t method, const char *options, size_t size)
{
	send_bytes(0, method, options, size);
	assert_true(is_answered(30000));
	return answer[1];
}

static void a_format_that_is_not_there_is_not_acceptable(void **state)
{
	(void)state;
	assert_int_equal(ASK(1, TIME "\x61\x3c"), CODE(4, 6)); /* Accept (17) 60 */
	assert_int_equal(ASK(1, TIME "\x60"), CODE(2, 5)); /* 0 */
	assert_int_equal(ASK(1, TIME), CODE(2, 5));
}

#define CORE                  \
	"\xbb.well-known\x04" \
	"core" /* 2 Uri-Path */

static void the_links_are_found_by_format_and_in_one_format_only(void **state)
{
	(void)state;
	assert_int_equal(ASK(1, CORE "\x61\x3c"), CODE(4, 6)); /* Accept 60 */
	assert_int_equal(ASK(1, CORE "\x61\x28"), CODE(2, 5)); /* 40 */
	assert_int_equal(ASK(1, CORE "\x46"
				     "ct=110"),
			 CODE(2, 5)); /* Uri-Query (15) */
	assert_non_null(memmem(answer, answer_size, "</gpsflowtemp>", 14));
	assert_null(memmem(answer, answer_size, "</time>", 7));
	assert_int_equal(ASK(1, CORE "\x44"
				     "ct=0"),
			 CODE(2, 5));
	assert_non_null(memmem(answer, answer_size, "</time>", 7));
	assert_int_equal(ASK(1, CORE "\x45"
				     "ct=11"),
			 CODE(2, 5));
	assert_null(memmem(answer, answer_size, "</gpsflowtemp>", 14));
}

static void a_condition_is_obeyed_or_refused(void **state)
{
	(void)state;
	/* If-Match (1), then Uri-Path */
	assert_int_equal(ASK(1, "\x11\x07\xa4time"), CODE(4, 2));
	assert_int_equal(ASK(1, "\x11\x07\xabgpsflowtemp"), CODE(4, 2));
	assert_int_equal(ASK(2, "\x11\x07\xabgpsflowtemp\xffx"), CODE(4, 2));
	/* If-None-Match (5) */
	assert_int_equal(ASK(1, "\x50\x64time"), CODE(4, 12));
	assert_int_equal(ASK(2, "\x50\x6bgpsflowtemp\xffx"), CODE(4, 12));
	assert_int_equal(ASK(1, "\x50\x64gaps\x09urn:dev:x"), CODE(4, 2));
}

/* PUT, with If-None-Match, of NODE's reading of that number. */
static unsigned put_new(uint64_t seq)
{
	static const uint8_t head[] = "\x40\x03\x02\x00\x50\x6bgpsflowtemp\x0d\x0f" NODE "\x0d\x05"
				      "1234567890abcdef.";
	static uint8_t mid;
	uint8_t b[1000];
	struct reading r;
	size_t n = sizeof(head) - 1;
	int size;

	memcpy(b, head, n);
	b[3] = ++mid;
	b[n++] = (uint8_t)('0' + seq);
	b[n++] = 0x11; /* Content-Format */
	b[n++] = SENML_JSON;
	b[n++] = 0xff;
	make(&r, NODE, seq);
	size = senml_encode(SENML_JSON, &r, 1, b + n, sizeof(b) - n, NULL);
	assert_true(size > 0);
	send_message(b, n + (size_t)size);
	assert_true(is_answered(30000));
	return answer[1];
}

static void a_reading_that_is_there_is_not_put_again_if_it_must_be_new(void **state)
{
	(void)state;
	assert_int_equal(strlen(NODE), 13 + 0x0f);
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 1), CODE(2, 4));
	assert_int_equal(put_new(1), CODE(4, 12));
	assert_int_equal(put_new(2), CODE(2, 4));
	assert_int_equal(put_new(2), CODE(4, 12));
	assert_int_equal(count_rows(), 2);
}

static void a_method_that_a_path_does_not_have_is_not_allowed(void **state)
{
	(void)state;
	for (uint8_t method = 5; method <= 7; method++) { /* FETCH, PATCH, iPATCH (RFC 8132) */
		assert_int_equal(ASK(method, READINGS "\x10\xffx"), CODE(4, 5));
		assert_int_equal(ASK(method, READINGS "\x0burn:dev:x:1\x10\xffx"), CODE(4, 5));
	}
}

static void an_answer_to_no_request_is_rejected(void **state)
{
	(void)state;
	assert_int_equal(ASK(1, TIME), CODE(2, 5));
	send_bytes(0, 0x45, "", 0); /* CON 2.05 */
	assert_true(is_answered(30000));
	assert_int_equal(answer[0] & 0x30, 0x30); /* RST */
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
#define WIRE(f) cmocka_unit_test_setup_teardown(f, start_wire, stop_wire)
		WIRE(a_format_that_is_not_there_is_not_acceptable),
		WIRE(the_links_are_found_by_format_and_in_one_format_only),
		WIRE(a_condition_is_obeyed_or_refused),
		WIRE(a_reading_that_is_there_is_not_put_again_if_it_must_be_new),
		WIRE(a_method_that_a_path_does_not_have_is_not_allowed),
		WIRE(an_answer_to_no_request_is_rejected),
	};

	return cmocka_run_group_tests_name("routes: options", all, NULL, NULL);
}

int main(void)
{
	return rig_run("test_routes_options", tests);
}
