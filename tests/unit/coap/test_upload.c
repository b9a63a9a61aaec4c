// SPDX-License-Identifier: BSD-2-Clause
/* upload: bodies in blocks, block by block, and then as readings over CoAP. */
#define _GNU_SOURCE
#include "server_rig.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/coap/upload.h"

#define BLOCK 16 /* SZX 0 */

static coap_context_t *context;
static coap_session_t *one, *other;
static struct transfers uploads;

static coap_session_t *session_to(uint16_t port)
{
	coap_address_t address;

	coap_address_init(&address);
	address.addr.sin.sin_family = AF_INET;
	address.addr.sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.addr.sin.sin_port = htons(port);
	address.size = sizeof(address.addr.sin);
	return coap_new_client_session(context, NULL, &address, COAP_PROTO_UDP);
}

static int open_sessions(void **state)
{
	(void)state;
	coap_startup();
	context = coap_new_context(NULL);
	one = session_to(9);
	other = session_to(10);
	memset(&uploads, 0, sizeof(uploads));
	return one == NULL || other == NULL;
}

static int close_sessions(void **state)
{
	(void)state;
	transfers_free(&uploads);
	assert_int_equal(uploads.bytes, 0);
	coap_session_release(one);
	coap_session_release(other);
	coap_free_context(context);
	return 0;
}

struct block {
	unsigned num;
	bool more;
	char fill; /* the block's bytes */
	const char *path; /* NULL: "a" */
	const char *tag; /* Request-Tag; NULL: none */
	unsigned size1; /* 0: none */
	unsigned szx;
};

static char received[4 * UPLOAD_BODY_MAX];
static size_t received_size;

/* The code of the response; 0: the body is whole, in `received`. */
static unsigned give(coap_session_t *session, struct block b)
{
	coap_pdu_t *request = coap_pdu_init(COAP_MESSAGE_CON, COAP_REQUEST_CODE_PUT, 1, 1400);
	coap_pdu_t *response = coap_pdu_init(COAP_MESSAGE_ACK, 0, 1, 1400);
	const char *path = b.path != NULL ? b.path : "a";
	static uint8_t bytes[1024];
	struct upload_body body;
	uint8_t number[4];
	unsigned code = 0;

	coap_add_option(request, COAP_OPTION_URI_PATH, strlen(path), (const uint8_t *)path);
	coap_add_option(
		request, COAP_OPTION_BLOCK1,
		coap_encode_var_safe(number, sizeof(number), b.num << 4 | (b.more ? 8 : 0) | b.szx),
		number);
	if (b.size1 != 0) {
		coap_add_option(request, COAP_OPTION_SIZE1,
				coap_encode_var_safe(number, sizeof(number), b.size1), number);
	}
	if (b.tag != NULL) {
		coap_add_option(request, COAP_OPTION_RTAG, strlen(b.tag), (const uint8_t *)b.tag);
	}
	memset(bytes, b.fill, sizeof(bytes));
	coap_add_data(request, (size_t)BLOCK << b.szx % 7, bytes);
	if (upload_receive(&uploads, session, request, response, &body)) {
		memcpy(received, body.data, body.size);
		received_size = body.size;
		upload_body_free(&body);
	} else {
		code = coap_pdu_get_code(response);
	}
	coap_delete_pdu(request);
	coap_delete_pdu(response);
	return code;
}

static void expect_body(const char *fills)
{
	assert_int_equal(received_size, BLOCK * strlen(fills));
	for (size_t i = 0; i < received_size; i++) {
		assert_int_equal(received[i], fills[i / BLOCK]);
	}
}

static void a_transfer_that_was_given_up_leaves_nothing_in_the_next(void **state)
{
	(void)state;
	assert_int_equal(give(one, (struct block){ .num = 0, .more = true, .fill = 'a' }),
			 CODE(2, 31));
	assert_int_equal(give(one, (struct block){ .num = 1, .more = true, .fill = 'b' }),
			 CODE(2, 31));
	assert_int_equal(give(one, (struct block){ .num = 0, .more = true, .fill = 'A' }),
			 CODE(2, 31));
	assert_int_equal(give(one, (struct block){ .num = 1, .more = true, .fill = 'B' }),
			 CODE(2, 31));
	assert_int_equal(give(one, (struct block){ .num = 2, .more = false, .fill = 'C' }), 0);
	expect_body("ABC");
	assert_int_equal(uploads.bytes, 0);
}

