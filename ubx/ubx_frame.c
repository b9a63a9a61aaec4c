// SPDX-License-Identifier: BSD-2-Clause
#include "ubx_frame.h"

#include <string.h>

#define HEADER_SIZE 6

struct checksum {
	uint8_t a, b;
};

static struct checksum checksum(const uint8_t *p, size_t len)
{
	uint32_t a = 0, b = 0;

	/* 32-bit sums cannot overflow: 1020 bytes give b < 2^28. */
	for (size_t i = 0; i < len; i++) {
		a += p[i];
		b += a;
	}
	return (struct checksum){ (uint8_t)a, (uint8_t)b };
}

static size_t payload_len(const uint8_t *p)
{
	return (size_t)p[4] | (size_t)p[5] << 8;
}

/* Bytes that cannot begin a frame: up to the next sync character behind `from`. */
static size_t to_next_sync(const uint8_t *p, size_t len, size_t from)
{
	const uint8_t *sync = from < len ? memchr(p + from, UBX_SYNC1, len - from) : NULL;

	return sync ? (size_t)(sync - p) : len;
}

/* The item at p; NONE: an incomplete frame. */
static void scan(struct ubx_frame_rx *rx, const uint8_t *p, size_t len, struct ubx_item *out)
{
	size_t size, garbage;
	struct checksum sum;

	*out = (struct ubx_item){ .kind = UBX_ITEM_NONE };
	if (len == 0) {
		return;
	}
	if (p[0] != UBX_SYNC1) {
		garbage = to_next_sync(p, len, 0);
		goto garbage;
	}
	if (len == 1) {
		return;
	}
	if (p[1] != UBX_SYNC2) {
		garbage = to_next_sync(p, len, 1);
		goto garbage;
	}
	if (len < HEADER_SIZE) {
		return;
	}
	size = payload_len(p) + UBX_FRAME_OVERHEAD;
	if (size > UBX_FRAME_MAX) {
		garbage = to_next_sync(p, len, 1);
		goto garbage;
	}
	if (len < size) {
		return;
	}
	sum = checksum(p + 2, size - 4);
	if (sum.a != p[size - 2] || sum.b != p[size - 1]) {
		rx->checksum_errors++;
		garbage = to_next_sync(p, len, 1);
		goto garbage;
	}
	rx->frames++;
	rx->frame_bytes += size;
	*out = (struct ubx_item){
		.kind = UBX_ITEM_FRAME,
		.bytes = p,
		.len = size,
		.cls = p[2],
		.id = p[3],
		.payload = p + HEADER_SIZE,
		.payload_len = size - UBX_FRAME_OVERHEAD,
	};
	return;
garbage:
	rx->garbage_bytes += garbage;
	*out = (struct ubx_item){ .kind = UBX_ITEM_GARBAGE, .bytes = p, .len = garbage };
}

static void hold(struct ubx_frame_rx *rx, const uint8_t *p, size_t len)
{
	if (rx->start) {
		memmove(rx->buf, rx->buf + rx->start, rx->len);
		rx->start = 0;
	}
	if (len) {
		memcpy(rx->buf + rx->len, p, len);
	}
	rx->len += len;
}

size_t ubx_frame_pending(const struct ubx_frame_rx *rx)
{
	if (rx->len < HEADER_SIZE) {
		return rx->len ? HEADER_SIZE : 0;
	}
	return payload_len(rx->buf + rx->start) + UBX_FRAME_OVERHEAD;
}

size_t ubx_frame_feed(struct ubx_frame_rx *rx, const uint8_t *p, size_t len, struct ubx_item *out)
{
	size_t eaten = 0;

	if (rx->len == 0) {
		/* The usual case needs no copy: scan the input in place. */
		scan(rx, p, len, out);
		eaten = out->len;
		if (out->kind == UBX_ITEM_NONE) {
			rx->start = 0;
			hold(rx, p, len);
			eaten = len;
		}
		rx->bytes_in += eaten;
		return eaten;
	}
	for (;;) {
		scan(rx, rx->buf + rx->start, rx->len, out);
		if (out->kind != UBX_ITEM_NONE) {
			rx->start += out->len;
			rx->len -= out->len;
			return eaten;
		}
		if (rx->len == 0 || eaten == len) {
			return eaten;
		}
		/* No more than the frame in progress needs: the rest is scanned in place.
		 */
		size_t want = ubx_frame_pending(rx) - rx->len;
		size_t take = want < len - eaten ? want : len - eaten;

		hold(rx, p + eaten, take);
		rx->bytes_in += take;
		eaten += take;
	}
}

void ubx_frame_give_up(struct ubx_frame_rx *rx)
{
	if (rx->len) {
		rx->garbage_bytes++;
		rx->start++;
		rx->len--;
	}
}

size_t ubx_frame_make(uint8_t *out, size_t size, uint8_t cls, uint8_t id, const void *payload,
		      size_t len)
{
	struct checksum sum;

	if (len > UBX_PAYLOAD_MAX || size < len + UBX_FRAME_OVERHEAD) {
		return 0;
	}
	out[0] = UBX_SYNC1;
	out[1] = UBX_SYNC2;
	out[2] = cls;
	out[3] = id;
	out[4] = (uint8_t)len;
	out[5] = (uint8_t)(len >> 8);
	if (len) {
		memcpy(out + HEADER_SIZE, payload, len);
	}
	sum = checksum(out + 2, len + 4);
	out[HEADER_SIZE + len] = sum.a;
	out[HEADER_SIZE + len + 1] = sum.b;
	return len + UBX_FRAME_OVERHEAD;
}
