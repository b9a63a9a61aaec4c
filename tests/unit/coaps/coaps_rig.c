// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "coaps_rig.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char coaps_rig_dir[64];
static char names[16][128];

/* A file of the test's CA; up to 16 at a time. */
const char *coaps_rig_file(const char *name)
{
	static unsigned next;
	char *path = names[next++ % 16];

	snprintf(path, sizeof names[0], "%s/%s", coaps_rig_dir, name);
	return path;
}

struct coaps_credentials coaps_rig_credentials(const char *who)
{
	char cert[32], key[32];

	snprintf(cert, sizeof cert, "%s.pem", who);
	snprintf(key, sizeof key, "%s.key", who);
	return (struct coaps_credentials){ .certificate = coaps_rig_file(cert),
					   .key = coaps_rig_file(key),
					   .ca = coaps_rig_file("ca.pem") };
}

void coaps_rig_run(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof command, format, args);
	va_end(args);
	assert_int_equal(system(command), 0);
}

int coaps_rig_make_ca(void **state)
{
	(void)state;
	snprintf(coaps_rig_dir, sizeof coaps_rig_dir, "%s/coaps-XXXXXX",
		 getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(coaps_rig_dir) == NULL) {
		return -1;
	}
	coaps_rig_run("certs/make-test-ca %s %s", coaps_rig_dir, COAPS_RIG_DEVICE);
	coaps_rig_run("certs/make-test-ca %s/other %s", coaps_rig_dir, COAPS_RIG_DEVICE);
	return 0;
}

int coaps_rig_remove_ca(void **state)
{
	(void)state;
	coaps_rig_run("rm -rf %s", coaps_rig_dir);
	return 0;
}

void coaps_rig_handle(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
		      const coap_string_t *query, coap_pdu_t *response)
{
	struct coaps_rig *r = coap_resource_get_userdata(resource);
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

unsigned coaps_rig_next_port(void)
{
	static unsigned port;

	if (port == 0) {
		port = 11000 + (unsigned)getpid() % 9000;
	}
	return port++;
}

int coaps_rig_start_server(struct coaps_rig *r, enum coaps_client_auth auth,
			   const struct coaps_credentials *own)
{
	struct coaps_server_config config = { .listen = r->listen, .client_auth = auth };
	coap_resource_t *resource;
	char err[512] = "";
	int code = -EADDRINUSE;

	for (int i = 0; i < 20 && code == -EADDRINUSE; i++) {
		unsigned port = coaps_rig_next_port();

		snprintf(r->listen, sizeof r->listen, "127.0.0.1:%u", port);
		snprintf(r->uri, sizeof r->uri, "coaps://127.0.0.1:%u", port);
		config.credentials = *own;
		r->server = coaps_server_new(&config, &code, err, sizeof err);
	}
	if (r->server == NULL) {
		print_message("%s\n", err);
		return code;
	}
	/* For large bodies of this rig's client; geotherm's server has upload.h. */
	coap_context_set_block_mode(coaps_server_context(r->server),
				    COAP_BLOCK_USE_LIBCOAP | COAP_BLOCK_SINGLE_BODY);
	resource = coap_resource_init(coap_make_str_const("x"), 0);
	coap_resource_set_userdata(resource, r);
	coap_register_request_handler(resource, COAP_REQUEST_POST, coaps_rig_handle);
	coap_add_resource(coaps_server_context(r->server), resource);
	return 0;
}

void coaps_rig_start_client(struct coaps_rig *r, const struct coaps_credentials *own,
			    const char *name)
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
	struct coaps_rig *r = arg;

	assert_false(r->answered);
	r->answered = true;
	r->answer = *response;
	snprintf(r->reason, sizeof r->reason, "%s", response->reason);
	snprintf(r->payload, sizeof r->payload, "%.*s", (int)response->payload_size,
		 (const char *)response->payload);
}

void coaps_rig_turn(struct coaps_rig *r)
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

void coaps_rig_post(struct coaps_rig *r, const void *payload, size_t size)
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

void coaps_rig_wait_answer(struct coaps_rig *r)
{
	while (!r->answered) {
		coaps_rig_turn(r);
	}
}

void coaps_rig_stop(struct coaps_rig *r)
{
	coaps_client_free(r->client);
	coaps_server_free(r->server);
}

void coaps_rig_begin(struct coaps_rig *r, const char *who, const char *name)
{
	struct coaps_credentials server = coaps_rig_credentials("server"),
				 client = coaps_rig_credentials(who);

	memset(r, 0, sizeof *r);
	assert_int_equal(coaps_rig_start_server(r, COAPS_AUTH_REQUIRED, &server), 0);
	coaps_rig_start_client(r, &client, name);
}
