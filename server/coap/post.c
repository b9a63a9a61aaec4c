// SPDX-License-Identifier: BSD-2-Clause
#include "post.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authorise.h"
#include "request.h"
#include "time/now.h"
#include "userspace/coaps/coaps_answer.h"
#include "userspace/coaps/coaps_identity.h"
#include "userspace/daemon/log.h"
#include "userspace/reading/gap_list.h"
#include "userspace/reading/legacy_reading.h"
#include "userspace/reading/senml.h"

#define DOWN_MAX_AGE_S 5 /* longer than the writer's back-off */
#define BUSY_MAX_AGE_S 2
#define ANSWER_SIZE 1024

struct pending_post {
	struct ingest_job ingest; /* first: the job is the pending post */
	struct post *post;
	struct coaps_deferred *deferred;
	struct ingest_gaps *gaps; /* of ingest */
	int format; /* SENML_CBOR, SENML_JSON, or 0: the legacy client's text */
	bool if_none_match; /* of a PUT */
};

static void pending_post_free(struct pending_post *w)
{
	free(w->ingest.acks);
	free(w->ingest.readings);
	free(w->gaps);
	free(w);
}

/* --- the answer ----------------------------------------------------------- */

/* As many acknowledgements as fit; a stream that is not named is only not yet known to be complete.
 */
static size_t encode_acks(const struct pending_post *w, uint8_t *out, size_t size)
{
	for (size_t n = w->ingest.n_acks; n > 0 && w->format != 0; n /= 2) {
		int rc = senml_encode_acks((enum senml_format)w->format, w->ingest.acks, n, out,
					   size);

		if (rc >= 0) {
			return (size_t)rc;
		}
	}
	return 0;
}

static void on_committed(struct job *job)
{
	struct pending_post *w = (struct pending_post *)job;
	uint8_t body[ANSWER_SIZE];
	struct coaps_reply reply = { .content_format = -1, .max_age_s = -1, .payload = body };

	if (w->ingest.conflict != NULL && w->format != 0) { /* to the legacy client all is well */
		snprintf(w->ingest.why, sizeof(w->ingest.why),
			 "%016" PRIx64 ".%" PRIu64 ": the number is taken by another reading",
			 w->ingest.conflict->epoch, w->ingest.conflict->seq);
		reply.code = COAP_RESPONSE_CODE_CONFLICT;
		reply.payload = w->ingest.why;
		reply.payload_size = strlen(w->ingest.why);
	} else if (w->ingest.result == 0 && w->if_none_match) {
		static const char text[] = "the reading is there already";

		reply.code = COAP_RESPONSE_CODE_PRECONDITION_FAILED;
		reply.payload = text;
		reply.payload_size = sizeof(text) - 1;
	} else if (w->ingest.result >= 0) {
		reply.code = COAP_RESPONSE_CODE_CHANGED;
		reply.payload_size = encode_acks(w, body, sizeof(body));
		reply.content_format = reply.payload_size > 0 ? w->format : -1;
	} else if (w->ingest.result == STORE_REFUSED) {
		reply.code = COAP_RESPONSE_CODE_BAD_REQUEST;
		reply.payload = w->ingest.why;
		reply.payload_size = strlen(w->ingest.why);
		log_warning("refused by the database: device=%s: %s",
			    w->gaps != NULL ? w->gaps->device : w->ingest.readings[0].device,
			    w->ingest.why);
	} else {
		static const char text[] = "the store is not available; keep the readings";

		reply.code = COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE;
		reply.max_age_s = DOWN_MAX_AGE_S;
		reply.payload = text;
		reply.payload_size = sizeof(text) - 1;
	}
	log_debug("answered %u.%02u device=%s readings=%zu new=%d", (unsigned)reply.code >> 5,
		  (unsigned)reply.code & 31,
		  w->gaps != NULL ? w->gaps->device : w->ingest.readings[0].device, w->ingest.n,
		  w->ingest.result);
	coaps_answer(w->deferred, &reply);
	for (size_t i = 0; w->ingest.result > 0 && i < w->ingest.n; i++) {
		const char *device = w->ingest.readings[i].device;

		if (i == 0 || strcmp(device, w->ingest.readings[i - 1].device) != 0) {
			observers_mark_changed(w->post->observers, device);
		}
	}
	pending_post_free(w);
}

/* --- the body ------------------------------------------------------------- */

static int decode_legacy(struct post *p, const uint8_t *data, size_t size, coap_pdu_t *response)
{
	struct legacy_record record;
	struct legacy_error error;

	if (legacy_text_parse((const char *)data, size, &record, &error) < 0) {
		request_refuse(response, COAP_RESPONSE_CODE_BAD_REQUEST, -1,
			       "byte %zu, %s: expected %s", error.byte, error.field,
			       error.expected);
		return -EBADMSG;
	}
	legacy_to_reading(&record, now_utc_us(), &p->scratch[0]);
	return 1;
}

