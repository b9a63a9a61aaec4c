// SPDX-License-Identifier: BSD-2-Clause
/*
 * A real server and a real client over loopback DTLS, in one process and one loop:
 *
 *   coaps_client ==DTLS== coaps_server, its handler answers at once, later, or never
 *
 * Certificates are made for the run by certs/make-test-ca.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "userspace/coaps/coaps_answer.h"
#include "userspace/coaps/coaps_client.h"
#include "userspace/coaps/coaps_identity.h"
#include "userspace/coaps/coaps_policy.h"
#include "userspace/coaps/coaps_server.h"

#define DEVICE "urn:dev:mac:0200c0fffe000001"

static char dir[64];
static char names[16][128];

/* A file of the test's CA; up to 16 at a time. */
static const char *file(const char *name)
{
	static unsigned next;
	char *path = names[next++ % 16];

	snprintf(path, sizeof names[0], "%s/%s", dir, name);
	return path;
}

static struct coaps_credentials credentials(const char *who)
{
	char cert[32], key[32];

	snprintf(cert, sizeof cert, "%s.pem", who);
	snprintf(key, sizeof key, "%s.key", who);
	return (struct coaps_credentials){ .certificate = file(cert),
					   .key = file(key),
					   .ca = file("ca.pem") };
}

static void run(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof command, format, args);
	va_end(args);
	assert_int_equal(system(command), 0);
}

static int make_ca(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "%s/coaps-XXXXXX",
		 getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(dir) == NULL) {
		return -1;
	}
	run("certs/make-test-ca %s %s", dir, DEVICE);
	run("certs/make-test-ca %s/other %s", dir, DEVICE);
	return 0;
}

static int remove_ca(void **state)
{
	(void)state;
	run("rm -rf %s", dir);
	return 0;
}

/* --- credentials ------------------------------------------------------------ */

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
	struct coaps_credentials node = credentials("node");
	struct coaps_certificate_info info;
	char err[512];

	(void)state;
	assert_int_equal(
		coaps_credentials_check(&node, COAPS_CLIENT, time(NULL), &info, err, sizeof err),
		0);
	assert_string_equal(info.device, DEVICE);
	assert_true(info.not_after_s > time(NULL) + 364 * 86400 &&
		    info.not_after_s < time(NULL) + 366 * 86400);
	node.key = NULL;
	node.certificate = file("node-merged.pem");
	assert_int_equal(
		coaps_credentials_check(&node, COAPS_CLIENT, time(NULL), &info, err, sizeof err),
		0);
}

static void each_fault_of_a_credential_is_named(void **state)
{
	struct coaps_credentials c = credentials("node");
	FILE *f;

	(void)state;
	c.certificate = file("nothing.pem");
	check_names(&c, COAPS_CLIENT, time(NULL), "nothing.pem", "No such file");
	c = credentials("node");
	c.key = file("operator.key");
	check_names(&c, COAPS_CLIENT, time(NULL), "operator.key", "does not match");
	c = credentials("node");
	check_names(&c, COAPS_CLIENT, time(NULL) + 400 * 86400, "node.pem", "expired");
	check_names(&c, COAPS_CLIENT, time(NULL) - 2 * 86400, "node.pem", "not valid before");
	check_names(&c, COAPS_SERVER, time(NULL), "node.pem", "serverAuth");
	c.ca = file("node.pem");
	check_names(&c, COAPS_CLIENT, time(NULL), "node.pem", "not a CA");
	c.ca = NULL;
	check_names(&c, COAPS_CLIENT, time(NULL), "CA", "none is configured");
	f = fopen(file("garbage.pem"), "w");
	assert_non_null(f);
	fputs("-----BEGIN CERTIFICATE-----\nnonsense\n", f);
	fclose(f);
	c = credentials("node");
	c.certificate = file("garbage.pem");
	check_names(&c, COAPS_CLIENT, time(NULL), "garbage.pem", "PEM");
	f = fopen(file("empty.pem"), "w");
	assert_non_null(f);
	fclose(f);
	c.certificate = file("empty.pem");
	check_names(&c, COAPS_CLIENT, time(NULL), "empty.pem", "empty");
	run("openssl ecparam -name secp224r1 -genkey -noout -out %s/weak.key 2>/dev/null && openssl req -x509 -new "
	    "-key %s/weak.key -subj /CN=weak -days 9 -out %s/weak.pem 2>/dev/null",
	    dir, dir, dir);
	c = credentials("weak");
	check_names(&c, COAPS_CLIENT, time(NULL), "weak.pem", "224 bits");
}

