// SPDX-License-Identifier: BSD-2-Clause
#include "uplink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uplink_plan.h"
#include "userspace/coaps/coaps_client.h"
#include "userspace/daemon/log.h"
#include "userspace/reading/senml.h"

#define DEFAULT_PATH "/gpsflowtemp"
#define TIME_PATH "/time"
#define NS_PER_S UINT64_C(1000000000)

/* A body of this size goes in 32 blocks; more would only lose more when one is lost for good. */
#define BODY_MAX 32768

/* A server that does not tell the time is asked again after this. */
#define TIME_RETRY_NS (600 * NS_PER_S)

/*
 * A request is given up after 1.5 + 3 + 6 s, times up to 1.5 (RFC 7252 4.2): a server that was
 * restarted does not know the session, and a new one is to be there within 20 s.
 */
#define ACK_TIMEOUT_MS 1500
#define MAX_RETRANSMIT 2

enum request { REQUEST_NONE, REQUEST_TIME, REQUEST_PACK };

struct uplink {
	const struct node_config *config;
	char path[256];
	struct coaps_client *client;
	struct uplink_plan plan;
	struct reading *readings;	/* config->server_batch of them */
	uint8_t *body;		/* BODY_MAX */

	enum request pending;
	uint64_t asked_ns;
	uint64_t time_not_before_ns;
	uint64_t pack_epoch, pack_first, pack_last;
	unsigned pack_n;

	bool answered;		/* the pending request has come to an end: the following are set */
	enum coaps_failure failure;
	unsigned code;
	int64_t max_age_s;
	char words[640];	/* the diagnostic, the reason of a failure, or the time */

	struct uplink_stats stats;
	char last_error[900];
};

/* --- open and close ----------------------------------------------------- */

/* The path of the URI, or the default one. */
static void take_path(const char *uri, char path[256])
{
	const char *host = strstr(uri, "://");
	const char *slash = host != NULL ? strchr(host + 3, '/') : NULL;

	snprintf(path, 256, "%s", slash != NULL && slash[1] != '\0' ? slash : DEFAULT_PATH);
}

struct uplink *uplink_open(const struct node_config *config, uint64_t seed, int64_t utc_s,
			   int *code, char *err, size_t err_size)
{
	const struct coaps_client_config client = {
		.uri = config->server_uri,
		.credentials = { .certificate = config->server_certificate, .key = config->server_key,
				 .ca = config->server_ca },
		.server_name = config->server_name, .ciphers = config->server_ciphers,
		.ack_timeout_ms = ACK_TIMEOUT_MS, .max_retransmit = MAX_RETRANSMIT,
	};
	struct coaps_certificate_info info = { .not_after_s = 0 };
	struct uplink *u;

	if (strncmp(config->server_uri, "coap://", 7) == 0) {
		log_warning("%s: nothing is protected on the way, and nobody knows who sends", config->server_uri);
	} else if (coaps_credentials_check(&client.credentials, COAPS_CLIENT, utc_s, &info, err,
					   err_size) != 0) {
		*code = -EKEYREJECTED;
		return NULL;
	}
	if (config->device != NULL && info.device[0] != '\0' &&
	    strcmp(config->device, info.device) != 0) {
		log_warning("%s names the device %s, this node is %s: a server that checks will refuse its readings",
			    config->server_certificate, info.device, config->device);
	}
	u = calloc(1, sizeof(*u));
	if (u != NULL) {
		u->readings = malloc(config->server_batch * sizeof(*u->readings));
		u->body = malloc(BODY_MAX);
	}
	if (u == NULL || u->readings == NULL || u->body == NULL) {
		snprintf(err, err_size, "out of memory");
		*code = -ENOMEM;
		uplink_close(u);
		return NULL;
	}
	u->config = config;
	u->stats.certificate_not_after_s = info.not_after_s;
	take_path(config->server_uri, u->path);
	uplink_plan_init(&u->plan, config->server_batch, config->server_retry_max_ms, seed);
	u->client = coaps_client_new(&client, code, err, err_size);
	if (u->client == NULL) {
		uplink_close(u);
		return NULL;
	}
	return u;
}

void uplink_close(struct uplink *u)
{
	if (u == NULL) {
		return;
	}
	coaps_client_free(u->client);
	free(u->readings);
	free(u->body);
	free(u);
}

