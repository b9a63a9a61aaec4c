// SPDX-License-Identifier: BSD-2-Clause
#include "transfers.h"

#include <stdlib.h>
#include <string.h>

#include "time/now.h"

static void drop(struct transfers *ts, struct transfer **at)
{
	struct transfer *t = *at;

	*at = t->next;
	ts->bytes -= t->bytes;
	coap_session_release(t->session);
	free(t->data);
	free(t);
}

static struct transfer **place_of(struct transfers *ts, const struct transfer *t)
{
	struct transfer **at = &ts->newest;

	while (*at != t) {
		at = &(*at)->next;
	}
	return at;
}

/* Keeps the limits at the cost of the oldest. */
static void obey_limits(struct transfers *ts, size_t peer_bytes)
{
	struct transfer *newest = ts->newest, **of_peer, **last;
	size_t bytes, n;

	do {
		bytes = newest->bytes;
		n = 1;
		of_peer = last = NULL;
		for (struct transfer **at = &newest->next; *at != NULL; at = &(*at)->next) {
			last = at;
			if (strcmp((*at)->peer, newest->peer) == 0) {
				of_peer = at;
				bytes += (*at)->bytes;
				n++;
			}
		}
		if (n <= TRANSFERS_PER_PEER && bytes <= peer_bytes) {
			of_peer = ts->bytes > TRANSFERS_BYTES ? last : NULL;
		}
		if (of_peer != NULL) {
			drop(ts, of_peer);
			ts->displaced++;
		}
	} while (of_peer != NULL);
}

struct transfer *transfers_add(struct transfers *ts, size_t size, coap_session_t *session)
{
	struct transfer *t = calloc(1, size);

	if (t != NULL) {
		coaps_peer_of(session, t->peer);
		t->session = coap_session_reference(session);
		t->next = ts->newest;
		ts->newest = t;
	}
	return t;
}

void transfers_touch(struct transfers *ts, struct transfer *t, size_t bytes, size_t peer_bytes)
{
	struct transfer **at = place_of(ts, t);

	*at = t->next;
	t->next = ts->newest;
	ts->newest = t;
	t->at_ms = now_ms();
	ts->bytes += bytes - t->bytes;
	t->bytes = bytes;
	obey_limits(ts, peer_bytes);
}

void transfers_drop(struct transfers *ts, struct transfer *t)
{
	drop(ts, place_of(ts, t));
}

int transfers_tick(struct transfers *ts, uint64_t now)
{
	for (struct transfer **at = &ts->newest; *at != NULL;) {
		if (coap_session_get_state((*at)->session) != COAP_SESSION_STATE_ESTABLISHED ||
		    now - (*at)->at_ms > TRANSFERS_IDLE_MS) {
			drop(ts, at);
		} else {
			at = &(*at)->next;
		}
	}
	return ts->newest != NULL ? TRANSFERS_IDLE_MS / 10 : -1;
}

void transfers_free(struct transfers *ts)
{
	while (ts->newest != NULL) {
		drop(ts, &ts->newest);
	}
}
