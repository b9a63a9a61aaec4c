/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_sessions: the established sessions of a server. One peer (coaps_peer_of()) has so many: a
 * further one ends its oldest. (libcoap bounds the number of all: the longest idle one goes.)
 *
 * One thread. Inside userspace/coaps only.
 */
#ifndef COAPS_SESSIONS_H
#define COAPS_SESSIONS_H

#include <coap3/coap.h>
#include <stdint.h>

#define COAPS_SESSIONS_PER_NAME 32 /* a node has one, and one more for each change of its port */
#define COAPS_SESSIONS_PER_ADDRESS 1024 /* without a name: there may be many behind a NAT */
#define COAPS_SESSIONS_MAX 20000 /* 26 KiB each */

struct coaps_sessions {
	struct coaps_session_entry *newest;
	unsigned n;
	uint64_t displaced; /* ended for a further one of their peer */
};

/* A handshake is complete. */
void coaps_sessions_add(struct coaps_sessions *s, coap_session_t *session);
/* libcoap frees it; one that was not added is ignored. */
void coaps_sessions_remove(struct coaps_sessions *s, const coap_session_t *session);
/* Ends those whose certificate no CA of today has signed. */
void coaps_sessions_end_untrusted(struct coaps_sessions *s);
void coaps_sessions_free(struct coaps_sessions *s);

#endif