static void with_an_unset_clock_dates_are_not_looked_at(void **state)
{
	struct coaps_credentials c = credentials("node");
	char err[512];

	(void)state;
	assert_int_equal(coaps_credentials_check(&c, COAPS_CLIENT, 0, NULL, err, sizeof err), 0);
}

/* --- policy ----------------------------------------------------------------- */

static void a_policy_gives_the_suites_that_its_words_mean(void **state)
{
	static const struct {
		const char *text;
		int first;
		int count;
	} vectors[] = {
		/* IANA numbers: c02b ECDHE-ECDSA-AES128-GCM, c02c -AES256-GCM, c02f and c030 the
		   same with RSA */
		{ "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256", 0xc02b, 1 },
		{ "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030, 1 },
		{ "ECDHE+ECDSA+AES128+AESGCM", 0xc02b, 1 },
		{ "ECDHE+AESGCM", -1, 4 },
		{ "ECDHE+AESGCM:!RSA", -1, 2 },
		{ "!RSA:ECDHE+AESGCM", -1, 2 },
		{ "ecdhe+chacha20+ecdsa", 0xcca9, 1 },
	};
	struct coaps_policy policy;
	char err[256];

	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		int n = 0;

		if (coaps_policy_parse(vectors[i].text, &policy, err, sizeof err) != 0) {
			fail_msg("%s: %s", vectors[i].text, err);
		}
		while (policy.suites[n] != 0) {
			n++;
		}
		assert_int_equal(n, vectors[i].count);
		assert_true(vectors[i].first < 0 || policy.suites[0] == vectors[i].first);
	}
}

static void a_policy_that_is_unsafe_empty_or_misspelt_is_refused_by_its_word(void **state)
{
	static const struct {
		const char *text, *word;
	} vectors[] = {
		{ "ECDHE+AESGCN", "ECDHE+AESGCN" },
		{ "TLS-RSA-WITH-AES-128-CBC-SHA", "TLS-RSA-WITH-AES-128-CBC-SHA" },
		{ "ECDHE:!ALL", "leaves no" },
		{ "!RSA", "leaves no" },
	};
	struct coaps_policy policy;
	char err[256];

	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		assert_int_equal(coaps_policy_parse(vectors[i].text, &policy, err, sizeof err),
				 -EINVAL);
		if (strstr(err, vectors[i].word) == NULL) {
			fail_msg("\"%s\" does not name %s", err, vectors[i].word);
		}
	}
}

/* --- over the wire ------------------------------------------------------------ */

struct rig {
	struct coaps_server *server;
	struct coaps_client *client;
	char listen[32], uri[48];
	/* the handler */
	bool defer;
	unsigned how;
	struct coaps_deferred *deferred;
	unsigned handled;
	size_t body_size;
	struct coaps_identity identity;
	/* the answer */
	bool answered;
	struct coaps_response answer;
	char reason[640], payload[256];
};

static void handle(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
		   const coap_string_t *query, coap_pdu_t *response)
{
	struct rig *r = coap_resource_get_userdata(resource);
	const uint8_t *data;
	size_t size = 0, offset, total;

	(void)query;
	r->handled++;
	coap_get_data_large(request, &size, &data, &offset, &total);
	r->body_size = size;
	coaps_identity_of(session, &r->identity);
	if (r->defer) {
		struct coaps_deferred *d;

		if (coaps_defer(session, request, response, r->how, &d) == 0) {
			r->deferred = d;
		}
		return;
	}
	coap_pdu_set_code(response, COAP_RESPONSE_CODE_CHANGED);
}

static unsigned next_port(void)
{
	static unsigned port;

	if (port == 0) {
		port = 11000 + (unsigned)getpid() % 9000;
	}
	return port++;
}

static int start_server(struct rig *r, enum coaps_client_auth auth,
			const struct coaps_credentials *own)
{
	struct coaps_server_config config = { .listen = r->listen,
					      .client_auth = auth,
					      .max_body = 100000 };
	coap_resource_t *resource;
	char err[512] = "";
	int code = -EADDRINUSE;

	for (int i = 0; i < 20 && code == -EADDRINUSE; i++) {
		unsigned port = next_port();

		snprintf(r->listen, sizeof r->listen, "127.0.0.1:%u", port);
		snprintf(r->uri, sizeof r->uri, "coaps://127.0.0.1:%u", port);
		config.credentials = *own;
		r->server = coaps_server_new(&config, &code, err, sizeof err);
	}
	if (r->server == NULL) {
		print_message("%s\n", err);
		return code;
	}
	resource = coap_resource_init(coap_make_str_const("x"), 0);
	coap_resource_set_userdata(resource, r);
	coap_register_request_handler(resource, COAP_REQUEST_POST, handle);
	coap_add_resource(coaps_server_context(r->server), resource);
	return 0;
}