static void what_does_not_begin_with_block_0_is_incomplete(void **state)
{
	(void)state;
	assert_int_equal(give(one, (struct block){ .num = 2, .more = true, .fill = 'c' }),
			 CODE(4, 8));
	assert_int_equal(give(one, (struct block){ .num = 3, .more = false, .fill = 'd' }),
			 CODE(4, 8));
	assert_int_equal(give(one, (struct block){ .num = 0, .more = true, .fill = 'A' }),
			 CODE(2, 31));
	assert_int_equal(give(one, (struct block){ .num = 1, .more = false, .fill = 'B' }), 0);
	expect_body("AB");
}

static void a_gap_is_incomplete_and_the_missing_block_mends_it(void **state)
{
	(void)state;
	assert_int_equal(give(one, (struct block){ .num = 0, .more = true, .fill = 'a' }),
			 CODE(2, 31));
	assert_int_equal(give(one, (struct block){ .num = 2, .more = false, .fill = 'c' }),
			 CODE(4, 8));
	assert_int_equal(give(one, (struct block){ .num = 1, .more = true, .fill = 'b' }),
			 CODE(2, 31));
	assert_int_equal(give(one, (struct block){ .num = 2, .more = false, .fill = 'c' }), 0);
	expect_body("abc");
}

static void a_block_again_is_confirmed_again_and_another_in_its_place_is_not(void **state)
{
	(void)state;
	assert_int_equal(give(one, (struct block){ .num = 0, .more = true, .fill = 'a' }),
			 CODE(2, 31));
	assert_int_equal(give(one, (struct block){ .num = 1, .more = true, .fill = 'b' }),
			 CODE(2, 31));
	assert_int_equal(give(one, (struct block){ .num = 1, .more = true, .fill = 'b' }),
			 CODE(2, 31));
	assert_int_equal(give(one, (struct block){ .num = 1, .more = true, .fill = 'X' }),
			 CODE(4, 8));
	assert_int_equal(give(one, (struct block){ .num = 2, .more = false, .fill = 'c' }), 0);
	expect_body("abc");
}

static void blocks_of_other_options_are_of_another_transfer(void **state)
{
	(void)state;
	assert_int_equal(
		give(one, (struct block){ .num = 0, .more = true, .fill = 'a', .tag = "1" }),
		CODE(2, 31));
	assert_int_equal(
		give(one, (struct block){ .num = 0, .more = true, .fill = 'A', .tag = "2" }),
		CODE(2, 31));
	assert_int_equal(
		give(one, (struct block){ .num = 1, .more = false, .fill = 'b', .tag = "1" }),
		CODE(4, 8));
	assert_int_equal(give(one, (struct block){ .num = 1, .more = false, .fill = 'b' }),
			 CODE(4, 8));
	/* Size1 may come with one block and not with another. */
	assert_int_equal(
		give(one,
		     (struct block){
			     .num = 1, .more = false, .fill = 'B', .tag = "2", .size1 = 32 }),
		0);
	expect_body("AB");
}

static void paths_and_sessions_do_not_mix(void **state)
{
	(void)state;
	assert_int_equal(
		give(one, (struct block){ .num = 0, .more = true, .fill = 'a', .path = "a" }),
		CODE(2, 31));
	assert_int_equal(
		give(one, (struct block){ .num = 0, .more = true, .fill = 'b', .path = "b" }),
		CODE(2, 31));
	assert_int_equal(
		give(other, (struct block){ .num = 0, .more = true, .fill = 'c', .path = "a" }),
		CODE(2, 31));
	assert_int_equal(
		give(one, (struct block){ .num = 1, .more = false, .fill = '1', .path = "a" }), 0);
	expect_body("a1");
	assert_int_equal(
		give(one, (struct block){ .num = 1, .more = false, .fill = '2', .path = "b" }), 0);
	expect_body("b2");
	assert_int_equal(
		give(other, (struct block){ .num = 1, .more = false, .fill = '3', .path = "a" }),
		0);
	expect_body("c3");
}

static void what_is_too_large_is_told_at_the_first_block_that_shows_it(void **state)
{
	(void)state;
	assert_int_equal(give(one, (struct block){ .num = 0,
						   .more = true,
						   .fill = 'a',
						   .size1 = UPLOAD_BODY_MAX + 1 }),
			 CODE(4, 13));
	assert_int_equal(
		give(one,
		     (struct block){ .num = 0, .more = true, .fill = 'a', .size1 = 0xffffffff }),
		CODE(4, 13));
	for (unsigned i = 0; i < UPLOAD_BODY_MAX / 1024; i++) {
		assert_int_equal(
			give(one, (struct block){ .num = i, .more = true, .fill = 'a', .szx = 6 }),
			CODE(2, 31));
	}
	assert_int_equal(give(one, (struct block){ .num = UPLOAD_BODY_MAX / 1024,
						   .more = true,
						   .fill = 'a',
						   .szx = 6 }),
			 CODE(4, 13));
	assert_int_equal(uploads.bytes, 0);
}

