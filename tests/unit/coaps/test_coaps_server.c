// SPDX-License-Identifier: BSD-2-Clause
/* coaps_server and coaps_client over DTLS: who is served, and who is not. */
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

static void a_request_carries_the_identity_of_its_certificate(void **state)
{
	struct coaps_rig r;

	(void)state;
	coaps_rig_begin(&r, "node", NULL);
	coaps_rig_post(&r, "hello", 5);
	coaps_rig_wait_answer(&r);
	assert_int_equal(r.answer.cause, COAPS_ANSWERED);
	assert_int_equal(r.answer.code, COAP_RESPONSE_CODE_CHANGED);
	assert_string_equal(r.identity.name, COAPS_RIG_DEVICE);
	assert_true(r.identity.certified);
	assert_false(r.identity.is_operator);
	assert_int_equal(coaps_client_state(r.client), COAPS_ESTABLISHED);
	coaps_rig_stop(&r);
	coaps_rig_begin(&r, "operator", NULL);
	coaps_rig_post(&r, "hello", 5);
	coaps_rig_wait_answer(&r);
	assert_true(r.identity.is_operator);
	coaps_rig_stop(&r);
}

static void a_server_with_another_name_is_refused_by_name_and_by_address(void **state)
{
	struct coaps_rig r;

	(void)state;
	coaps_rig_begin(&r, "node", "other.example");
	coaps_rig_post(&r, "hello", 5);
	coaps_rig_wait_answer(&r);
	assert_int_equal(r.answer.cause, COAPS_WRONG_NAME);
	assert_int_equal(r.answer.certificate_flags, MBEDTLS_X509_BADCERT_CN_MISMATCH);
	assert_non_null(strstr(r.reason, "rejected (expected name other.example): "));
	assert_int_equal(r.handled, 0);
	coaps_rig_stop(&r);
	coaps_rig_begin(&r, "node", "192.0.2.1");
	coaps_rig_post(&r, "hello", 5);
	coaps_rig_wait_answer(&r);
	assert_int_equal(r.answer.cause, COAPS_WRONG_NAME);
	assert_int_equal(r.handled, 0);
	coaps_rig_stop(&r);
}

static void a_server_of_another_ca_is_refused(void **state)
{
	struct coaps_credentials server = coaps_rig_credentials("server"),
				 client = coaps_rig_credentials("node");
	struct coaps_rig r = { 0 };

	(void)state;
	assert_int_equal(coaps_rig_start_server(&r, COAPS_AUTH_REQUIRED, &server), 0);
	client.ca = coaps_rig_file("other/ca.pem");
	coaps_rig_start_client(&r, &client, NULL);
	coaps_rig_post(&r, "hello", 5);
	coaps_rig_wait_answer(&r);
	assert_int_equal(r.answer.cause, COAPS_WRONG_CA);
	assert_non_null(strstr(r.reason, "server certificate rejected"));
	assert_int_equal(r.handled, 0);
	coaps_rig_stop(&r);
}

