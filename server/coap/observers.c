// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "observers.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "userspace/coaps/coaps_identity.h"

#define CON_EVERY 16
#define CON_MS (3600 * UINT64_C(1000)) /* RFC 7641 4.5: at least one in 24 hours */
#define SWEEP_MS 10000

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

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

static bool same_peer(const struct observer *o)
{
	struct coaps_identity who;

	if (coap_session_get_state(o->request.session) != COAP_SESSION_STATE_ESTABLISHED) {
		return false;
	}
	coaps_identity_of(o->request.session, &who);
	return !who.revoked && strcmp(who.name, o->who) == 0;
}

bool observers_add(struct observers *os, struct blockwise_request *r, const struct read_job *read,
		   uint64_t etag)
{
	struct coaps_identity who;
	struct observer *o;
	unsigned of_session = 0;

	for (o = os->first; o != NULL; o = o->next) {
		of_session += o->request.session == r->session;
	}
	if (os->n >= OBSERVERS_MAX || of_session >= OBSERVERS_PER_SESSION ||
	    (o = calloc(1, sizeof(*o))) == NULL) {
		return false;
	}
	coaps_identity_of(r->session, &who);
	o->read = *read;
	o->read.body = NULL;
	o->con_ms = now_ms();
	o->due_ms = o->con_ms;
	o->request = *r;
	o->request.deferred = NULL;
	o->request.block = 0;
	coap_session_reference(r->session);
	memcpy(o->who, who.name, strnlen(who.name, sizeof(o->who) - 1));
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

void observers_lost(struct observers *os, const coap_session_t *session, coap_mid_t mid)
{
	for (struct observer *o = os->first, *next; o != NULL; o = next) {
		next = o->next;
		if (o->request.session == session && o->request.mid == mid) {
			drop(os, o);
		}
	}
}

void observers_changed(struct observers *os, const char *device)
{
	for (struct observer *o = os->first; o != NULL; o = o->next) {
		if (o->read.device[0] == '\0' || strcmp(o->read.device, device) == 0) {
			o->changed = true;
		}
	}
}

/* Who is gone, and who has not proven for long to be there. */
static void sweep(struct observers *os, uint64_t now)
{
	for (struct observer *o = os->first, *next; o != NULL; o = next) {
		next = o->next;
		if (!same_peer(o)) {
			drop(os, o);
		} else if (now - o->con_ms >= CON_MS) {
			o->changed = true;
		}
	}
	os->swept_ms = now;
}

int observers_tick(struct observers *os)
{
	uint64_t now = now_ms();
	int wait_ms = SWEEP_MS;

	if (now - os->swept_ms >= SWEEP_MS) {
		sweep(os, now);
	}
	for (struct observer *o = os->first; o != NULL; o = o->next) {
		if (!o->changed || o->reading) {
			continue;
		}
		if (now >= o->due_ms && os->look(os->arg, o) == 0) {
			o->changed = false;
			o->reading = true;
		} else {
			wait_ms = now < o->due_ms && o->due_ms - now < (uint64_t)wait_ms
					  ? (int)(o->due_ms - now)
				  : now < o->due_ms ? wait_ms
						    : OBSERVERS_PAUSE_MS;
		}
	}
	return os->first != NULL ? wait_ms : -1;
}

/* False: o is no more. */
static bool back(struct observers *os, struct observer *o)
{
	o->reading = false;
	if (o->gone) {
		free(o);
		return false;
	}
	if (!same_peer(o)) {
		drop(os, o);
		return false;
	}
	return true;
}

void observers_told(struct observers *os, struct observer *o, struct blockwise *b,
		    int content_format, void *data, size_t size)
{
	uint64_t etag = blockwise_etag(data, size), now = now_ms();
	struct blockwise_request r;
	bool con;

	if (!back(os, o)) {
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
	blockwise_answer(b, &r, content_format, data, size);
}

void observers_failed(struct observers *os, struct observer *o)
{
	if (back(os, o)) {
		o->changed = true; /* the store is down: once it is back */
		o->due_ms = now_ms() + SWEEP_MS;
	}
}

void observers_free(struct observers *os)
{
	while (os->first != NULL) {
		drop(os, os->first);
	}
}
