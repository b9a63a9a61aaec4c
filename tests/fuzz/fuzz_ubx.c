/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_ubx: any bytes from a receiver, in any pieces, at any time.
 *
 * The input is a script: a byte n, a byte t, then n bytes that arrive t * 16 ms
 * later. It goes through the receive core and through a whole session; what must
 * hold whatever comes is checked with abort(). libFuzzer:
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_ubx.c ubx/ubx_*.c
 *ubx/gnss_fix.c
 *
 * tests/unit/test_ubx_corpus.c replays tests/fuzz/corpus/ubx without libFuzzer.
 */
#include <stdlib.h>
#include <string.h>

#include "ubx/ubx_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

static void fuzz_frames(struct ubx_frame_rx *rx, const uint8_t *p, size_t len)
{
	struct ubx_item item;

	do {
		size_t eaten = ubx_frame_feed(rx, p, len, &item);

		must(eaten <= len);
		p += eaten;
		len -= eaten;
		must(rx->bytes_in == rx->frame_bytes + rx->garbage_bytes + rx->len);
		must(rx->len < UBX_FRAME_MAX || item.kind != UBX_ITEM_NONE);
		if (item.kind == UBX_ITEM_FRAME) {
			uint8_t again[UBX_FRAME_MAX];

			must(ubx_frame_make(again, sizeof(again), item.cls, item.id, item.payload,
					    item.payload_len) == item.len);
			must(memcmp(again, item.bytes, item.len) == 0);
		}
	} while (item.kind != UBX_ITEM_NONE);
	must(len == 0);
}

/* Takes what the session wants to send, as a port with room for `room` bytes a time. */
static void take_output(struct ubx_session *s, size_t room, uint64_t now)
{
	struct ubx_output out;
	unsigned n = 0;

	while (ubx_tx_output(&s->tx, &out)) {
		must(++n < 5000); /* it comes to rest */
		if (out.baud == 0) {
			must(out.len <= sizeof(s->tx.buf));
			ubx_tx_written(&s->tx, out.len < room ? out.len : room, now);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ubx_session_config config = {
		.baud = 115200,
		.rate_ms = 1000,
		.dyn_model = 4,
		.week = 2400,
		.save_to_bbr = true,
		.limits = { .max_hacc_mm = 100000, .max_utc_us = INT64_MAX },
	};
	static struct ubx_frame_rx rx;
	static struct ubx_session s;
	uint64_t now = 1000000000;

	memset(&rx, 0, sizeof(rx));
	must(ubx_session_init(&s, &config, now) == 0);
	while (size >= 2) {
		size_t n = data[0] < size - 2 ? data[0] : size - 2;
		uint64_t then = now + data[1] * 16000000ull;

		/* Every deadline on the way is kept; each must be later than the one before, or
		 * work be done. */
		for (unsigned i = 0; ubx_session_deadline(&s) <= then; i++) {
			must(i < 4000);
			now = ubx_session_deadline(&s) > now ? ubx_session_deadline(&s)
							     : now + 1000;
			ubx_session_tick(&s, now);
			take_output(&s, 1 + data[1], now);
		}
		now = then > now ? then : now;
		fuzz_frames(&rx, data + 2, n);
		ubx_session_rx(&s, data + 2, n, now);
		take_output(&s, 64, now);
		must(s.tx.len <= sizeof(s.tx.buf));
		must(memchr(s.identity, '\0', sizeof(s.identity)) != NULL);
		must(ubx_session_fix(&s, now) == NULL || s.fix.received_ns <= now);
		data += 2 + n;
		size -= 2 + n;
	}
	return 0;
}