/* How many readings are in p->scratch, or negative: then the response is the error. */
static int decode(struct post *p, int format, const uint8_t *data, size_t size,
		  coap_pdu_t *response)
{
	struct senml_error error;
	int n;

	if (format == 0) {
		return decode_legacy(p, data, size, response);
	}
	n = senml_decode((enum senml_format)format, data, size, p->scratch, POST_READINGS_MAX,
			 &error);
	if (n < 0) {
		request_refuse(response,
			       n == -ENOMEM  ? COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE
			       : n == -E2BIG ? COAP_RESPONSE_CODE_REQUEST_TOO_LARGE
					     : COAP_RESPONSE_CODE_BAD_REQUEST,
			       n == -ENOMEM ? BUSY_MAX_AGE_S : -1, "%s", error.text);
	}
	return n;
}

static void refuse_writer(const struct coaps_identity *who, const char *device,
			  coap_pdu_t *response)
{
	request_refuse(response, COAP_RESPONSE_CODE_FORBIDDEN, -1,
		       "the certificate%s names %s, which may not write for %s",
		       who->revoked ? " (revoked)" : "",
		       who->name[0] != '\0' ? who->name : "no device", device);
}

/* Each reading is of a device that the peer may write, with a number that the store can hold. */
static bool is_permitted(const struct post *p, coap_session_t *session, int format, size_t n,
			 coap_pdu_t *response)
{
	struct coaps_identity who;

	coaps_identity_of(session, &who);
	for (size_t i = 0; i < n; i++) {
		const struct reading *r = &p->scratch[i];

		if (!authorise(p->client_auth, &who,
			       format == 0 ? AUTHORISE_WRITE_LEGACY : AUTHORISE_WRITE, r->device)) {
			refuse_writer(&who, r->device, response);
			return false;
		}
		if (r->seq > INT64_MAX) {
			request_refuse(response, COAP_RESPONSE_CODE_BAD_REQUEST, -1,
				       "reading %zu: seq %" PRIu64 " is above %" PRId64, i, r->seq,
				       INT64_MAX);
			return false;
		}
	}
	return true;
}

/* The body of a PUT is the reading that its path names. */
static bool is_named_reading(const struct post *p, const struct post_key *key, size_t n,
			     coap_pdu_t *response)
{
	const struct reading *r = &p->scratch[0];

	if (key == NULL || (n == 1 && r->epoch == key->epoch && r->seq == key->seq &&
			    strcmp(r->device, key->device) == 0)) {
		return true;
	}
	request_refuse(response, COAP_RESPONSE_CODE_BAD_REQUEST, -1,
		       "expected one reading, %s %016" PRIx64 ".%" PRIu64, key->device, key->epoch,
		       key->seq);
	return false;
}

static struct pending_post *pending_post_new(const struct post *p, size_t n, int format)
{
	struct pending_post *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		return NULL;
	}
	w->format = format;
	w->ingest.job.done = on_committed;
	w->ingest.n = n;
	w->ingest.received_us = now_utc_us();
	w->ingest.readings = malloc(n * sizeof(struct reading));
	w->ingest.acks = malloc(n * sizeof(struct reading_ack));
	if (w->ingest.readings == NULL || w->ingest.acks == NULL) {
		pending_post_free(w);
		return NULL;
	}
	memcpy(w->ingest.readings, p->scratch, n * sizeof(struct reading));
	return w;
}

static const char queue_full[] = "the queue to the store is full; keep the readings";

static void refuse_busy(coap_pdu_t *response)
{
	request_refuse(response, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE, BUSY_MAX_AGE_S, "%s",
		       queue_full);
}

/* Takes w: the answer follows the commit, or was already sent. */
static void wait_for_commit(struct post *p, struct pending_post *w, coap_session_t *session,
			    const coap_pdu_t *request, const struct upload_body *body,
			    coap_pdu_t *response)
{
	/* SenML has a key; the legacy text has its time, or none, and its client knows no separate
	 * answer. A body in blocks is not kept for a repeated last block. */
	unsigned how = (w->format == 0 ? COAPS_ONCE | COAPS_PIGGYBACK : 0) |
		       (body->owned != NULL ? COAPS_ONCE : 0);

	w->post = p;
	switch (coaps_defer(session, request, response, how, &w->deferred)) {
	case 0:
		break;
	case -EALREADY:
		pending_post_free(w);
		return;
	default:
		pending_post_free(w);
		refuse_busy(response);
		return;
	}
	if (ingest_submit(p->ingest, &w->ingest) < 0) {
		coaps_answer(w->deferred, &(struct coaps_reply){
						  .code = COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE,
						  .content_format = -1,
						  .max_age_s = BUSY_MAX_AGE_S,
						  .payload = queue_full,
						  .payload_size = sizeof(queue_full) - 1,
					  });
		pending_post_free(w);
	}
}

