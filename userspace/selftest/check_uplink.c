// SPDX-License-Identifier: BSD-2-Clause
/*
 * The path to the database: files, names, handshake, and one row to the server and back.
 *
 * The row is a reading without values, of the node's own device, in an epoch that no outbox has:
 * its 64 bits read "selftest". It is numbered on from the last such row, so that it leaves no gap,
 * and noted "selftest". Only an operator may remove rows, so it stays, recognisable.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "time/now.h"
#include "userspace/coaps/coaps_request.h"
#include "userspace/node/node_check.h"
#include "userspace/node/system_facts.h"
#include "userspace/reading/senml.h"

#define EPOCH UINT64_C(0x73656c6674657374) /* "selftest" */
#define EPOCH_TEXT "73656c6674657374"
#define BODY_MAX 32768
#define DEADLINE_MS 20000
#define RENEW_DAYS 30
#define CLOCK_APART_S 60
#define CREATED 0x41 /* 2.01, 2.04, 2.05: RFC 7252 5.9 */
#define CONTENT 0x45
#define NOT_FOUND 0x84

struct selftest_uplink {
	char device[READING_DEVICE_SIZE];
	struct coaps_client *client;
	enum selftest_cause session; /* CAUSE_NONE: /time was answered; else the cause */

	/* the newest answer */
	enum coaps_cause cause;
	char reason[640];
	uint8_t code;
	char body[BODY_MAX + 1];
	size_t size;
};

static struct coaps_credentials credentials(const struct selftest *t)
{
	return (struct coaps_credentials){ .certificate = t->config->server_certificate,
					   .key = t->config->server_key,
					   .ca = t->config->server_ca };
}

enum selftest_cause check_uplink_secured(struct selftest *t)
{
	return t->config->n_servers == 0			   ? CAUSE_NO_SERVER
	       : strncmp(t->config->servers[0], "coap://", 7) == 0 ? CAUSE_PLAIN
								   : CAUSE_NONE;
}

enum selftest_cause check_uplink_credentials(struct selftest *t)
{
	const struct coaps_credentials files = credentials(t);
	struct coaps_certificate_info info = { .not_after_s = 0 };
	int64_t utc_s = node_check_utc_s(t->config), days;
	char err[512];
	int code;

	code = coaps_credentials_check(&files, COAPS_CLIENT, 0, &info, err, sizeof(err));
	if (code != 0) {
		selftest_value(t, "%s", err);
		return code == -ENOENT			   ? CAUSE_MISSING
		       : code == -EACCES || code == -EPERM ? CAUSE_UNREADABLE
							   : CAUSE_UNUSABLE;
	}
	code = coaps_credentials_check(&files, COAPS_CLIENT, utc_s, &info, err, sizeof(err));
	if (code != 0) {
		selftest_value(t, "%s", err);
		return code == -EAGAIN ? CAUSE_NOT_YET_VALID : CAUSE_EXPIRED;
	}
	if (utc_s == 0) {
		selftest_value(t, "the clock is unset: dates are not checked");
		return CAUSE_NONE;
	}
	days = (info.not_after_s - utc_s) / 86400;
	selftest_value(t, "%s, %" PRId64 " days left", info.subject, days);
	return days < RENEW_DAYS ? CAUSE_EXPIRES_SOON : CAUSE_NONE;
}

enum selftest_cause check_uplink_device(struct selftest *t)
{
	const struct coaps_credentials files = credentials(t);
	struct coaps_certificate_info info = { .not_after_s = 0 };
	char device[READING_DEVICE_SIZE], err[512];

	if (node_check_device(t->config, device) != 0) {
		return CAUSE_NAMELESS;
	}
	if (coaps_credentials_check(&files, COAPS_CLIENT, 0, &info, err, sizeof(err)) != 0) {
		return CAUSE_NO_CREDENTIALS;
	}
	if (info.device[0] == '\0') {
		selftest_value(t, "%s names no device; this node is %s", info.subject, device);
		return CAUSE_UNNAMED;
	}
	selftest_value(t, "%s", info.device);
	if (strcmp(info.device, device) != 0) {
		selftest_value(t, ", but this node is %s", device);
		return CAUSE_OTHER_DEVICE;
	}
	return CAUSE_NONE;
}

static void on_answer(void *arg, const struct coaps_response *r)
{
	struct selftest_uplink *u = arg;

	u->cause = r->cause;
	snprintf(u->reason, sizeof(u->reason), "%s", r->reason);
	u->code = r->code;
	u->size = r->payload_size < BODY_MAX ? r->payload_size : BODY_MAX;
	memcpy(u->body, r->payload, u->size);
	u->body[u->size] = '\0';
}