static void a_client_needs_a_certificate_of_the_ca_unless_none_is_asked_for(void **state)
{
	static const struct {
		enum coaps_client_auth auth;
		const char *cert;
		bool served;
	} vectors[] = {
		{ COAPS_AUTH_REQUIRED, NULL, false },  { COAPS_AUTH_REQUIRED, "other/node", false },
		{ COAPS_AUTH_OPTIONAL, NULL, true },   { COAPS_AUTH_OPTIONAL, "other/node", false },
		{ COAPS_AUTH_OPTIONAL, "node", true }, { COAPS_AUTH_NONE, NULL, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		struct coaps_credentials server = coaps_rig_credentials("server");
		struct coaps_credentials client = { .ca = coaps_rig_file("ca.pem") };
		struct coaps_rig r = { 0 };

		if (vectors[i].cert != NULL) {
			client = coaps_rig_credentials(vectors[i].cert);
			client.ca = coaps_rig_file("ca.pem");
		}
		assert_int_equal(coaps_rig_start_server(&r, vectors[i].auth, &server), 0);
		coaps_rig_start_client(&r, &client, NULL);
		coaps_rig_post(&r, "hello", 5);
		coaps_rig_wait_answer(&r);
		assert_int_equal(r.answer.cause == COAPS_ANSWERED, vectors[i].served);
		assert_int_equal(r.handled, vectors[i].served);
		if (vectors[i].served && vectors[i].cert == NULL) {
			assert_false(r.identity.certified);
		}
		coaps_rig_stop(&r);
	}
}

static void a_large_body_arrives_whole(void **state)
{
	static uint8_t body[90000];
	struct coaps_rig r;

	(void)state;
	coaps_rig_begin(&r, "node", NULL);
	memset(body, 'x', sizeof body);
	coaps_rig_post(&r, body, sizeof body);
	coaps_rig_wait_answer(&r);
	assert_int_equal(r.answer.code, COAP_RESPONSE_CODE_CHANGED);
	assert_int_equal(r.body_size, 90000);
	coaps_rig_stop(&r);
}

static void a_server_that_is_gone_is_told_and_the_next_request_finds_the_new_one(void **state)
{
	struct coaps_credentials server = coaps_rig_credentials("server");
	struct coaps_server_config config = { .client_auth = COAPS_AUTH_REQUIRED };
	struct coaps_rig r;
	coap_resource_t *resource;
	char err[512];
	int code;

	(void)state;
	coaps_rig_begin(&r, "node", NULL);
	coaps_rig_post(&r, "hello", 5);
	coaps_rig_wait_answer(&r);
	coaps_server_free(r.server);
	r.server = NULL;
	coaps_rig_post(&r, "hello", 5);
	coaps_rig_wait_answer(&r);
	assert_int_not_equal(r.answer.cause, COAPS_ANSWERED);
	assert_string_equal(r.reason, "nothing listens there");
	config.listen = r.listen;
	config.credentials = server;
	r.server = coaps_server_new(&config, &code, err, sizeof err);
	assert_non_null(r.server);
	resource = coap_resource_init(coap_make_str_const("x"), 0);
	coap_resource_set_userdata(resource, &r);
	coap_register_request_handler(resource, COAP_REQUEST_POST, coaps_rig_handle);
	coap_add_resource(coaps_server_context(r.server), resource);
	coaps_rig_post(&r, "hello", 5);
	coaps_rig_wait_answer(&r);
	assert_int_equal(r.answer.cause, COAPS_ANSWERED);
	coaps_rig_stop(&r);
}

static void a_port_in_use_is_an_error_and_named(void **state)
{
	struct coaps_credentials server = coaps_rig_credentials("server");
	struct coaps_server_config config = { .client_auth = COAPS_AUTH_REQUIRED };
	struct coaps_rig r = { 0 };
	char err[512];
	int code;

	(void)state;
	assert_int_equal(coaps_rig_start_server(&r, COAPS_AUTH_REQUIRED, &server), 0);
	config.listen = r.listen;
	config.credentials = server;
	assert_null(coaps_server_new(&config, &code, err, sizeof err));
	assert_int_equal(code, -EADDRINUSE);
	assert_non_null(strstr(err, strchr(r.listen, ':') + 1));
	config.listen = "127.0.0.1:99999";
	assert_null(coaps_server_new(&config, &code, err, sizeof err));
	assert_int_equal(code, -EINVAL);
	coaps_server_free(r.server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_carries_the_identity_of_its_certificate),
		cmocka_unit_test(a_server_with_another_name_is_refused_by_name_and_by_address),
		cmocka_unit_test(a_server_of_another_ca_is_refused),
		cmocka_unit_test(a_client_needs_a_certificate_of_the_ca_unless_none_is_asked_for),
		cmocka_unit_test(a_large_body_arrives_whole),
		cmocka_unit_test(
			a_server_that_is_gone_is_told_and_the_next_request_finds_the_new_one),
		cmocka_unit_test(a_port_in_use_is_an_error_and_named),
	};

	return cmocka_run_group_tests(tests, coaps_rig_make_ca, coaps_rig_remove_ca);
}
