/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uplink_pack: readings of the outbox as the payload of one POST. Used by uplink.c only.
 *
 * A pack fits a datagram, if its first reading does: with several under way, bytes for each
 * round trip are what counts, and a datagram that is lost delays no other. What is larger goes in
 * blocks. In the older program's format (docs/protocol.md 4) a pack is one reading.
 *
 * Threads: all calls on one thread.
 */
#ifndef NODE_UPLINK_PACK_H
#define NODE_UPLINK_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node_config.h"
#include "outbox.h"

struct uplink_pack {
	uint64_t epoch, first, last; /* what it holds: these, lowest and highest */
	unsigned n;
	bool dated; /* its first reading is */
	const uint8_t *payload; /* valid until the next call */
	size_t size;
	int content_format; /* -1: none */
};

struct uplink_packer;

/* NULL if there is no memory. */
struct uplink_packer *uplink_packer_new(enum node_format format, unsigned batch);
void uplink_packer_free(struct uplink_packer *p); /* NULL is accepted */

/*
 * The next pack of at most max readings without those of `except`: 1, 0 if there is none, or an
 * error of the outbox. A reading that can't be encoded is set aside on the way.
 */
int uplink_packer_next(struct uplink_packer *p, struct outbox *outbox, enum outbox_order order,
		       struct outbox_range except, unsigned max, struct uplink_pack *pack);

/* Gaps in one POST at most: they fit a datagram. */
#define UPLINK_GAPS_MAX 10

/* What will never come, as JSON (docs/protocol.md 3.1): its length. 1024 bytes are always enough.
 */
int uplink_pack_gaps(uint64_t epoch, const struct outbox_gap *gaps, unsigned n, char *text,
		     size_t size);

#endif
