// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L /* strnlen */
#include "observers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/hash.h"
#include "time/now.h"
#include "userspace/coaps/coaps_identity.h"

#define CON_EVERY 16
#define CON_MS (3600 * UINT64_C(1000)) /* RFC 7641 4.5: at least one in 24 hours */
#define SWEEP_MS 10000

/* RFC 7641 4.4: 24 bits that grow, by less than 2^23 in 256 s. */
static int32_t sequence(uint64_t ms)
{
	return (int32_t)(ms / 4 & 0xffffff);
}

static void drop(struct observers *os, struct observer *o)
{
	struct observer **at = &os->first;

	while (*at != o) {
		at = &(*at)->next;
	}
	*at = o->next;
	os->n--;
	coap_session_release(o->request.session);
	o->request.session = NULL;
	if (o->reading) {
		o->gone = true;
	} else {
		free(o);
	}
}

static bool is_same_peer(const struct observer *o)
{
	struct coaps_identity who;

	if (coap_session_get_state(o->request.session) != COAP_SESSION_STATE_ESTABLISHED) {
		return false;
	}
	coaps_identity_of(o->request.session, &who);
	return !who.revoked && strcmp(who.name, o->identity) == 0;
}

bool observers_add(struct observers *os, struct blockwise_request *r, const struct query *query,
		   uint64_t etag)
{
	struct coaps_identity who;
	struct observer *o;
	unsigned of_session = 0, of_peer = 0;
	char peer[COAPS_PEER_SIZE];

	coaps_peer_of(r->session, peer);
	for (o = os->first; o != NULL; o = o->next) {
		of_session += o->request.session == r->session;
		of_peer += strcmp(o->peer, peer) == 0;
	}
	if (os->n >= OBSERVERS_MAX || of_session >= OBSERVERS_PER_SESSION ||
	    of_peer >= OBSERVERS_PER_PEER || (o = calloc(1, sizeof(*o))) == NULL) {
		os->refused++;
		return false;
	}
	coaps_identity_of(r->session, &who);
	o->query = *query;
	o->query.body = NULL;
	o->con_ms = now_ms();
	o->due_ms = o->con_ms;
	o->request = *r;
	o->request.deferred = NULL;
	o->request.block = 0;
	coap_session_reference(r->session);
	memcpy(o->identity, who.name, strnlen(who.name, sizeof(o->identity) - 1));
	memcpy(o->peer, peer, sizeof(o->peer));
	o->etag = etag;
	o->next = os->first;
	os->first = o;
	os->n++;
	r->observe = sequence(now_ms());
	return true;
}

void observers_forget(struct observers *os, const coap_session_t *session, coap_bin_const_t token)
{
	for (struct observer *o = os->first, *next; o != NULL; o = next) {
		next = o->next;
		if (o->request.session == session && o->request.token_size == token.length &&
		    memcmp(o->request.token, token.s, token.length) == 0) {
			drop(os, o);
		}
	}
}

void observers_drop_by_mid(struct observers *os, const coap_session_t *session, coap_mid_t mid)
{
	for (struct observer *o = os->first, *next; o != NULL; o = next) {
		next = o->next;
		if (o->request.session == session && o->request.mid == mid) {
			drop(os, o);
		}
	}
}

void observers_mark_changed(struct observers *os, const char *device)
{
	for (struct observer *o = os->first; o != NULL; o = o->next) {
		if (o->query.device[0] == '\0' || strcmp(o->query.device, device) == 0) {
			o->changed = true;
		}
	}
}

/* --- what other servers have stored --------------------------------------- */

struct poll {
	struct query query; /* first: the job is the poll */
	struct observers *observers;
	struct query_mark marks[];
};

/* A changed mark makes the observer's next read due; so does its first mark, as a reading may have
 * been stored since the first answer. An unchanged representation is not sent. */
static void on_poll_done(struct job *job)
{
	struct poll *p = (struct poll *)job;
	struct observers *os = p->observers;

	os->polling = false;
	for (size_t i = 0; p->query.result >= 0 && i < p->query.n_marks; i++) {
		const struct query_mark *mark = &p->marks[i];

		for (struct observer *o = os->first; o != NULL; o = o->next) {
			if (strcmp(o->query.device, mark->device) == 0) {
				o->changed = o->changed || o->mark != mark->mark;
				o->mark = mark->mark;
			}
		}
	}
	free(p);
}