static void start_client(struct rig *r, const struct coaps_credentials *own, const char *name)
{
	const struct coaps_client_config config = { .uri = r->uri,
						    .credentials = *own,
						    .server_name = name,
						    .ack_timeout_ms = 1000,
						    .max_retransmit = 1,
						    .deadline_ms = 20000 };
	char err[512] = "";
	int code = 0;

	r->client = coaps_client_new(&config, &code, err, sizeof err);
	if (r->client == NULL) {
		fail_msg("%s", err);
	}
}

static void on_answer(void *arg, const struct coaps_response *response)
{
	struct rig *r = arg;

	assert_false(r->answered);
	r->answered = true;
	r->answer = *response;
	snprintf(r->reason, sizeof r->reason, "%s", response->reason);
	snprintf(r->payload, sizeof r->payload, "%.*s", (int)response->payload_size,
		 (const char *)response->payload);
}

static void turn(struct rig *r)
{
	struct pollfd fds[2] = { { .fd = coaps_client_fd(r->client), .events = POLLIN },
				 { .fd = r->server != NULL ? coaps_server_fd(r->server) : -1,
				   .events = POLLIN } };

	assert_true(poll(fds, 2, 30000) > 0); /* a time that only a fault can exceed */
	coaps_client_process(r->client);
	if (r->server != NULL) {
		coaps_server_process(r->server);
	}
}

static void post(struct rig *r, const void *payload, size_t size)
{
	const struct coaps_request request = { .method = COAPS_POST,
					       .path = "/x",
					       .content_format = 60,
					       .accept = -1,
					       .payload = payload,
					       .payload_size = size };

	r->answered = false;
	assert_int_equal(coaps_client_request(r->client, &request, on_answer, r), 0);
}

static void wait_answer(struct rig *r)
{
	while (!r->answered) {
		turn(r);
	}
}

static void stop(struct rig *r)
{
	coaps_client_free(r->client);
	coaps_server_free(r->server);
}

static void begin(struct rig *r, const char *who, const char *name)
{
	struct coaps_credentials server = credentials("server"), client = credentials(who);

	memset(r, 0, sizeof *r);
	assert_int_equal(start_server(r, COAPS_AUTH_REQUIRED, &server), 0);
	start_client(r, &client, name);
}

static void a_request_carries_the_identity_of_its_certificate(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, "node", NULL);
	post(&r, "hello", 5);
	wait_answer(&r);
	assert_int_equal(r.answer.cause, COAPS_ANSWERED);
	assert_int_equal(r.answer.code, COAP_RESPONSE_CODE_CHANGED);
	assert_string_equal(r.identity.name, DEVICE);
	assert_true(r.identity.certified);
	assert_false(r.identity.is_operator);
	assert_int_equal(coaps_client_state(r.client), COAPS_ESTABLISHED);
	stop(&r);
	begin(&r, "operator", NULL);
	post(&r, "hello", 5);
	wait_answer(&r);
	assert_true(r.identity.is_operator);
	stop(&r);
}

static void a_server_with_another_name_is_refused_by_name_and_by_address(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, "node", "other.example");
	post(&r, "hello", 5);
	wait_answer(&r);
	assert_int_equal(r.answer.cause, COAPS_WRONG_NAME);
	assert_int_equal(r.answer.certificate_flags, MBEDTLS_X509_BADCERT_CN_MISMATCH);
	assert_non_null(strstr(r.reason, "rejected (expected name other.example): "));
	assert_int_equal(r.handled, 0);
	stop(&r);
	begin(&r, "node", "192.0.2.1");
	post(&r, "hello", 5);
	wait_answer(&r);
	assert_int_equal(r.answer.cause, COAPS_WRONG_NAME);
	assert_int_equal(r.handled, 0);
	stop(&r);
}