void post_readings(struct post *p, const struct post_key *key, coap_session_t *session,
		   const coap_pdu_t *request, const struct upload_body *body, coap_pdu_t *response)
{
	int format = request_number(request, COAP_OPTION_CONTENT_FORMAT), n;
	coap_opt_iterator_t at;
	struct pending_post *w;

	if (format == -1) {
		format = 0;
	}
	if (format != SENML_CBOR && format != SENML_JSON && format != 0) {
		request_refuse(
			response, COAP_RESPONSE_CODE_UNSUPPORTED_CONTENT_FORMAT, -1,
			"content format %d: expected 112 (SenML CBOR), 110 (SenML JSON) or 0 (text)",
			format);
		return;
	}
	if (body->size == 0) {
		request_refuse(response, COAP_RESPONSE_CODE_BAD_REQUEST, -1, "there is no payload");
		return;
	}
	n = decode(p, format, body->data, body->size, response);
	if (n < 0 || !is_named_reading(p, key, (size_t)n, response) ||
	    !is_permitted(p, session, format, (size_t)n, response)) {
		return;
	}
	w = pending_post_new(p, (size_t)n, format);
	if (w == NULL) {
		refuse_busy(response);
		return;
	}
	w->if_none_match = coap_check_option(request, COAP_OPTION_IF_NONE_MATCH, &at) != NULL;
	wait_for_commit(p, w, session, request, body, response);
}

static struct pending_post *pending_post_of_gaps(const char *device, const struct gap_list *list)
{
	struct pending_post *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		return NULL;
	}
	w->format = SENML_JSON;
	w->ingest.job.done = on_committed;
	w->gaps = calloc(1, sizeof(*w->gaps) + list->n * sizeof(w->gaps->holes[0]));
	w->ingest.acks = malloc(sizeof(struct reading_ack));
	if (w->gaps == NULL || w->ingest.acks == NULL) {
		pending_post_free(w);
		return NULL;
	}
	w->ingest.gaps = w->gaps;
	snprintf(w->gaps->device, sizeof(w->gaps->device), "%s", device);
	w->gaps->epoch = list->epoch;
	w->gaps->n = list->n;
	for (unsigned i = 0; i < list->n; i++) {
		w->gaps->holes[i].range =
			(struct gaps_range){ list->gaps[i].first, list->gaps[i].last };
		snprintf(w->gaps->holes[i].cause, sizeof(w->gaps->holes[i].cause),
			 STORE_CAUSE_NODE "%s", list->gaps[i].cause);
	}
	return w;
}

void post_gaps(struct post *p, const char *device, coap_session_t *session,
	       const coap_pdu_t *request, const struct upload_body *body, coap_pdu_t *response)
{
	int format = request_number(request, COAP_OPTION_CONTENT_FORMAT), rc;
	struct gap_list list;
	struct coaps_identity who;
	struct pending_post *w;
	char err[160];

	if (format != GAP_LIST_FORMAT) {
		request_refuse(response, COAP_RESPONSE_CODE_UNSUPPORTED_CONTENT_FORMAT, -1,
			       "content format %d: expected 50 (JSON)", format);
		return;
	}
	coaps_identity_of(session, &who);
	if (!authorise(p->client_auth, &who, AUTHORISE_WRITE, device)) {
		refuse_writer(&who, device, response);
		return;
	}
	if (body->size == 0) {
		request_refuse(response, COAP_RESPONSE_CODE_BAD_REQUEST, -1, "there is no payload");
		return;
	}
	rc = gap_list_decode(body->data, body->size, &list, err, sizeof(err));
	if (rc == 0 && list.epoch == READING_EPOCH_LEGACY) {
		rc = -EBADMSG;
		snprintf(
			err, sizeof(err),
			"epoch: the legacy client's readings have no sequence numbers, so no gaps");
	}
	if (rc < 0 && rc != -ENOMEM) {
		request_refuse(response,
			       rc == -E2BIG ? COAP_RESPONSE_CODE_REQUEST_TOO_LARGE
					    : COAP_RESPONSE_CODE_BAD_REQUEST,
			       -1, "%s", err);
		return;
	}
	w = rc < 0 ? NULL : pending_post_of_gaps(device, &list);
	if (w == NULL) {
		refuse_busy(response);
		return;
	}
	wait_for_commit(p, w, session, request, body, response);
}
