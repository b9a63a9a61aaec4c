/* SPDX-License-Identifier: BSD-2-Clause */
#include "ublox7_uart.h"

struct listener {
	struct ublox7_ear *ear;
	uint32_t baud;
	uint16_t *heard;
	size_t n;
};

static void sample(struct listener *l, bool low)
{
	struct ublox7_ear *ear = l->ear;

	if (ear->bit == 0) {
		ear->in_char = low; /* else a glitch, not a start bit */
		ear->value = 0;
	} else if (ear->bit < 9) {
		ear->value |= (uint8_t)((unsigned)!low << (ear->bit - 1));
	} else {
		ear->in_char = false;
		if (l->n < UBLOX7_HEARD_MAX) {
			l->heard[l->n++] =
				(uint16_t)(ear->value | (low ? UBLOX7_FRAMING_ERROR : 0));
		}
	}
	ear->bit++;
}

/* The line stays at this level until end_ns. */
static void level(struct listener *l, bool low, uint64_t end_ns)
{
	struct ublox7_ear *ear = l->ear;

	if (low && !ear->line_low && !ear->in_char) {
		ear->in_char = true;
		ear->edge_ns = ear->known_ns;
		ear->bit = 0;
	}
	ear->line_low = low;
	while (ear->in_char &&
	       ear->edge_ns + ublox7_bits_ns(2u * ear->bit + 1, 2 * l->baud) < end_ns) {
		sample(l, low);
	}
	ear->known_ns = end_ns;
}

size_t ublox7_ear_hear(struct ublox7_ear *ear, uint32_t baud, uint8_t byte, uint32_t from_baud,
		       uint64_t start_ns, uint16_t heard[UBLOX7_HEARD_MAX])
{
	struct listener l = { .ear = ear, .baud = baud, .heard = heard };
	unsigned bits = 1u << 9 | (unsigned)byte << 1; /* stop, data, start */

	if (baud == 0 || from_baud == 0) {
		*ear = (struct ublox7_ear){ .known_ns = start_ns };
		return 0;
	}
	if (start_ns > ear->known_ns) {
		level(&l, false, start_ns);
	}
	for (unsigned i = 0; i < 10; i++) {
		level(&l, !(bits >> i & 1), start_ns + ublox7_bits_ns(i + 1, from_baud));
	}
	return l.n;
}