static void a_server_of_another_ca_is_refused(void **state)
{
	struct coaps_credentials server = credentials("server"), client = credentials("node");
	struct rig r = { 0 };

	(void)state;
	assert_int_equal(start_server(&r, COAPS_AUTH_REQUIRED, &server), 0);
	client.ca = file("other/ca.pem");
	start_client(&r, &client, NULL);
	post(&r, "hello", 5);
	wait_answer(&r);
	assert_int_equal(r.answer.cause, COAPS_WRONG_CA);
	assert_non_null(strstr(r.reason, "server certificate rejected"));
	assert_int_equal(r.handled, 0);
	stop(&r);
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
		struct coaps_credentials server = credentials("server");
		struct coaps_credentials client = { .ca = file("ca.pem") };
		struct rig r = { 0 };

		if (vectors[i].cert != NULL) {
			client = credentials(vectors[i].cert);
			client.ca = file("ca.pem");
		}
		assert_int_equal(start_server(&r, vectors[i].auth, &server), 0);
		start_client(&r, &client, NULL);
		post(&r, "hello", 5);
		wait_answer(&r);
		assert_int_equal(r.answer.cause == COAPS_ANSWERED, vectors[i].served);
		assert_int_equal(r.handled, vectors[i].served);
		if (vectors[i].served && vectors[i].cert == NULL) {
			assert_false(r.identity.certified);
		}
		stop(&r);
	}
}

static void a_deferred_answer_comes_once_and_retransmissions_meanwhile_are_dropped(void **state)
{
	const struct coaps_reply reply = { .code = COAP_RESPONSE_CODE_CHANGED,
					   .content_format = 112,
					   .max_age_s = 7,
					   .payload = "done",
					   .payload_size = 4 };
	struct rig r;

	(void)state;
	begin(&r, "node", NULL);
	r.defer = true;
	post(&r, "hello", 5);
	while (r.handled < 2) { /* the client sends again after ACK_TIMEOUT */
		turn(&r);
	}
	assert_false(r.answered);
	coaps_answer(r.deferred, &reply);
	wait_answer(&r);
	assert_int_equal(r.answer.code, COAP_RESPONSE_CODE_CHANGED);
	assert_int_equal(r.answer.content_format, 112);
	assert_int_equal(r.answer.max_age_s, 7);
	assert_string_equal(r.payload, "done");
	stop(&r);
}

static void a_held_request_is_not_sent_again_and_is_answered_by_itself(void **state)
{
	const struct coaps_reply reply = { .code = COAP_RESPONSE_CODE_CHANGED,
					   .content_format = -1,
					   .max_age_s = -1 };
	struct rig r;
	unsigned turns = 0;

	(void)state;
	begin(&r, "node", NULL);
	r.defer = true;
	post(&r, "hello", 5);
	while (r.deferred == NULL) {
		turn(&r);
	}
	assert_in_range(coaps_answers_tick(0), 1, INT_MAX);
	assert_int_equal(coaps_answers_tick(UINT64_MAX), -1);
	while (turns++ < 3) {
		coaps_client_process(r.client);
		coaps_server_process(r.server);
	}
	coaps_answer(r.deferred, &reply);
	wait_answer(&r);
	assert_int_equal(r.answer.code, COAP_RESPONSE_CODE_CHANGED);
	assert_int_equal(r.handled, 1);
	stop(&r);
}

static void a_large_body_arrives_whole_and_one_too_large_is_refused(void **state)
{
	static uint8_t body[200000];
	struct rig r;

	(void)state;
	begin(&r, "node", NULL);
	memset(body, 'x', sizeof body);
	post(&r, body, 90000);
	wait_answer(&r);
	assert_int_equal(r.answer.code, COAP_RESPONSE_CODE_CHANGED);
	assert_int_equal(r.body_size, 90000);
	post(&r, body, sizeof body);
	wait_answer(&r);
	assert_int_equal(r.answer.code, COAP_RESPONSE_CODE(413));
	assert_int_equal(r.handled, 1);
	stop(&r);
}

/* libcoap 4.3.5 dereferenced NULL at the first block of a body whose size the client did not tell
 * (RFC 7959 4). */
