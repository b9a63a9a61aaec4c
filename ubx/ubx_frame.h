/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ubx_frame: finds UBX frames in a byte stream and makes them.
 *
 * A frame: B5 62, class, id, length (2, little-endian), payload, CK_A CK_B; the
 * checksum is the 8-bit Fletcher sum over class..payload (u-blox 7 protocol
 * specification V14, sections 26 and 29).
 *
 * Pure: no clock, no descriptor, no allocation. Every byte fed comes out again
 * exactly once, in a frame or as garbage (NMEA, noise, damaged frames). After a
 * bad checksum or an impossible length the search goes on one byte behind the
 * sync, so that a good frame inside the damaged one is found.
 */
#ifndef UBX_FRAME_H
#define UBX_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UBX_SYNC1 0xB5
#define UBX_SYNC2 0x62
#define UBX_FRAME_OVERHEAD 8 /* sync, class, id, length, checksum */
/* Largest payload accepted: NAV-SVINFO of 72 channels has 872, NAV-SVINFO
 * of a u-blox 7 (32) 392. A larger length is damaged. */
#define UBX_PAYLOAD_MAX 1016
#define UBX_FRAME_MAX (UBX_PAYLOAD_MAX + UBX_FRAME_OVERHEAD)

enum ubx_item_kind {
	UBX_ITEM_NONE, /* all input is eaten; the rest waits for more */
	UBX_ITEM_FRAME,
	UBX_ITEM_GARBAGE,
};

/* Borrowed: points into the input or the context, valid until the next call. */
struct ubx_item {
	enum ubx_item_kind kind;
	const uint8_t *bytes; /* the whole frame, or the garbage */
	size_t len;
	uint8_t cls, id; /* of a frame, and its payload */
	const uint8_t *payload;
	size_t payload_len;
};

/* Zero-initialised is ready. Copyable. */
struct ubx_frame_rx {
	uint8_t buf[UBX_FRAME_MAX];
	size_t start, len; /* what is held: buf[start .. start + len) */
	uint64_t bytes_in; /* == frame_bytes + garbage_bytes + len, always */
	uint64_t frames, frame_bytes, garbage_bytes;
	uint32_t checksum_errors;
};

/*
 * Eats input until there is one item, or all of it. Returns the bytes eaten;
 * call again with the rest until *out is UBX_ITEM_NONE.
 */
size_t ubx_frame_feed(struct ubx_frame_rx *rx, const uint8_t *p, size_t len, struct ubx_item *out);

/* Size of the incomplete frame; 0 if there is none (6 while the length is unknown).
 */
size_t ubx_frame_pending(const struct ubx_frame_rx *rx);

/* The incomplete frame timed out: its sync becomes garbage; feed no bytes after this call to get
 * the items in the rest. */
void ubx_frame_give_up(struct ubx_frame_rx *rx);

/* Writes a frame and returns its size, or 0 if it does not fit in `size`. */
size_t ubx_frame_make(uint8_t *out, size_t size, uint8_t cls, uint8_t id, const void *payload,
		      size_t payload_len);

#endif
