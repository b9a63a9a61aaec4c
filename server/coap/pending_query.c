// SPDX-License-Identifier: BSD-2-Clause
#include "pending_query.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/coaps/coaps_identity.h"
#include "request.h"
#include "server/store/hash.h"
#include "userspace/daemon/log.h"

#define DOWN_MAX_AGE_S 5
#define PER_PEER 32 /* requests; observers' reads are bounded by the number of observers */

struct pending_query {
	struct query query; /* first: the job is the pending query */
	struct pending_queries *of;
	struct pending_query *next; /* in `of` */
	char peer[COAPS_PEER_SIZE];
	bool running; /* the thread has it */
	struct blockwise_request request; /* not of an observer's read */
	bool observe;
	struct store_device *settings; /* of a PUT; freed with this */
	struct observer *observer; /* not NULL: to notify it */
};

static void pending_query_free(struct pending_query *p)
{
	free(p->settings);
	free(p);
}

static int content_format_of(const struct query *query)
{
	return query->kind == QUERY_GAPS || query->kind == QUERY_DEVICE ? REQUEST_FORMAT_JSON
									: query->format;
}

/* --- answers -------------------------------------------------------------- */

/* An answer without a representation. */
struct reply {
	coap_pdu_code_t code; /* 0: there is a representation */
	int max_age_s;
	const char *text;
};

/* Of a query that failed. */
static struct reply error_reply(const struct query *query)
{
	switch (query->result) {
	case STORE_DOWN:
	case STORE_BUSY:
		return (struct reply){ COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE, DOWN_MAX_AGE_S,
				       "the store is not available" };
	case -EEXIST:
		return (struct reply){ COAP_RESPONSE_CODE_PRECONDITION_FAILED, -1,
				       "the settings do not match If-Match or If-None-Match" };
	case -E2BIG:
		return (struct reply){ COAP_RESPONSE_CODE_BAD_REQUEST, -1,
				       "too many readings for one answer" };
	default:
		log_error("query of device=%s failed: %s", query->device, query->why);
		return (struct reply){ COAP_RESPONSE_CODE_INTERNAL_ERROR, -1, query->why };
	}
}

static struct reply reply_of(const struct query *query)
{
	if (query->result < 0) {
		return error_reply(query);
	}
	if (query->result == 0 && query->kind != QUERY_NEWEST && query->kind != QUERY_TRACK) {
		return (struct reply){ COAP_RESPONSE_CODE_NOT_FOUND, -1,
				       "no such device or reading" };
	}
	switch (query->kind) {
	case QUERY_SET_DEVICE:
		return (struct reply){ COAP_RESPONSE_CODE_CHANGED, -1, "" };
	case QUERY_FORGET:
		if (!query->expiry.done) {
			return (struct reply){ COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE,
					       DOWN_MAX_AGE_S,
					       "not all is removed yet: send the request again" };
		}
		return (struct reply){ COAP_RESPONSE_CODE_DELETED, -1, "" };
	case QUERY_REMOVE:
		return (struct reply){ COAP_RESPONSE_CODE_DELETED, -1, "" };
	default:
		return (struct reply){ 0 };
	}
}

/* Logs an operator's change. */
static void log_change(const struct pending_query *p)
{
	const struct query *query = &p->query;

	if (query->kind == QUERY_SET_DEVICE) {
		log_notice("settings of device=%s changed, label=%s", query->device,
			   p->settings->label);
	} else if (query->kind == QUERY_FORGET) {
		log_notice("removed all readings of device=%s", query->device);
	} else {
		log_notice("removed device=%s epoch=%016" PRIx64 " seq=%" PRIu64, query->device,
			   query->epoch, query->seq);
	}
}

static void on_observer_query_done(struct pending_query *p)
{
	struct pending_queries *of = p->of;

	if (p->query.result >= 0) {
		observers_notify(&of->observers, p->observer, &of->bodies,
				 content_format_of(&p->query), p->query.body, p->query.body_size);
	} else {
		observers_read_failed(&of->observers, p->observer);
	}
	pending_query_free(p);
}

/* Frees p. */
static void answer(struct pending_query *p)
{
	const struct query *query = &p->query;
	struct reply reply;

	if (p->observer != NULL) {
		on_observer_query_done(p);
		return;
	}
	reply = reply_of(query);
	if (reply.code != 0) {
		blockwise_reply(&p->request, reply.code, reply.max_age_s, reply.text);
		if (reply.code == COAP_RESPONSE_CODE_CHANGED ||
		    reply.code == COAP_RESPONSE_CODE_DELETED) {
			log_change(p);
		}
		if (reply.code == COAP_RESPONSE_CODE_DELETED) {
			observers_mark_changed(&p->of->observers, query->device);
		}
		free(query->body);
	} else {
		if (p->observe) {
			observers_add(&p->of->observers, &p->request, query,
				      hash_etag(query->body, query->body_size));
		}
		blockwise_answer(&p->of->bodies, &p->request, content_format_of(query), query->body,
				 query->body_size);
	}
	pending_query_free(p);
}

/* --- fairness -------------------------------------------------------------- */