static void a_first_block_without_size1_does_not_end_the_server(void **state)
{
	struct coaps_credentials server = credentials("server");
	struct rig r = { 0 };
	coap_address_t address;
	coap_context_t *plain = NULL;
	coap_session_t *session;
	coap_pdu_t *pdu;
	uint8_t block[1024] = { 0 }, option[4];
	struct pollfd wait;

	(void)state;
	assert_int_equal(start_server(&r, COAPS_AUTH_REQUIRED, &server), 0);
	/* Without DTLS, which is not what this is about: an endpoint beside the other. */
	coap_address_init(&address);
	address.addr.sin.sin_family = AF_INET;
	address.addr.sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.addr.sin.sin_port = htons((uint16_t)next_port());
	address.size = sizeof address.addr.sin;
	assert_non_null(
		coap_new_endpoint(coaps_server_context(r.server), &address, COAP_PROTO_UDP));
	plain = coap_new_context(NULL);
	session = coap_new_client_session(plain, NULL, &address, COAP_PROTO_UDP);
	assert_non_null(session);
	pdu = coap_pdu_init(COAP_MESSAGE_CON, COAP_REQUEST_CODE_POST, coap_new_message_id(session),
			    1300);
	coap_add_token(pdu, 2, (const uint8_t *)"AB");
	coap_add_option(pdu, COAP_OPTION_URI_PATH, 1, (const uint8_t *)"x");
	/* NUM 0, M 1, SZX 6: 1024 of more bytes */
	coap_add_option(pdu, COAP_OPTION_BLOCK1,
			coap_encode_var_safe(option, sizeof option, 0 << 4 | 1 << 3 | 6), option);
	coap_add_data(pdu, sizeof block, block);
	assert_int_not_equal(coap_send(session, pdu), COAP_INVALID_MID);
	wait = (struct pollfd){ .fd = coaps_server_fd(r.server), .events = POLLIN };
	assert_int_equal(poll(&wait, 1, 30000), 1);
	coaps_server_process(r.server); /* it used to crash here */
	assert_int_equal(r.handled, 0);
	coap_session_release(session);
	coap_free_context(plain);
	coaps_server_free(r.server);
}

static void a_server_that_is_gone_is_told_and_the_next_request_finds_the_new_one(void **state)
{
	struct coaps_credentials server = credentials("server");
	struct coaps_server_config config = { .client_auth = COAPS_AUTH_REQUIRED };
	struct rig r;
	coap_resource_t *resource;
	char err[512];
	int code;

	(void)state;
	begin(&r, "node", NULL);
	post(&r, "hello", 5);
	wait_answer(&r);
	coaps_server_free(r.server);
	r.server = NULL;
	post(&r, "hello", 5);
	wait_answer(&r);
	assert_int_not_equal(r.answer.cause, COAPS_ANSWERED);
	assert_string_equal(r.reason, "nothing listens there");
	config.listen = r.listen;
	config.credentials = server;
	r.server = coaps_server_new(&config, &code, err, sizeof err);
	assert_non_null(r.server);
	resource = coap_resource_init(coap_make_str_const("x"), 0);
	coap_resource_set_userdata(resource, &r);
	coap_register_request_handler(resource, COAP_REQUEST_POST, handle);
	coap_add_resource(coaps_server_context(r.server), resource);
	post(&r, "hello", 5);
	wait_answer(&r);
	assert_int_equal(r.answer.cause, COAPS_ANSWERED);
	stop(&r);
}

static void a_port_in_use_is_an_error_and_named(void **state)
{
	struct coaps_credentials server = credentials("server");
	struct coaps_server_config config = { .client_auth = COAPS_AUTH_REQUIRED };
	struct rig r = { 0 };
	char err[512];
	int code;

	(void)state;
	assert_int_equal(start_server(&r, COAPS_AUTH_REQUIRED, &server), 0);
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
		cmocka_unit_test(right_credentials_are_taken_and_described),
		cmocka_unit_test(each_fault_of_a_credential_is_named),
		cmocka_unit_test(with_an_unset_clock_dates_are_not_looked_at),
		cmocka_unit_test(a_policy_gives_the_suites_that_its_words_mean),
		cmocka_unit_test(a_policy_that_is_unsafe_empty_or_misspelt_is_refused_by_its_word),
		cmocka_unit_test(a_request_carries_the_identity_of_its_certificate),
		cmocka_unit_test(a_server_with_another_name_is_refused_by_name_and_by_address),
		cmocka_unit_test(a_server_of_another_ca_is_refused),
		cmocka_unit_test(a_client_needs_a_certificate_of_the_ca_unless_none_is_asked_for),
		cmocka_unit_test(
			a_deferred_answer_comes_once_and_retransmissions_meanwhile_are_dropped),
		cmocka_unit_test(a_held_request_is_not_sent_again_and_is_answered_by_itself),
		cmocka_unit_test(a_large_body_arrives_whole_and_one_too_large_is_refused),
		cmocka_unit_test(a_first_block_without_size1_does_not_end_the_server),
		cmocka_unit_test(
			a_server_that_is_gone_is_told_and_the_next_request_finds_the_new_one),
		cmocka_unit_test(a_port_in_use_is_an_error_and_named),
	};

	return cmocka_run_group_tests(tests, make_ca, remove_ca);
}
