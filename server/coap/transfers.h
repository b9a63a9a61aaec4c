/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transfers: bodies that go or come in blocks, with limits: of each peer (coaps_peer_of()), then of
 * all. The one that was idle for longest gives way; the newest stays.
 *
 * Threads: the loop's.
 */
#ifndef TRANSFERS_H
#define TRANSFERS_H

#include <coap3/coap.h>
#include <stddef.h>
#include <stdint.h>

#include "userspace/coaps/coaps_identity.h"

#define TRANSFERS_IDLE_MS 247000 /* EXCHANGE_LIFETIME (RFC 7959 2.5) */
#define TRANSFERS_PER_PEER 16
#define TRANSFERS_BYTES (64 * 1024 * 1024)

/* First member of what its owner keeps of one. */
struct transfer {
	struct transfer *next;
	coap_session_t *session; /* a reference */
	char peer[COAPS_PEER_SIZE];
	uint64_t at_ms; /* of the last block */
	uint8_t *data; /* malloc'ed */
	size_t bytes; /* that data takes */
};

struct transfers {
	struct transfer *newest; /* the one that had a block last is first */
	size_t bytes; /* of all */
	uint64_t displaced; /* ended for a limit */
};

/* A transfer of so many bytes, zeroed; NULL without memory. */
struct transfer *transfers_add(struct transfers *ts, size_t size, coap_session_t *session);
/* It has a block, and takes so many bytes: it is the newest now. */
void transfers_touch(struct transfers *ts, struct transfer *t, size_t bytes, size_t peer_bytes);
void transfers_drop(struct transfers *ts, struct transfer *t);
/* Drops those of sessions that have ended, and idle ones. Returns in how many ms again; -1: none.
 */
int transfers_tick(struct transfers *ts, uint64_t now_ms);
void transfers_free(struct transfers *ts);

#endif
