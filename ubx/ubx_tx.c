// SPDX-License-Identifier: BSD-2-Clause
#include "ubx_tx.h"

#include <string.h>

#include "ubx_frame.h"

#define FIFO_NS 2000000 /* bytes in a UART's FIFO when the wire should be idle */
#define WAKE_BYTE 0xFF

static void make_room(struct ubx_tx *tx)
{
	if (tx->sent) {
		memmove(tx->buf, tx->buf + tx->sent, tx->len - tx->sent);
		tx->len -= tx->sent;
		tx->sent = 0;
	}
}

void ubx_tx_frame(struct ubx_tx *tx, enum ubx_message message, const void *payload, size_t len)
{
	const struct ubx_message_row *m = &ubx_messages[message];

	make_room(tx);
	tx->len += ubx_frame_make(tx->buf + tx->len, sizeof(tx->buf) - tx->len, m->cls, m->id,
				  payload, len);
}

void ubx_tx_clear(struct ubx_tx *tx)
{
	tx->len = tx->sent = 0;
}

void ubx_tx_wake(struct ubx_tx *tx)
{
	make_room(tx);
	if (tx->len < sizeof(tx->buf)) {
		tx->buf[tx->len++] = WAKE_BYTE;
	}
}

void ubx_tx_set_baud(struct ubx_tx *tx, uint32_t baud)
{
	tx->baud_due = tx->baud_due || tx->baud != baud;
	tx->baud = baud;
}

bool ubx_tx_is_idle(const struct ubx_tx *tx, uint64_t now)
{
	return now >= ubx_tx_idle_ns(tx);
}

uint64_t ubx_tx_idle_ns(const struct ubx_tx *tx)
{
	return tx->len == tx->sent ? tx->wire_idle_ns : UINT64_MAX;
}

bool ubx_tx_output(struct ubx_tx *tx, struct ubx_output *out)
{
	*out = (struct ubx_output){ 0 };
	if (tx->baud_due) {
		tx->baud_due = false;
		out->baud = tx->baud;
		return true;
	}
	out->bytes = tx->buf + tx->sent;
	out->len = tx->len - tx->sent;
	return out->len != 0;
}

void ubx_tx_written(struct ubx_tx *tx, size_t len, uint64_t now)
{
	uint64_t from = tx->wire_idle_ns > now ? tx->wire_idle_ns : now;

	tx->sent += len;
	tx->bytes += len;
	tx->wire_idle_ns = from + ubx_wire_ns(len, tx->baud);
	if (tx->sent == tx->len) {
		tx->sent = tx->len = 0;
		tx->wire_idle_ns += FIFO_NS;
	}
}