static void add_mark(struct poll *p, const char *device)
{
	for (size_t i = 0; i < p->query.n_marks; i++) {
		if (strcmp(p->marks[i].device, device) == 0) {
			return;
		}
	}
	snprintf(p->marks[p->query.n_marks++].device, sizeof(p->marks[0].device), "%s", device);
}

static void poll_store(struct observers *os)
{
	struct poll *p = calloc(1, sizeof(*p) + os->n * sizeof(p->marks[0]));

	if (p == NULL) {
		return;
	}
	p->observers = os;
	p->query.kind = QUERY_MARKS;
	p->query.job.done = on_poll_done;
	p->query.marks = p->marks;
	for (const struct observer *o = os->first; o != NULL; o = o->next) {
		add_mark(p, o->query.device);
	}
	os->polling = queries_submit(os->queries, &p->query) == 0;
	if (!os->polling) {
		free(p);
	}
}

/* --- what is due ---------------------------------------------------------- */

/* Ends the observations of peers that are gone, and makes a CON due where none was sent for long.
 */
static void sweep(struct observers *os, uint64_t now)
{
	for (struct observer *o = os->first, *next; o != NULL; o = next) {
		next = o->next;
		if (!is_same_peer(o)) {
			drop(os, o);
		} else if (now - o->con_ms >= CON_MS) {
			o->changed = true;
		}
	}
	os->swept_ms = now;
}

/* Returns in how many ms o is due again. */
static uint64_t read_if_due(struct observers *os, struct observer *o, uint64_t now)
{
	if (!o->changed || o->reading) {
		return SWEEP_MS;
	}
	if (now < o->due_ms) {
		return o->due_ms - now;
	}
	if (os->read(os->arg, o) < 0) {
		return OBSERVERS_PAUSE_MS;
	}
	o->changed = false;
	o->reading = true;
	return SWEEP_MS;
}

int observers_tick(struct observers *os)
{
	uint64_t now = now_ms(), wait_ms = os->queries != NULL ? OBSERVERS_POLL_MS : SWEEP_MS;

	if (now - os->swept_ms >= SWEEP_MS) {
		sweep(os, now);
	}
	for (struct observer *o = os->first; o != NULL; o = o->next) {
		uint64_t due_ms = read_if_due(os, o, now);

		wait_ms = due_ms < wait_ms ? due_ms : wait_ms;
	}
	if (os->first != NULL && os->queries != NULL && !os->polling &&
	    now - os->polled_ms >= OBSERVERS_POLL_MS) {
		os->polled_ms = now;
		poll_store(os);
	}
	return os->first != NULL ? (int)wait_ms : -1;
}

/* --- notifications -------------------------------------------------------- */

/* False: the observation has ended, and o is freed. */
static bool end_read(struct observers *os, struct observer *o)
{
	o->reading = false;
	if (o->gone) {
		free(o);
		return false;
	}
	if (!is_same_peer(o)) {
		drop(os, o);
		return false;
	}
	return true;
}

void observers_notify(struct observers *os, struct observer *o, struct transfers *kept,
		      int content_format, void *data, size_t size)
{
	uint64_t etag = hash_etag(data, size), now = now_ms();
	struct blockwise_request r;
	bool con;

	if (!end_read(os, o)) {
		free(data);
		return;
	}
	con = ++o->since_con >= CON_EVERY || now - o->con_ms >= CON_MS;
	if (etag == o->etag && now - o->con_ms < CON_MS) {
		free(data);
		return;
	}
	r = o->request;
	r.session = coap_session_reference(o->request.session);
	r.type = con ? COAP_MESSAGE_CON : COAP_MESSAGE_NON;
	r.observe = sequence(now);
	o->request.mid = r.mid = coap_new_message_id(r.session);
	o->etag = etag;
	o->due_ms = now + OBSERVERS_PAUSE_MS;
	if (con) {
		o->con_ms = now;
		o->since_con = 0;
	}
	blockwise_answer(kept, &r, content_format, data, size);
}

void observers_read_failed(struct observers *os, struct observer *o)
{
	if (end_read(os, o)) {
		o->changed = true; /* to be read once the store is up again */
		o->due_ms = now_ms() + SWEEP_MS;
	}
}

void observers_free(struct observers *os)
{
	while (os->first != NULL) {
		drop(os, os->first);
	}
}