int uplink_fd(const struct uplink *u)
{
	return coaps_client_fd(u->client);
}

/* --- requests ------------------------------------------------------------ */

static void on_response(void *arg, const struct coaps_response *response)
{
	struct uplink *u = arg;

	u->answered = true;
	u->failure = response->failure;
	u->code = response->code;
	u->max_age_s = response->max_age_s;
	if (response->failure != COAPS_ANSWERED) {
		snprintf(u->words, sizeof(u->words), "%s", response->reason);
	} else {
		snprintf(u->words, sizeof(u->words), "%.*s",
			 (int)(response->payload_size < sizeof(u->words) ? response->payload_size
									 : sizeof(u->words) - 1),
			 (const char *)response->payload);
	}
}

static int ask(struct uplink *u, enum request kind, const struct coaps_request *request,
	       uint64_t now_ns)
{
	int rc;

	u->answered = false;
	u->pending = kind;	/* before: the callback may come from in there */
	u->asked_ns = now_ns;
	u->stats.requests++;
	rc = coaps_client_request(u->client, request, on_response, u);
	if (rc != 0) {
		u->answered = true;
		u->failure = COAPS_NO_ANSWER;
		snprintf(u->words, sizeof(u->words), "cannot be asked: %s", strerror(-rc));
	}
	return rc;
}

static void ask_time(struct uplink *u, uint64_t now_ns)
{
	const struct coaps_request request = {
		.method = COAPS_GET, .path = TIME_PATH, .content_format = -1, .accept = -1,
	};

	ask(u, REQUEST_TIME, &request, now_ns);
}

/* Sends the next pack: 1, 0 if there is nothing to send, or an error of the outbox. */
static int send_pack(struct uplink *u, struct outbox *outbox, uint64_t now_ns)
{
	size_t n;
	int found = outbox_peek(outbox, (enum outbox_order)u->config->server_order, u->readings,
				u->plan.limit);
	int size;

	if (found <= 0) {
		return found;
	}
	size = senml_encode(SENML_CBOR, u->readings, (size_t)found, u->body, BODY_MAX, &n);
	if (size < 0) {	/* it could be encoded when it was put: its like is damaged */
		int rc = outbox_refuse(outbox, u->readings[0].epoch, u->readings[0].seq, "cannot be encoded");

		return rc < 0 ? rc : 1;
	}
	u->pack_n = (unsigned)n;
	u->pack_epoch = u->readings[0].epoch;
	u->pack_first = u->readings[0].seq;
	u->pack_last = u->readings[n - 1].seq;
	if (u->pack_first > u->pack_last) {	/* newest first */
		u->pack_first = u->readings[n - 1].seq;
		u->pack_last = u->readings[0].seq;
	}
	ask(u, REQUEST_PACK, &(const struct coaps_request){
		.method = COAPS_POST, .path = u->path, .content_format = SENML_CBOR, .accept = -1,
		.payload = u->body, .payload_size = (size_t)size,
	}, now_ns);
	return 1;
}

/* --- answers ------------------------------------------------------------- */

/* The same trouble is told once, until something else happens. */
static void trouble(struct uplink *u, uint64_t now_ns, const char *text)
{
	bool told = strcmp(u->last_error, text) == 0 &&
		    u->stats.last_sent_ns <= u->stats.last_error_ns;

	u->stats.failures++;
	u->stats.last_error_ns = now_ns;
	if (!told) {
		snprintf(u->last_error, sizeof(u->last_error), "%s", text);
		log_warning("%s", text);
	}
}

static void explain(const struct uplink *u, char *text, size_t size)
{
	if (u->failure != COAPS_ANSWERED) {
		snprintf(text, size, "%s: %s; readings wait in the outbox", u->config->server_uri, u->words);
	} else {
		snprintf(text, size, "%s answers %u.%02u%s%s", u->config->server_uri, u->code >> 5, u->code & 31,
			 u->words[0] != '\0' ? ": " : "", u->words);
	}
}