/* true: there is an answer, of any code. */
static bool ask(const struct selftest *t, const struct coaps_request *request)
{
	struct selftest_uplink *u = t->uplink;

	u->cause = COAPS_NO_ANSWER;
	u->reason[0] = u->body[0] = '\0';
	u->size = 0;
	return coaps_request_wait(u->client, request, on_answer, u, t->stop) == 0 &&
	       u->cause == COAPS_ANSWERED;
}

/* Why there is no session. */
static enum selftest_cause session_cause(enum coaps_cause cause)
{
	static const enum selftest_cause causes[] = {
		[COAPS_NO_ANSWER] = CAUSE_NO_ANSWER,
		[COAPS_NO_SUCH_HOST] = CAUSE_NO_SUCH_HOST,
		[COAPS_NO_ROUTE] = CAUSE_NO_ROUTE,
		[COAPS_NOT_LISTENING] = CAUSE_SERVER_DOWN,
		[COAPS_WRONG_NAME] = CAUSE_WRONG_NAME,
		[COAPS_WRONG_CA] = CAUSE_WRONG_CA,
		[COAPS_EXPIRED] = CAUSE_SERVER_EXPIRED,
		[COAPS_NOT_YET_VALID] = CAUSE_SERVER_NOT_YET,
		[COAPS_WE_ARE_REJECTED] = CAUSE_WE_ARE_REFUSED,
	};
	bool known = cause < sizeof(causes) / sizeof(causes[0]) && causes[cause] != CAUSE_NONE;

	return known ? causes[cause] : CAUSE_REFUSED;
}

enum selftest_cause check_uplink_client(struct selftest *t)
{
	struct selftest_uplink *u = t->uplink;
	struct coaps_client_config config = { .server_name = t->config->server_name,
					      .ciphers = t->config->server_ciphers,
					      .ack_timeout_ms = 1000,
					      .deadline_ms = DEADLINE_MS };
	int code = 0;

	if (t->config->n_servers == 0) {
		return CAUSE_NO_SERVER;
	}
	if (u != NULL) {
		return u->client == NULL ? CAUSE_NO_CREDENTIALS : CAUSE_NONE;
	}
	u = t->uplink = calloc(1, sizeof(*u));
	if (u == NULL || node_check_device(t->config, u->device) != 0) {
		return CAUSE_NO_CREDENTIALS;
	}
	config.uri = t->config->servers[0];
	config.credentials = credentials(t);
	u->client = coaps_client_new(&config, &code, u->reason, sizeof(u->reason));
	if (u->client == NULL) {
		return CAUSE_NO_CREDENTIALS;
	}
	u->session = ask(t, &(struct coaps_request){ .method = COAPS_GET,
						     .path = "/time",
						     .content_format = -1,
						     .accept = -1 })
			     ? CAUSE_NONE
			     : session_cause(u->cause);
	return CAUSE_NONE;
}

void check_uplink_close(struct selftest *t)
{
	if (t->uplink != NULL) {
		coaps_client_free(t->uplink->client);
		free(t->uplink);
		t->uplink = NULL;
	}
}

enum selftest_cause check_uplink_session(struct selftest *t)
{
	selftest_value(t, "%s", t->config->servers[0]);
	if (t->uplink->session != CAUSE_NONE) {
		selftest_value(t, ": %s", t->uplink->reason);
	}
	return t->uplink->session;
}

enum selftest_cause check_uplink_connected(struct selftest *t)
{
	enum selftest_cause why = check_uplink_client(t);

	if (why != CAUSE_NONE) {
		return why;
	}
	return t->uplink->session != CAUSE_NONE			? CAUSE_NO_SESSION
	       : t->config->server_format == NODE_FORMAT_LEGACY ? CAUSE_LEGACY
								: CAUSE_NONE;
}

static void show_answer(struct selftest *t)
{
	const struct selftest_uplink *u = t->uplink;

	if (u->cause != COAPS_ANSWERED) {
		selftest_value(t, "%s", u->reason);
	} else {
		selftest_value(t, "%u.%02u %.*s", u->code >> 5, u->code & 31,
			       u->code >= 0x80 ? 200 : 0, u->body);
	}
}

enum selftest_cause check_uplink_time(struct selftest *t)
{
	int64_t before = now_utc_us(), apart_ms;
	char *end;
	long long server_us;

	if (!ask(t, &(struct coaps_request){ .method = COAPS_GET,
					     .path = "/time",
					     .content_format = -1,
					     .accept = -1 }) ||
	    t->uplink->code != CONTENT) {
		show_answer(t);
		return CAUSE_NO_TIME;
	}
	server_us = strtoll(t->uplink->body, &end, 10);
	if (end == t->uplink->body) {
		return CAUSE_NO_TIME;
	}
	apart_ms = ((before + now_utc_us()) / 2 - server_us) / 1000;
	selftest_value(t, "answered in %" PRId64 " ms; the clocks are %" PRId64 " ms apart",
		       (now_utc_us() - before) / 1000, apart_ms);
	return apart_ms > CLOCK_APART_S * 1000 || apart_ms < -CLOCK_APART_S * 1000
		       ? CAUSE_CLOCKS_DIFFER
		       : CAUSE_NONE;
}