static void options_that_do_not_fit_are_bad(void **state)
{
	(void)state;
	assert_int_equal(give(one, (struct block){ .num = 0, .more = true, .fill = 'a', .szx = 7 }),
			 CODE(4, 0));
}

static void idle_for_minutes_is_kept_and_for_longer_is_forgotten(void **state)
{
	uint64_t now;
	struct timespec t;

	(void)state;
	assert_int_equal(transfers_tick(&uploads, 0), -1);
	assert_int_equal(give(one, (struct block){ .num = 0, .more = true, .fill = 'a' }),
			 CODE(2, 31));
	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000;
	assert_true(transfers_tick(&uploads, now + TRANSFERS_IDLE_MS - 10000) > 0);
	assert_int_equal(give(one, (struct block){ .num = 1, .more = true, .fill = 'b' }),
			 CODE(2, 31));
	assert_int_equal(transfers_tick(&uploads, now + TRANSFERS_IDLE_MS + 60000), -1);
	assert_int_equal(give(one, (struct block){ .num = 2, .more = false, .fill = 'c' }),
			 CODE(4, 8));
}

static void a_peer_has_so_many_transfers_and_loses_its_oldest(void **state)
{
	char path[8];

	(void)state;
	for (unsigned i = 0; i < TRANSFERS_PER_PEER + 1; i++) {
		snprintf(path, sizeof(path), "%u", i);
		assert_int_equal(
			give(i % 2 == 0 ? one : other,
			     (struct block){ .num = 0, .more = true, .fill = 'a', .path = path }),
			CODE(2, 31));
	}
	assert_int_equal(
		give(one, (struct block){ .num = 1, .more = false, .fill = 'b', .path = "0" }),
		CODE(4, 8));
	assert_int_equal(
		give(other, (struct block){ .num = 1, .more = false, .fill = 'b', .path = "1" }),
		0);
	assert_int_equal(
		give(one, (struct block){ .num = 1, .more = false, .fill = 'b', .path = "16" }), 0);
}

static void a_peer_has_so_many_bytes_and_loses_its_oldest(void **state)
{
	static const char *const paths[] = { "0", "1", "2", "3", "4", "5", "6" };

	(void)state;
	for (unsigned p = 0; p < 7; p++) {
		for (unsigned i = 0; i < UPLOAD_BODY_MAX / 1024; i++) {
			assert_int_equal(give(one, (struct block){ .num = i,
								   .more = true,
								   .fill = 'a',
								   .path = paths[p],
								   .szx = 6 }),
					 CODE(2, 31));
			assert_true(uploads.bytes <= UPLOAD_PEER_BYTES);
		}
	}
	assert_int_equal(
		give(one,
		     (struct block){ .num = 1, .more = true, .fill = 'a', .path = "0", .szx = 6 }),
		CODE(4, 8));
}

/* --- over CoAP ------------------------------------------------------------ */

/* POST /gpsflowtemp with a block of 64 bytes. format -1: none. Returns the code of the answer. */
static unsigned post_block(uint16_t mid, int format, const char *body, unsigned num)
{
	size_t offset = num * 64u, rest = strlen(body) - offset, size = rest > 64 ? 64 : rest;
	uint8_t b[200] = { 0x41, 2, (uint8_t)(mid >> 8), (uint8_t)mid, 't', 0xbb };
	size_t n = 6;

	memcpy(b + n, "gpsflowtemp", 11);
	n += 11;
	if (format >= 0) {
		b[n++] = 0x11; /* Content-Format */
		b[n++] = (uint8_t)format;
	}
	b[n++] = 0xd1; /* Block1: 27 */
	b[n++] = format >= 0 ? 27 - 12 - 13 : 27 - 11 - 13;
	b[n++] = (uint8_t)(num << 4 | (rest > 64 ? 8 : 0) | 2);
	b[n++] = 0xff;
	memcpy(b + n, body + offset, size);
	send_message(b, n + size);
	assert_true(is_answered(30000));
	assert_int_equal(answer[2] << 8 | answer[3], mid);
	return answer[1];
}

static unsigned post_blocks(uint16_t mid, int format, const char *body, unsigned from, unsigned to)
{
	unsigned code = 0;

	for (unsigned i = from; i < to; i++) {
		code = post_block((uint16_t)(mid + i), format, body, i);
	}
	return code;
}