static int take_pack_answer(struct uplink *u, struct outbox *outbox, uint64_t now_ns)
{
	char text[900];
	int rc = 0;

	switch (uplink_plan_answer(&u->plan, u->code, u->max_age_s, u->pack_n, now_ns)) {
	case UPLINK_CONFIRM:
		rc = outbox_confirm(outbox, u->pack_epoch, u->pack_first, u->pack_last);
		u->stats.sent += rc > 0 ? (uint64_t)rc : 0;
		if (u->stats.last_sent_ns == 0 || u->stats.last_sent_ns <= u->stats.last_error_ns) {
			log_notice("%s stores the readings", u->config->server_uri);
		}
		u->stats.last_sent_ns = now_ns;
		return rc < 0 ? rc : 0;
	case UPLINK_REFUSE:
		explain(u, text, sizeof(text));
		rc = outbox_refuse(outbox, u->pack_epoch, u->pack_first, text);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "; reading %" PRIu64 " is set aside",
			 u->pack_first);
		break;
	case UPLINK_HALVE:
	case UPLINK_KEEP:
		explain(u, text, sizeof(text));
		break;
	}
	trouble(u, now_ns, text);
	return rc == -ENOENT ? 0 : rc;	/* dropped meanwhile: the outbox was full */
}

/* 1 and *time, or 0. */
static int take_time_answer(struct uplink *u, uint64_t now_ns, struct clock_stamp *time)
{
	uint64_t half_ns = (now_ns - u->asked_ns) / 2;
	char text[900], *end;
	long long utc_us;

	errno = 0;
	utc_us = strtoll(u->words, &end, 10);
	if (u->code != UPLINK_CODE(2, 5) || errno != 0 || end == u->words ||
	    (*end != '\0' && *end != '\n')) {
		u->time_not_before_ns = now_ns + TIME_RETRY_NS;
		snprintf(text, sizeof(text), "%s tells no time (%u.%02u)", u->config->server_uri, u->code >> 5,
			 u->code & 31);
		trouble(u, now_ns, text);
		return 0;
	}
	*time = (struct clock_stamp){
		.boot_ns = now_ns,
		.utc_us = utc_us + (int64_t)(half_ns / 1000),
		.source = READING_TIME_SERVER,
		.acc_ns = half_ns,
	};
	u->time_not_before_ns = now_ns + TIME_RETRY_NS;
	return 1;
}

int uplink_process(struct uplink *u, struct outbox *outbox, bool needs_time, uint64_t now_ns,
		   struct clock_stamp *time)
{
	int rc = 0;

	coaps_client_process(u->client);
	if (u->answered) {
		enum request was = u->pending;

		u->pending = REQUEST_NONE;
		u->answered = false;
		if (u->failure != COAPS_ANSWERED) {
			char text[900];

			explain(u, text, sizeof(text));
			trouble(u, now_ns, text);
			uplink_plan_no_answer(&u->plan, now_ns);
		} else if (was == REQUEST_PACK) {
			rc = take_pack_answer(u, outbox, now_ns);
		} else if (was == REQUEST_TIME) {
			/* Before the next pack: what waits can now be dated. */
			return take_time_answer(u, now_ns, time);
		}
	}
	if (rc < 0 || u->pending != REQUEST_NONE || !uplink_plan_may_send(&u->plan, now_ns)) {
		return rc;
	}
	if (needs_time && now_ns >= u->time_not_before_ns) {
		ask_time(u, now_ns);
		return 0;
	}
	rc = send_pack(u, outbox, now_ns);
	return rc < 0 ? rc : 0;
}

uint64_t uplink_deadline_ns(const struct uplink *u, uint64_t now_ns)
{
	if (u->answered) {
		return now_ns;
	}
	return u->pending == REQUEST_NONE && u->plan.not_before_ns > now_ns ? u->plan.not_before_ns
									    : UINT64_MAX;
}

void uplink_stats(const struct uplink *u, struct uplink_stats *stats)
{
	static const char *const states[] = {
		[COAPS_CLOSED] = "closed", [COAPS_HANDSHAKE] = "connecting", [COAPS_ESTABLISHED] = "connected",
	};

	*stats = u->stats;
	stats->state = states[coaps_client_state(u->client)];
	stats->server = stats->servers[0] = u->config->server_uri;
	stats->n_servers = 1;
	stats->in_flight = u->pending != REQUEST_NONE;
	if (u->pending == REQUEST_NONE && u->plan.backoff_ms != 0) {
		stats->state = "waiting";
		stats->retry_ns = u->plan.not_before_ns;
	}
	stats->last_error = u->last_error;
}
