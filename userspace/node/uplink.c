// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* epoll_create1(), getrandom() */
#include "uplink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "uplink_own.h"
#include "userspace/daemon/log.h"
#include "userspace/reading/gap_list.h"
#include "userspace/reading/legacy_reading.h"

#define DEFAULT_PATH "/gpsflowtemp"
#define TIME_PATH "/time"

/*
 * A request times out after 1 + 2 + 4 + 8 s, times up to 1.1 (RFC 7252 4.2): a server that was
 * restarted does not know the session, and a new one must exist within 20 s. With 1 datagram in
 * 10 lost each way, 1 request in 800 is given up.
 */
#define ACK_TIMEOUT_MS 1000
#define ACK_SPREAD_PERCENT 10
#define MAX_RETRANSMIT 3

/* An answer to a pack is an acknowledgement of some 100 bytes. */
#define ANSWER_MAX 65536

/* The legacy server loses rows, and aborts, when it has more than one request at a time. */
#define WINDOW_LEGACY 1
/* It stores any time unchecked: readings without time wait this long to be dated. */
#define LEGACY_UNDATED_NS (600 * NS_PER_S)

/* --- open and close ----------------------------------------------------- */

/* The path of the URI, or the default one. */
static void uri_path(const char *uri, char path[256])
{
	const char *host = strstr(uri, "://");
	const char *slash = host != NULL ? strchr(host + 3, '/') : NULL;

	snprintf(path, 256, "%s", slash != NULL && slash[1] != '\0' ? slash : DEFAULT_PATH);
}