static char *pack(uint64_t seq, int temp_mc)
{
	char *body = calloc(1, 8192);
	struct reading r;

	make(&r, NODE, seq);
	r.temperatures[0].temp_mc = temp_mc;
	assert_true(senml_encode(SENML_JSON, &r, 1, (uint8_t *)body, 8191, NULL) > 0);
	return body;
}

/* The number of the Block1 option of the answer, or -1. */
static int answered_block1(void)
{
	size_t at = 4 + (answer[0] & 15);
	unsigned option = 0;

	while (at < answer_size && answer[at] != 0xff) {
		unsigned delta = answer[at] >> 4, size = answer[at] & 15;

		at++;
		option += delta == 13 ? 13u + answer[at++] : delta;
		if (option == 27) {
			return size == 1 ? answer[at] : answer[at] << 8 | answer[at + 1];
		}
		at += size;
	}
	return -1;
}

static void the_reading_that_is_acknowledged_is_the_one_that_was_sent(void **state)
{
	char *a = pack(1, 10125), *b = pack(2, 99875);
	unsigned n = (unsigned)(strlen(a) + 63) / 64;

	(void)state;
	assert_int_equal(post_blocks(100, SENML_JSON, a, 0, n - 1), CODE(2, 31));
	assert_int_equal(post_blocks(200, SENML_JSON, b, 0, n), CODE(2, 4));
	assert_int_equal(answered_block1(), (int)((n - 1) << 4 | 2));
	assert_int_equal(get("/gpsflowtemp/" NODE "/1234567890abcdef.1"), CODE(4, 4));
	assert_int_equal(request(COAPS_GET, "/gpsflowtemp/" NODE "/1234567890abcdef.2", -1,
				 SENML_JSON, NULL, 0),
			 CODE(2, 5));
	expect_words("99.875");
	/* Its answer was lost: the last block comes again, with its Message ID. */
	assert_int_equal(post_block((uint16_t)(200 + n - 1), SENML_JSON, b, n - 1), CODE(2, 4));
	assert_int_equal(count_rows(), 1);
	/* The other half of what was given up. */
	assert_int_equal(post_block(300, SENML_JSON, a, n - 1), CODE(4, 8));
	free(a);
	free(b);
}

static void the_legacy_client_gets_no_block1_in_its_last_answer(void **state)
{
	static const char text[] =
		"SENSOR_A/202481588596741/21.5/0/$GPRMC,225446,A,4916.45,N,12311.12,W,000.5,054.7,191194,"
		"020.3,E*68\r\n/1479396032.57";
	char garbage[200];

	(void)state;
	assert_int_equal(post_blocks(100, -1, text, 0, 2), CODE(2, 4));
	assert_int_equal(answered_block1(), -1);
	assert_int_equal(count_rows(), 1);
	memset(garbage, 'x', sizeof(garbage));
	garbage[sizeof(garbage) - 1] = '\0';
	assert_int_equal(post_blocks(200, -1, garbage, 0, 4), CODE(4, 0));
	assert_int_equal(answered_block1(), -1);
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
#define ALONE(f) cmocka_unit_test_setup_teardown(f, open_sessions, close_sessions)
		ALONE(a_transfer_that_was_given_up_leaves_nothing_in_the_next),
		ALONE(what_does_not_begin_with_block_0_is_incomplete),
		ALONE(a_gap_is_incomplete_and_the_missing_block_mends_it),
		ALONE(a_block_again_is_confirmed_again_and_another_in_its_place_is_not),
		ALONE(blocks_of_other_options_are_of_another_transfer),
		ALONE(paths_and_sessions_do_not_mix),
		ALONE(what_is_too_large_is_told_at_the_first_block_that_shows_it),
		ALONE(options_that_do_not_fit_are_bad),
		ALONE(idle_for_minutes_is_kept_and_for_longer_is_forgotten),
		ALONE(a_peer_has_so_many_transfers_and_loses_its_oldest),
		ALONE(a_peer_has_so_many_bytes_and_loses_its_oldest),
		cmocka_unit_test_setup_teardown(
			the_reading_that_is_acknowledged_is_the_one_that_was_sent, start_wire,
			stop_wire),
		cmocka_unit_test_setup_teardown(the_legacy_client_gets_no_block1_in_its_last_answer,
						start_wire_nameless, stop_wire),
	};

	return cmocka_run_group_tests_name("upload", all, NULL, NULL);
}

int main(void)
{
	return rig_run("test_upload", tests);
}
