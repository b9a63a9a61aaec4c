// SPDX-License-Identifier: BSD-2-Clause
#include "ublox7_uart.h"

struct listener {
	struct ublox7_uart *uart;
	uint32_t baud;
	uint16_t *received;
	size_t n;
};

static void sample(struct listener *l, bool low)
{
	struct ublox7_uart *uart = l->uart;

	if (uart->bit == 0) {
		uart->in_char = low; /* else a glitch, not a start bit */
		uart->value = 0;
	} else if (uart->bit < 9) {
		uart->value |= (uint8_t)((unsigned)!low << (uart->bit - 1));
	} else {
		uart->in_char = false;
		if (l->n < UBLOX7_RECEIVED_MAX) {
			l->received[l->n++] =
				(uint16_t)(uart->value | (low ? UBLOX7_FRAMING_ERROR : 0));
		}
	}
	uart->bit++;
}

/* The line stays at this level until end_ns. */
static void level(struct listener *l, bool low, uint64_t end_ns)
{
	struct ublox7_uart *uart = l->uart;

	if (low && !uart->line_low && !uart->in_char) {
		uart->in_char = true;
		uart->edge_ns = uart->known_ns;
		uart->bit = 0;
	}
	uart->line_low = low;
	while (uart->in_char &&
	       uart->edge_ns + ublox7_bits_ns(2u * uart->bit + 1, 2 * l->baud) < end_ns) {
		sample(l, low);
	}
	uart->known_ns = end_ns;
}

size_t ublox7_uart_receive(struct ublox7_uart *uart, uint32_t baud, uint8_t byte,
			   uint32_t from_baud, uint64_t start_ns,
			   uint16_t received[UBLOX7_RECEIVED_MAX])
{
	struct listener l = { .uart = uart, .baud = baud, .received = received };
	unsigned bits = 1u << 9 | (unsigned)byte << 1; /* stop, data, start */

	if (baud == 0 || from_baud == 0) {
		*uart = (struct ublox7_uart){ .known_ns = start_ns };
		return 0;
	}
	if (start_ns > uart->known_ns) {
		level(&l, false, start_ns);
	}
	for (unsigned i = 0; i < 10; i++) {
		level(&l, !(bits >> i & 1), start_ns + ublox7_bits_ns(i + 1, from_baud));
	}
	return l.n;
}
