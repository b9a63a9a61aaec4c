// SPDX-License-Identifier: BSD-2-Clause
/* blockwise: a long body is kept for the next blocks of the client that has its first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>

#include "server/coap/blockwise.h"
#include "server/store/hash.h"
#include "userspace/coaps/coaps_endpoint.h"

#define SIZE 2500 /* three blocks of 1024 */
#define FORMAT 112

static struct coaps_endpoint endpoint;
static coap_context_t *context;
static coap_session_t *session;
static struct transfers bodies;

/* Bytes that depend on the place and on who made them. */
static uint8_t byte_at(unsigned body, size_t i)
{
	return (uint8_t)(body * 31 + i * 7 + i / 256);
}

/* Answers the first block of a body, as a message of its own: nobody receives it. */
static void answer(const char *key, unsigned body, size_t size)
{
	struct blockwise_request r = {
		.session = coap_session_reference(session),
		.type = COAP_MESSAGE_NON,
		.mid = coap_new_message_id(session),
		.szx = 6,
		.observe = -1,
	};
	uint8_t *data = malloc(size);

	for (size_t i = 0; i < size; i++) {
		data[i] = byte_at(body, i);
	}
	strcpy(r.key, key);
	blockwise_answer(&bodies, &r, FORMAT, data, size);
	assert_null(r.session);
}

struct got {
	int rc; /* of blockwise_open() */
	coap_pdu_code_t code;
	uint64_t etag;
	const uint8_t *data;
	size_t size;
	bool more;
};

/* What the client gets that asks for a block. pdu: the response, to be deleted. */
static struct got get(const char *key, unsigned number, coap_pdu_t **pdu)
{
	coap_pdu_t *request = coap_pdu_init(COAP_MESSAGE_CON, COAP_REQUEST_CODE_GET,
					    coap_new_message_id(session), 1200);
	struct blockwise_request r;
	struct got got = { 0 };
	coap_opt_iterator_t at;
	coap_block_t block;
	uint8_t option[4];

	*pdu = coap_pdu_init(COAP_MESSAGE_ACK, COAP_EMPTY_CODE, 1, 2000);
	coap_add_option(request, COAP_OPTION_BLOCK2,
			coap_encode_var_safe(option, sizeof(option), number << 4 | 6), option);
	got.rc = blockwise_open(&bodies, &r, session, request, *pdu,
				&(struct blockwise_how){ .key = key });
	if (got.rc == 0) { /* to be made: an answer of its own */
		blockwise_reply(&r, COAP_RESPONSE_CODE_NOT_FOUND, -1, "");
	}
	got.code = coap_pdu_get_code(*pdu);
	coap_get_data(*pdu, &got.size, &got.data);
	if (coap_check_option(*pdu, COAP_OPTION_ETAG, &at) != NULL) {
		const coap_opt_t *etag = coap_check_option(*pdu, COAP_OPTION_ETAG, &at);

		got.etag = coap_decode_var_bytes8(coap_opt_value(etag), coap_opt_length(etag));
	}
	if (coap_get_block(*pdu, COAP_OPTION_BLOCK2, &block)) {
		assert_int_equal(block.num, number);
		got.more = block.m;
	}
	coap_delete_pdu(request);
	return got;
}

static bool is_kept(const char *key, unsigned body)
{
	coap_pdu_t *pdu;
	struct got got = get(key, 1, &pdu);
	bool kept = got.rc == 1;

	if (kept) {
		assert_int_equal(got.code, COAP_RESPONSE_CODE_CONTENT);
		assert_int_equal(got.size, 1024);
		for (size_t i = 0; i < got.size; i++) {
			assert_int_equal(got.data[i], byte_at(body, 1024 + i));
		}
	}
	coap_delete_pdu(pdu);
	return kept;
}

