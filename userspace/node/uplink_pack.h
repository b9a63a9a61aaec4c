/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uplink_pack: readings of the outbox as the payload of one POST. Used by uplink.c only.
 *
 * A pack fits a datagram, if its first reading does: with several in flight, bytes for each round
 * trip are what counts, and a lost datagram delays no other. What is larger goes in blocks. In the
 * legacy format (docs/protocol.md 4) a pack is one reading.
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
#include "userspace/reading/senml.h"

struct uplink_pack {
	struct outbox_pack readings;
	bool dated; /* in the legacy format: whether the reading is dated */
	int content_format; /* -1: none */
	size_t size; /* of payload */
	uint8_t payload[SENML_READING_MAX];
};

/*
 * The next pack of at most max readings without those of `except`: 1, 0 if there is none, or an
 * error of the outbox. A reading that has no form in the legacy format is set aside on the way.
 */
int uplink_pack_next(struct uplink_pack *p, enum node_format format, struct outbox *outbox,
		     enum outbox_order order, const struct outbox_sent *except, unsigned max);

/* Gaps in one POST at most: they fit a datagram. */
#define UPLINK_GAPS_MAX 10

/* 1 to UPLINK_GAPS_MAX of them as gap_list_encode(): its length. 1024 bytes are always enough. */
int uplink_pack_gaps(uint64_t epoch, const struct outbox_gap *gaps, unsigned n, char *text,
		     size_t size);

#endif