/* Whether the server lets us read our own device. The body is /gaps. */
static enum selftest_cause read_gaps(struct selftest *t)
{
	char path[READING_DEVICE_SIZE + 16];
	const struct selftest_uplink *u = t->uplink;

	snprintf(path, sizeof(path), "/gaps/%s", u->device);
	if (!ask(t,
		 &(struct coaps_request){
			 .method = COAPS_GET, .path = path, .content_format = -1, .accept = -1 })) {
		show_answer(t);
		return CAUSE_NO_ANSWER;
	}
	if (u->code == CONTENT || u->code == NOT_FOUND) {
		return CAUSE_NONE;
	}
	show_answer(t);
	return u->code >> 5 == 4 ? CAUSE_NOT_ALLOWED : CAUSE_SERVER_ERROR;
}

enum selftest_cause check_uplink_read(struct selftest *t)
{
	enum selftest_cause why = read_gaps(t);

	if (why == CAUSE_NONE) {
		selftest_value(t, t->uplink->code == NOT_FOUND
					  ? "the server has nothing of this device yet"
					  : "the server knows this device");
	}
	return why;
}

/* One more than the last row of our epoch that the server has. */
static uint64_t next_seq(const struct selftest_uplink *u)
{
	json_t *gaps = json_loadb(u->body, u->size, 0, NULL);
	const json_t *stream;
	uint64_t last = 0;
	size_t i;

	json_array_foreach(json_object_get(gaps, "streams"), i, stream)
	{
		const char *epoch = json_string_value(json_object_get(stream, "epoch"));

		if (epoch != NULL && strcmp(epoch, EPOCH_TEXT) == 0) {
			last = (uint64_t)json_integer_value(json_object_get(stream, "last"));
		}
	}
	json_decref(gaps);
	return last + 1;
}

enum selftest_cause check_uplink_store(struct selftest *t)
{
	enum selftest_cause why = t->round > 0 ? CAUSE_ONCE : read_gaps(t);
	struct selftest_uplink *u = t->uplink;
	struct reading sent, got[1];
	struct senml_error err;
	char path[READING_DEVICE_SIZE + 64], pack[1024];
	int size;

	if (why != CAUSE_NONE) {
		return why;
	}
	reading_init(&sent);
	snprintf(sent.device, sizeof(sent.device), "%s", u->device);
	sent.epoch = EPOCH;
	sent.seq = u->code == CONTENT ? next_seq(u) : 1;
	snprintf(sent.version, sizeof(sent.version), "%s", GEOTHERM_VERSION);
	snprintf(sent.note, sizeof(sent.note), "selftest");
	sent.boot_ns = now_boot_ns();
	if (node_check_utc_s(t->config) > 0) {
		sent.utc_us = now_utc_us();
		sent.time_source = READING_TIME_HOST;
	}
	size = senml_encode(SENML_CBOR, &sent, 1, pack, sizeof(pack), NULL);
	snprintf(path, sizeof(path), "/gpsflowtemp/%s/%s.%" PRIu64, u->device, EPOCH_TEXT,
		 sent.seq);
	if (size < 0 || !ask(t, &(struct coaps_request){ .method = COAPS_PUT,
							 .path = path,
							 .content_format = SENML_CBOR,
							 .accept = -1,
							 .payload = pack,
							 .payload_size = (size_t)size })) {
		show_answer(t);
		return CAUSE_NO_ANSWER;
	}
	if (u->code < CREATED || u->code >= 0x80) {
		show_answer(t);
		return u->code >> 5 == 4 ? CAUSE_NOT_ALLOWED : CAUSE_SERVER_ERROR;
	}
	if (!ask(t, &(struct coaps_request){ .method = COAPS_GET,
					     .path = path,
					     .content_format = -1,
					     .accept = SENML_CBOR })) {
		show_answer(t);
		return CAUSE_NO_ANSWER;
	}
	if (u->code != CONTENT || senml_decode(SENML_CBOR, u->body, u->size, got, 1, &err) != 1 ||
	    !reading_equal(&sent, &got[0])) {
		show_answer(t);
		return CAUSE_NOT_THE_SAME;
	}
	selftest_value(t, "stored and read back as %s.%" PRIu64 ", a row without values",
		       EPOCH_TEXT, sent.seq);
	return CAUSE_NONE;
}
