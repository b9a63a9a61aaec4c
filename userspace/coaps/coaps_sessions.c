// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_sessions.h"

#include <stdlib.h>
#include <string.h>

#include "coaps_identity.h"

struct coaps_session_entry {
	struct coaps_session_entry *older;
	coap_session_t *session; /* until libcoap frees it */
	char peer[COAPS_PEER_SIZE];
};

static bool is_open(const struct coaps_session_entry *e)
{
	return coap_session_get_state(e->session) == COAP_SESSION_STATE_ESTABLISHED;
}

/* libcoap frees it when nothing refers to it any more. */
static void end(struct coaps_session_entry *e)
{
	coap_session_disconnected(e->session, COAP_NACK_TLS_FAILED);
}

void coaps_sessions_add(struct coaps_sessions *s, coap_session_t *session)
{
	struct coaps_session_entry *added = calloc(1, sizeof(*added)), *oldest = NULL;
	unsigned of_peer = 0, limit;

	if (added == NULL) {
		return;
	}
	added->session = session;
	limit = coaps_peer_of(session, added->peer) ? COAPS_SESSIONS_PER_NAME
						    : COAPS_SESSIONS_PER_ADDRESS;
	for (struct coaps_session_entry *e = s->newest; e != NULL; e = e->older) {
		if (strcmp(e->peer, added->peer) == 0 && is_open(e)) {
			oldest = e;
			of_peer++;
		}
	}
	if (of_peer >= limit) {
		end(oldest);
		s->displaced++;
	}
	added->older = s->newest;
	s->newest = added;
	s->n++;
}

void coaps_sessions_remove(struct coaps_sessions *s, const coap_session_t *session)
{
	struct coaps_session_entry **at = &s->newest, *e;

	while (*at != NULL && (*at)->session != session) {
		at = &(*at)->older;
	}
	e = *at;
	if (e != NULL) {
		*at = e->older;
		free(e);
		s->n--;
	}
}

void coaps_sessions_end_untrusted(struct coaps_sessions *s)
{
	struct coaps_identity who;

	for (struct coaps_session_entry *e = s->newest; e != NULL; e = e->older) {
		coaps_identity_of(e->session, &who);
		if (is_open(e) && who.untrusted) {
			end(e);
		}
	}
}

void coaps_sessions_free(struct coaps_sessions *s)
{
	for (struct coaps_session_entry *e = s->newest, *older; e != NULL; e = older) {
		older = e->older;
		free(e);
	}
	memset(s, 0, sizeof(*s));
}