static void later_blocks_are_those_of_the_body_that_was_answered(void **state)
{
	uint8_t whole[SIZE];
	coap_pdu_t *pdu;
	struct got got;

	(void)state;
	for (size_t i = 0; i < SIZE; i++) {
		whole[i] = byte_at(3, i);
	}
	answer("long", 3, SIZE);
	assert_true(is_kept("long", 3));
	got = get("long", 2, &pdu);
	assert_int_equal(got.rc, 1);
	assert_int_equal(got.size, SIZE - 2048);
	assert_memory_equal(got.data, whole + 2048, got.size);
	assert_int_equal(got.etag, hash_etag(whole, SIZE));
	assert_false(got.more);
	coap_delete_pdu(pdu);
	got = get("long", 3, &pdu);
	assert_int_equal(got.rc, 1);
	assert_int_equal(got.code, COAP_RESPONSE_CODE_BAD_REQUEST);
	coap_delete_pdu(pdu);
	assert_false(is_kept("other", 3));
}

static void a_body_of_one_block_is_not_kept_and_a_new_one_replaces_the_old(void **state)
{
	(void)state;
	answer("short", 1, 1024);
	assert_false(is_kept("short", 1));
	answer("a", 1, SIZE);
	answer("b", 2, SIZE);
	answer("a", 5, SIZE);
	assert_true(is_kept("a", 5));
	assert_true(is_kept("b", 2));
}

static void the_newest_bodies_are_kept_and_the_oldest_is_replaced(void **state)
{
	char key[16];

	(void)state;
	for (unsigned body = 0; body < 40 * TRANSFERS_PER_PEER; body++) {
		snprintf(key, sizeof(key), "key %u", body);
		answer(key, body, SIZE);
		/* The oldest first: what is read is the newest then. */
		for (unsigned i = body < TRANSFERS_PER_PEER ? 0 : body - TRANSFERS_PER_PEER;
		     i <= body; i++) {
			snprintf(key, sizeof(key), "key %u", i);
			assert_int_equal(is_kept(key, i), i + TRANSFERS_PER_PEER > body);
		}
	}
}

static int start(void **state)
{
	coap_address_t address;

	(void)state;
	coap_address_init(&address);
	address.addr.sin.sin_family = AF_INET;
	address.addr.sin.sin_port = htons(9); /* discard */
	address.addr.sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.size = sizeof(address.addr.sin);
	context = coap_new_context(NULL);
	endpoint.answers = coaps_answers_new(); /* as coaps_server has it */
	coap_set_app_data(context, &endpoint);
	session = coap_new_client_session(context, NULL, &address, COAP_PROTO_UDP);
	return session == NULL ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	transfers_free(&bodies);
	coap_session_release(session);
	coap_free_context(context);
	coaps_answers_free(endpoint.answers);
	return 0;
}

/* What another reads meanwhile, or is notified of, is another body under the same key. */
static void a_reader_goes_on_with_the_body_that_it_began(void **state)
{
	coap_session_t *reader = session;

	(void)state;
	answer("/a", 1, 3000);
	session = coap_new_client_session(context, NULL, coap_session_get_addr_remote(reader),
					  COAP_PROTO_UDP);
	assert_non_null(session);
	assert_false(is_kept("/a", 1));
	answer("/a", 2, 3000);
	assert_true(is_kept("/a", 2));
	coap_session_release(session);
	session = reader;
	assert_true(is_kept("/a", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ON(test) cmocka_unit_test_setup_teardown(test, start, stop)
		ON(later_blocks_are_those_of_the_body_that_was_answered),
		ON(a_body_of_one_block_is_not_kept_and_a_new_one_replaces_the_old),
		ON(the_newest_bodies_are_kept_and_the_oldest_is_replaced),
		ON(a_reader_goes_on_with_the_body_that_it_began),
	};

	coap_startup();
	coap_set_log_level(COAP_LOG_EMERG);
	return cmocka_run_group_tests_name("blockwise", tests, NULL, NULL);
}