/* A peer has one query in the thread at a time, so that its queue has the peers in turn. */
static void start_next(struct pending_queries *of, const char *peer)
{
	struct pending_query **at = &of->first, *p;

	while ((p = *at) != NULL) {
		if (p->running || strcmp(p->peer, peer) != 0) {
			at = &p->next;
		} else if (queries_submit(of->queries, &p->query) == 0) {
			p->running = true;
			return;
		} else {
			*at = p->next;
			p->query.result = STORE_BUSY;
			answer(p);
		}
	}
}

static void on_query_done(struct job *job)
{
	struct pending_query *p = (struct pending_query *)job, **at = &p->of->first;
	struct pending_queries *of = p->of;
	char peer[COAPS_PEER_SIZE];

	/* One chunk is removed; queries of others run between two chunks. */
	if (p->query.kind == QUERY_FORGET && p->query.result >= 0 && !p->query.expiry.done &&
	    queries_submit(of->queries, &p->query) == 0) {
		return;
	}
	while (*at != p) {
		at = &(*at)->next;
	}
	*at = p->next;
	memcpy(peer, p->peer, sizeof(peer));
	answer(p);
	start_next(of, peer);
}

/* 0; -EAGAIN: too many wait, of this peer or of all. */
static int enqueue(struct pending_query *p, coap_session_t *session)
{
	struct pending_query **at;
	bool running = false;
	unsigned n = 0;

	coaps_peer_of(session, p->peer);
	for (at = &p->of->first; *at != NULL; at = &(*at)->next) {
		if (strcmp((*at)->peer, p->peer) == 0) {
			running = running || (*at)->running;
			n += (*at)->observer == NULL;
		}
	}
	if ((p->observer == NULL && n >= PER_PEER) ||
	    (!running && queries_submit(p->of->queries, &p->query) < 0)) {
		return -EAGAIN;
	}
	p->running = !running;
	*at = p;
	return 0;
}

/* --- submitting ----------------------------------------------------------- */

static struct pending_query *pending_query_new(struct pending_queries *of,
					       const struct query *query)
{
	struct pending_query *p = calloc(1, sizeof(*p));

	if (p != NULL) {
		p->of = of;
		p->query = *query;
		p->query.job.done = on_query_done;
	}
	return p;
}

/* The observers' read(). */
static int read_for_observer(void *arg, struct observer *o)
{
	struct pending_query *p = pending_query_new(arg, &o->query);

	if (p == NULL) {
		return -ENOMEM;
	}
	p->observer = o;
	if (enqueue(p, o->request.session) < 0) {
		pending_query_free(p);
		return -EAGAIN;
	}
	return 0;
}

/* Identifies a representation, for the blocks of one. */
static void key_of(const struct query *q, char *key, size_t size)
{
	snprintf(key, size,
		 "%d %s %016" PRIx64 " %" PRIu64 " %d %" PRId64 " %" PRId64 " %u %d %d%d%d%d%d"
		 "%" PRIx64,
		 q->kind, q->device, q->epoch, q->seq, q->track.from_known, q->track.from_us,
		 q->track.to_us, q->track.limit, q->format, q->fields.some, q->fields.temperatures,
		 q->fields.host, q->fields.version, q->fields.note, q->fields.scalars);
}

static void refuse_busy(coap_pdu_t *response)
{
	request_refuse(response, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE, DOWN_MAX_AGE_S,
		       "out of memory");
}

static bool is_change(const struct query *query)
{
	return query->kind == QUERY_SET_DEVICE || query->kind == QUERY_REMOVE ||
	       query->kind == QUERY_FORGET;
}

void pending_query_submit(struct pending_queries *of, const struct query *query,
			  struct store_device *settings, coap_session_t *session,
			  const coap_pdu_t *request, coap_pdu_t *response)
{
	struct pending_query *p = pending_query_new(of, query);
	char key[BLOCKWISE_KEY_SIZE];
	int rc;

	if (p == NULL) {
		free(settings);
		refuse_busy(response);
		return;
	}
	p->settings = p->query.settings = settings;
	if (query->kind == QUERY_NEWEST || query->kind == QUERY_TRACK) {
		int observe = request_number(request, COAP_OPTION_OBSERVE);

		p->observe = observe == COAP_OBSERVE_ESTABLISH;
		if (observe >= 0) {
			observers_forget(&of->observers, session, coap_pdu_get_token(request));
		}
	}
	key_of(query, key, sizeof(key));
	rc = blockwise_open(
		&of->bodies, &p->request, session, request, response,
		&(struct blockwise_how){ .key = key, .defer = is_change(query) ? COAPS_ONCE : 0 });
	if (rc != 0) {
		pending_query_free(p);
		if (rc == -ENOMEM) {
			refuse_busy(response);
		} else if (rc < 0) {
			request_refuse(response, COAP_RESPONSE_CODE_BAD_REQUEST, -1,
				       "the Block2 option is invalid");
		}
		return;
	}
	if (enqueue(p, session) < 0) {
		of->refused++;
		blockwise_reply(&p->request, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE, DOWN_MAX_AGE_S,
				"too many requests wait for the store");
		pending_query_free(p);
	}
}

void pending_queries_init(struct pending_queries *p, struct queries *queries, bool shared)
{
	*p = (struct pending_queries){
		.queries = queries,
		.observers = { .read = read_for_observer,
			       .arg = p,
			       .queries = shared ? queries : NULL },
	};
}

void pending_queries_free(struct pending_queries *p)
{
	observers_free(&p->observers);
	transfers_free(&p->bodies);
}
