/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ubx_tx: the output queue: bytes, baud changes, and when the wire will be idle.
 *
 * A baud may change only when the last byte has left at the old one; as no
 * portable call waits for that without blocking (and none does on a pty), the wire
 * time is counted here. Pure; zero-initialised plus ubx_tx_set_baud() is ready.
 */
#ifndef UBX_TX_H
#define UBX_TX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ubx_msg.h"

struct ubx_tx {
	uint8_t buf[1024];
	size_t len, sent;
	uint32_t baud; /* the host's */
	bool baud_due; /* still to be set on the port */
	uint64_t wire_idle_ns; /* when the last byte written has left */
	uint64_t bytes; /* written in all */
};

struct ubx_output {
	uint32_t baud; /* not 0: set the port to this now (all bytes before are on the wire) */
	const uint8_t *bytes; /* else write these; valid until the next call */
	size_t len;
};

/* Queues a frame; one that does not fit is dropped like a lost one, and is polled again. */
void ubx_tx_frame(struct ubx_tx *tx, enum ubx_message message, const void *payload, size_t len);
static inline void ubx_tx_poll(struct ubx_tx *tx, enum ubx_message message)
{
	ubx_tx_frame(tx, message, NULL, 0);
}
void ubx_tx_clear(struct ubx_tx *tx); /* drops unwritten bytes */
void ubx_tx_wake(struct ubx_tx *tx); /* a byte whose one edge wakes a receiver in power save
					(V14 11.2.3.1) */
void ubx_tx_set_baud(struct ubx_tx *tx, uint32_t baud);

bool ubx_tx_is_idle(const struct ubx_tx *tx, uint64_t now_ns);
/* When it will be idle; UINT64_MAX while the port has not accepted all. */
uint64_t ubx_tx_idle_ns(const struct ubx_tx *tx);

/* What to do next, false: nothing. A new baud is reported once, bytes again until ubx_tx_written()
 * has counted them. */
bool ubx_tx_output(struct ubx_tx *tx, struct ubx_output *out);
void ubx_tx_written(struct ubx_tx *tx, size_t len, uint64_t now_ns);

static inline uint64_t ubx_wire_ns(size_t len, uint32_t baud)
{
	return (uint64_t)len * 10000000000ull / baud; /* 10 bits a byte */
}

#endif