static int open_server(struct uplink *u, struct server *server, const char *uri, int64_t utc_s,
		       char *err, size_t err_size)
{
	const struct node_config *c = u->config;
	const struct coaps_client_config client = {
		.uri = uri,
		.credentials = { .certificate = c->server_certificate,
				 .key = c->server_key,
				 .ca = c->server_ca },
		.server_name = c->server_name,
		.ciphers = c->server_ciphers,
		.utc_s = utc_s,
		.ack_timeout_ms = ACK_TIMEOUT_MS,
		.max_retransmit = MAX_RETRANSMIT,
		.ack_spread_percent = ACK_SPREAD_PERCENT,
		.max_answer = ANSWER_MAX,
	};
	struct epoll_event event = { .events = EPOLLIN };
	int code = 0;

	server->uri = uri;
	uri_path(uri, server->path);
	server->client = coaps_client_new(&client, &code, err, err_size);
	if (server->client == NULL) {
		return code;
	}
	if (epoll_ctl(u->epoll, EPOLL_CTL_ADD, coaps_client_fd(server->client), &event) != 0) {
		snprintf(err, err_size, "epoll: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

/* What can be checked before a connection. */
static int check(const struct node_config *c, const char *device, int64_t utc_s,
		 int64_t *not_after_s, char *err, size_t err_size)
{
	const struct coaps_credentials credentials = {
		.certificate = c->server_certificate,
		.key = c->server_key,
		.ca = c->server_ca,
	};
	struct coaps_certificate_info info = { .not_after_s = 0 };
	struct reading reading = { .seq = 1 };
	struct legacy_record record;
	bool secure = false;

	snprintf(reading.device, sizeof(reading.device), "%s", device);
	if (c->server_format == NODE_FORMAT_LEGACY && legacy_from_reading(&reading, &record) != 0) {
		snprintf(
			err, err_size,
			"[server] format = legacy: expected a device that is named by a MAC, not %s",
			device);
		return -EINVAL;
	}
	for (unsigned i = 0; i < c->n_servers; i++) {
		secure |= strncmp(c->servers[i], "coap://", 7) != 0;
	}
	if (secure &&
	    coaps_credentials_check(&credentials, COAPS_CLIENT, utc_s, &info, err, err_size) != 0) {
		return -EKEYREJECTED;
	}
	if (info.device[0] != '\0' && strcmp(device, info.device) != 0) {
		log_warning(
			"%s is for device %s, this node is %s: the server will reject its readings",
			c->server_certificate, info.device, device);
	}
	*not_after_s = info.not_after_s;
	return 0;
}

struct uplink *uplink_open(const struct node_config *config, const char *device, int64_t utc_s,
			   int *code, char *err, size_t err_size)
{
	bool legacy = config->server_format == NODE_FORMAT_LEGACY;
	struct uplink_plan_config plan = {
		.batch = config->server_batch,
		.window = legacy ? WINDOW_LEGACY : COAPS_REQUESTS_MAX,
		.servers = config->n_servers,
		.backoff_max_ms = config->server_retry_max_ms,
	};
	struct uplink *u = calloc(1, sizeof(*u));

	if (u == NULL) {
		snprintf(err, err_size, "out of memory");
		*code = -ENOMEM;
		return NULL;
	}
	u->config = config;
	u->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (u->epoll < 0 || getrandom(&plan.seed, sizeof(plan.seed), 0) < 0) {
		snprintf(err, err_size, "%s", strerror(errno));
		*code = -errno;
		uplink_close(u);
		return NULL;
	}
	snprintf(u->device, sizeof(u->device), "%s", device);
	uplink_plan_init(&u->plan, &plan);
	*code = check(config, device, utc_s, &u->stats.certificate_not_after_s, err, err_size);
	for (unsigned i = 0; i < config->n_servers && *code == 0; i++) {
		*code = open_server(u, &u->servers[i], config->servers[i], utc_s, err, err_size);
		u->stats.servers[u->stats.n_servers++] = config->servers[i];
	}
	if (*code != 0) {
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
	for (unsigned i = 0; i < NODE_SERVERS_MAX; i++) {
		coaps_client_free(u->servers[i].client);
	}
	if (u->epoll >= 0) {
		close(u->epoll);
	}
	free(u);
}

void uplink_set_utc(struct uplink *u, int64_t utc_s)
{
	for (unsigned i = 0; i < u->config->n_servers; i++) {
		coaps_client_set_utc(u->servers[i].client, utc_s);
	}
}

int uplink_fd(const struct uplink *u)
{
	return u->epoll;
}

/* --- answers ------------------------------------------------------------- */

/* Logs the same failure of a server once, until it serves that kind of request. */
static void report_failure(struct uplink *u, const struct request *r, enum kind kind,
			   const char *text)
{
	char *last = r->server->last_logged[kind];

	u->stats.failures++;
	u->stats.last_error_ns = u->now_ns;
	snprintf(u->last_error, sizeof(u->last_error), "%s", text);
	if (strncmp(last, text, sizeof(r->server->last_logged[kind]) - 1) != 0) {
		snprintf(last, sizeof(r->server->last_logged[kind]), "%s", text);
		log_warning("%s", text);
	}
}

void uplink_explain(const struct request *r, const struct coaps_response *answer, char *text,
		    size_t size)
{
	if (answer->cause != COAPS_ANSWERED) {
		snprintf(text, size, "%s: %s", r->server->uri, answer->reason);
	} else {
		snprintf(text, size, "%s answered %d.%02d%s%.*s", r->server->uri, answer->code >> 5,
			 answer->code & 31, answer->payload_size > 0 ? ": " : "",
			 (int)(answer->payload_size < 500 ? answer->payload_size : 500),
			 (const char *)answer->payload);
	}
	for (char *c = text; *c != '\0'; c++) {
		*c = *c < ' ' || *c > '~' ? '?' : *c;
	}
}

void uplink_server_failed(struct uplink *u, const struct request *r, const char *why)
{
	char text[sizeof(u->last_error)];
	const struct server *next = &u->servers[u->plan.server];

	u->serving = NULL;
	r->server->checked = false;
	if (u->plan.not_before_ns <= u->now_ns) {
		snprintf(text, sizeof(text), "%.700s; trying %s", why, next->uri);
	} else {
		snprintf(text, sizeof(text), "%.700s; readings wait in the outbox", why);
	}
	report_failure(u, r, KIND_PACK, text);
}

void uplink_keep_error(struct uplink *u, int rc)
{
	u->rc = u->rc == 0 && rc < 0 && rc != -ENOENT ? rc : u->rc; /* -ENOENT: dropped meanwhile,
								       full */
}

/* n: of them, how many were still in the outbox. */
static void confirmed(struct uplink *u, const struct request *r, int n)
{
	u->stats.sent += (uint64_t)n;
	u->stats.last_sent_ns = u->now_ns;
	r->server->last_logged[KIND_PACK][0] = '\0';
	if (u->serving != r->server) {
		log_notice("%s: readings acknowledged", r->server->uri);
		u->serving = r->server;
	}
}

static void on_pack_answer(struct uplink *u, const struct request *r,
			   const struct coaps_response *answer)
{
	bool is_first = r->attempt.round == u->plan.round;
	char why[800], text[1000];
	int n = answer->code == UPLINK_CODE(2, 4)
			? outbox_confirm(u->outbox, r->epoch, r->first, r->last)
			: 0;

	if (n < 0) {
		uplink_keep_error(u, n);
		uplink_plan_no_record(&u->plan, r->attempt, u->now_ns);
		return;
	}
	uplink_explain(r, answer, why, sizeof(why));
	switch (uplink_plan_answer(&u->plan, r->attempt, answer->code, answer->max_age_s,
				   u->now_ns)) {
	case UPLINK_CONFIRM:
		uplink_note_complete(r, answer, u->now_ns);
		confirmed(u, r, n);
		break;
	case UPLINK_REFUSE:
		n = outbox_refuse(u->outbox, r->epoch, r->first, why);
		if (n < 0 && n != -ENOENT) {
			uplink_keep_error(u, n);
			uplink_plan_no_record(&u->plan, r->attempt, u->now_ns);
			break;
		}
		snprintf(text, sizeof(text), "reading %" PRIu64 " is set aside: %s", r->first, why);
		report_failure(u, r, KIND_PACK, text);
		break;
	case UPLINK_RENUMBER:
		n = outbox_renumber(u->outbox, r->epoch, r->first);
		if (n < 0 && n != -ENOENT) {
			uplink_keep_error(u, n);
			uplink_plan_no_record(&u->plan, r->attempt, u->now_ns);
			break;
		}
		snprintf(
			text, sizeof(text),
			"%s has other readings under the numbers of this outbox (restored or copied?):"
			" sending them again in a new epoch",
			r->server->uri);
		report_failure(u, r, KIND_PACK, text);
		break;
	case UPLINK_HALVE:
		report_failure(u, r, KIND_PACK, why);
		break;
	case UPLINK_KEEP:
		if (is_first) {
			uplink_server_failed(u, r, why);
		}
		break;
	}
}

static void on_time_answer(struct uplink *u, const struct request *r,
			   const struct coaps_response *answer)
{
	uint64_t half_ns = (u->now_ns - r->attempt.at_ns) / 2;
	char text[300], *end;
	long long utc_us;

	u->time_not_before_ns = u->now_ns + RETRY_NS;
	snprintf(text, sizeof(text), "%.*s",
		 answer->payload_size < 64 ? (int)answer->payload_size : 64,
		 (const char *)answer->payload);
	errno = 0;
	utc_us = strtoll(text, &end, 10);
	if (answer->code != UPLINK_CODE(2, 5) || errno != 0 || end == text ||
	    (*end != '\0' && *end != '\n')) {
		snprintf(text, sizeof(text), "%s: GET /time failed (%d.%02d)", r->server->uri,
			 answer->code >> 5, answer->code & 31);
		report_failure(u, r, KIND_TIME, text);
		return;
	}
	r->server->last_logged[KIND_TIME][0] = '\0';
	u->has_time = true;
	*u->time = (struct clock_stamp){
		.boot_ns = u->now_ns,
		.utc_us = utc_us + (int64_t)(half_ns / 1000),
		.source = READING_TIME_SERVER,
		.acc_ns = half_ns,
	};
}

/* What the server has recorded is deleted here. */
bool uplink_is_confirmed(struct uplink *u, const struct request *r,
			 const struct coaps_response *answer)
{
	bool is_first = r->attempt.round == u->plan.round;
	char why[800];

	if (uplink_plan_answer(&u->plan, r->attempt, answer->code, answer->max_age_s, u->now_ns) ==
	    UPLINK_CONFIRM) {
		return true;
	}
	if (is_first) {
		uplink_explain(r, answer, why, sizeof(why));
		uplink_server_failed(u, r, why);
	}
	return false;
}

static void on_gaps_answer(struct uplink *u, const struct request *r,
			   const struct coaps_response *answer)
{
	char why[800];
	int rc = 0;

	if (answer->code >> 5 == 4) { /* an older server: readings go on */
		u->gaps_not_before_ns = u->now_ns + RETRY_NS;
		uplink_explain(r, answer, why, sizeof(why));
		snprintf(why + strlen(why), sizeof(why) - strlen(why),
			 " to POST /gaps: it does not learn which readings are lost");
		report_failure(u, r, KIND_GAPS, why);
		return;
	}
	for (unsigned i = 0; i < u->n_gaps && rc >= 0 && answer->code == UPLINK_CODE(2, 4); i++) {
		rc = outbox_confirm_gap(u->outbox, r->epoch, &u->gaps[i]);
	}
	if (rc < 0) {
		uplink_keep_error(u, rc);
		uplink_plan_no_record(&u->plan, r->attempt, u->now_ns);
		return;
	}
	if (!uplink_is_confirmed(u, r, answer)) {
		return;
	}
	r->server->last_logged[KIND_GAPS][0] = '\0';
	log_notice("%s: %u gaps recorded: these readings are lost", r->server->uri, u->n_gaps);
}

static void on_response(void *arg, const struct coaps_response *answer)
{
	struct request *slot = arg, r = *slot;
	struct uplink *u = r.uplink;
	char why[800];

	slot->kind = KIND_NONE;
	u->in_flight--;
	u->time_pending &= r.kind != KIND_TIME;
	u->gaps_pending &= r.kind != KIND_GAPS;
	u->check_pending &= r.kind != KIND_CHECK;
	if (answer->cause != COAPS_ANSWERED) {
		bool is_first = r.attempt.round == u->plan.round;

		uplink_plan_no_answer(&u->plan, r.attempt, u->now_ns);
		if (is_first) {
			uplink_explain(&r, answer, why, sizeof(why));
			uplink_server_failed(u, &r, why);
		}
	} else if (r.kind == KIND_TIME) {
		on_time_answer(u, &r, answer);
	} else if (r.kind == KIND_GAPS) {
		on_gaps_answer(u, &r, answer);
	} else if (r.kind == KIND_CHECK) {
		uplink_on_check_answer(u, &r, answer);
	} else {
		on_pack_answer(u, &r, answer);
	}
}

/* --- requests ------------------------------------------------------------ */

void uplink_send_request(struct uplink *u, struct request *slot, unsigned n,
			 const struct coaps_request *request)
{
	int rc;

	slot->uplink = u;
	slot->attempt = uplink_plan_sent(&u->plan, n, u->now_ns);
	slot->server = &u->servers[u->plan.server];
	u->in_flight++;
	u->stats.requests++;
	rc = coaps_client_request(slot->server->client, request, on_response, slot);
	if (rc != 0) {
		on_response(slot, &(const struct coaps_response){ .cause = COAPS_NO_MEMORY,
								  .reason = strerror(-rc),
								  .payload = (const uint8_t *)"" });
	}
}

struct request *uplink_free_slot(struct uplink *u)
{
	struct request *r = u->requests;

	while (r->kind != KIND_NONE) { /* a slot is free: the window is not larger */
		r++;
	}
	return r;
}

void uplink_send_get(struct uplink *u, struct request *slot, const char *path)
{
	uplink_send_request(u, slot, 0,
			    &(const struct coaps_request){
				    .method = COAPS_GET,
				    .path = path,
				    .content_format = -1,
				    .accept = -1,
			    });
}

static void send_time_request(struct uplink *u)
{
	struct request *slot = uplink_free_slot(u);

	*slot = (struct request){ .kind = KIND_TIME };
	u->time_pending = true;
	uplink_send_get(u, slot, TIME_PATH);
}

/* The next gaps: 1, 0 if there are none, or an error of the outbox. */
static int send_gaps(struct uplink *u)
{
	struct outbox_stats stats;
	char path[sizeof(u->device) + 8], text[1024];
	struct request *slot;
	int n = outbox_gaps(u->outbox, 1, u->gaps, UPLINK_GAPS_MAX), rc;

	if (n <= 0) {
		return n;
	}
	rc = outbox_stats(u->outbox, &stats);
	if (rc < 0) {
		return rc;
	}
	u->n_gaps = (unsigned)n;
	u->gaps_pending = true;
	slot = uplink_free_slot(u);
	*slot = (struct request){ .kind = KIND_GAPS, .epoch = stats.epoch };
	snprintf(path, sizeof(path), "/gaps/%s", u->device);
	uplink_send_request(u, slot, 0,
			    &(const struct coaps_request){
				    .method = COAPS_POST,
				    .path = path,
				    .content_format = GAP_LIST_FORMAT,
				    .accept = -1,
				    .payload = text,
				    .payload_size = (size_t)uplink_pack_gaps(
					    stats.epoch, u->gaps, u->n_gaps, text, sizeof(text)),
			    });
	return 1;
}

/* The next pack: 1, or 0 if there is nothing to send, or an error of the outbox. */
static int send_pack(struct uplink *u)
{
	const struct outbox_pack *readings = &u->pack.readings;
	struct outbox_range *sent;
	struct request *slot;
	int rc;

	if (u->in_flight == 0) {
		u->sent = (struct outbox_sent){ { 0, 0 }, { 0, 0 } };
	}
	rc = uplink_pack_next(&u->pack, (enum node_format)u->config->server_format, u->outbox,
			      (enum outbox_order)u->config->server_order, &u->sent, u->plan.limit);
	if (rc <= 0) {
		return rc;
	}
	if (u->config->server_format == NODE_FORMAT_LEGACY && !u->pack.dated &&
	    u->now_ns < u->began_ns + LEGACY_UNDATED_NS) {
		return 0;
	}
	slot = uplink_free_slot(u);
	*slot = (struct request){ .kind = KIND_PACK,
				  .epoch = readings->epoch,
				  .first = readings->first,
				  .last = readings->last };
	sent = readings->in_memory ? &u->sent.memory : &u->sent.disk;
	sent->last = sent->last > readings->last ? sent->last : readings->last;
	sent->first = sent->first != 0 && sent->first < readings->first ? sent->first
									: readings->first;
	uplink_send_request(u, slot, readings->n,
			    &(const struct coaps_request){
				    .method = COAPS_POST,
				    .path = u->servers[u->plan.server].path,
				    .content_format = u->pack.content_format,
				    .accept = -1,
				    .payload = u->pack.payload,
				    .payload_size = u->pack.size,
			    });
	return 1;
}

/* Closes an unused session: its server may drop it, and the next request would time out. */
static void close_others(struct uplink *u)
{
	for (unsigned i = 0; i < u->config->n_servers; i++) {
		if (i != u->plan.server &&
		    coaps_client_state(u->servers[i].client) != COAPS_CLOSED) {
			coaps_client_disconnect(u->servers[i].client);
		}
	}
}

/* The next request: 1, or 0 if there is none to send now, or an error of the outbox. */
static int send_next(struct uplink *u, bool needs_time)
{
	bool legacy = u->config->server_format == NODE_FORMAT_LEGACY;
	int rc;

	if (u->in_flight == 0) {
		close_others(u);
	}
	if (needs_time && !legacy && u->now_ns >= u->time_not_before_ns) {
		if (u->in_flight > 0) {
			return 0;
		}
		send_time_request(u);
		return 1;
	}
	if (!legacy && !u->servers[u->plan.server].checked && u->now_ns >= u->check_not_before_ns &&
	    (rc = uplink_send_check(u)) != 0) {
		return rc;
	}
	rc = legacy || u->gaps_pending || u->now_ns < u->gaps_not_before_ns ? 0 : send_gaps(u);
	uplink_keep_error(u, rc);
	rc = rc <= 0 ? send_pack(u) : rc; /* also where gaps cannot be read */
	return rc == 0 && u->plan.server == 0 ? uplink_resend(u) : rc;
}

int uplink_process(struct uplink *u, struct outbox *outbox, bool needs_time, uint64_t now_ns,
		   struct clock_stamp *time)
{
	int rc = 1;

	u->outbox = outbox;
	u->now_ns = now_ns;
	u->time = time;
	u->has_time = false;
	u->rc = 0;
	for (unsigned i = 0; i < u->config->n_servers; i++) {
		coaps_client_process(u->servers[i].client);
	}
	u->began_ns = u->began_ns != 0 ? u->began_ns : now_ns;
	if (u->has_time) { /* before the next pack: waiting readings can now be dated */
		return 1;
	}
	while (u->rc == 0 && rc > 0 && !u->time_pending && !u->check_pending &&
	       uplink_plan_may_send(&u->plan, u->in_flight, now_ns)) {
		rc = send_next(u, needs_time);
		uplink_keep_error(u, rc);
	}
	return u->rc;
}

uint64_t uplink_deadline_ns(const struct uplink *u, uint64_t now_ns)
{
	if (u->in_flight > 0) {
		return UINT64_MAX;
	}
	if (u->plan.not_before_ns > now_ns) {
		return u->plan.not_before_ns;
	}
	return u->missing_at < u->n_missing && u->plan.server == 0 ? u->resend_not_before_ns
								   : UINT64_MAX;
}

void uplink_stats(const struct uplink *u, struct uplink_stats *stats)
{
	static const char *const states[] = {
		[COAPS_CLOSED] = "closed",
		[COAPS_HANDSHAKE] = "connecting",
		[COAPS_ESTABLISHED] = "connected",
	};
	const struct server *server = &u->servers[u->plan.server];

	*stats = u->stats;
	stats->state = states[coaps_client_state(server->client)];
	stats->server = server->uri;
	stats->in_flight = u->in_flight;
	stats->last_error = u->last_error;
	if (u->in_flight == 0 && u->plan.not_before_ns > u->now_ns) {
		stats->state = "waiting";
		stats->retry_ns = u->plan.not_before_ns;
	}
}
