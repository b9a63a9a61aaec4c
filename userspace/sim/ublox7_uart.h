/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ublox7_uart: what a UART receives on a line, also when the sender has another baud.
 *
 * The line's level is followed in time and sampled in the middle of each bit of
 * the listener, from the falling edge of a start bit on, so that a wrong baud gives
 * the bytes and framing errors that a real UART would give: a slow sender is received
 * as several bytes, a fast one as few. 8N1. Pure; copyable; zero is a valid state.
 */
#ifndef UBLOX7_UART_H
#define UBLOX7_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ublox7_uart {
	bool line_low;
	bool in_char;
	uint8_t bit; /* next to be sampled: 0 start, 1..8 data, 9 stop */
	uint8_t value;
	uint64_t edge_ns; /* of the start bit */
	uint64_t known_ns; /* the line's level is known until then */
};

#define UBLOX7_FRAMING_ERROR 0x100 /* beside the bits that were received */
#define UBLOX7_RECEIVED_MAX 8 /* a byte has at most five falling edges */

static inline uint64_t ublox7_bits_ns(unsigned bits, uint32_t baud)
{
	return (uint64_t)bits * 1000000000u / baud;
}

/* `byte` began on the line at start_ns at from_baud; a UART at `baud` (0: none) receives the
 * characters written to received. Returns their number. */
size_t ublox7_uart_receive(struct ublox7_uart *uart, uint32_t baud, uint8_t byte,
			   uint32_t from_baud, uint64_t start_ns,
			   uint16_t received[UBLOX7_RECEIVED_MAX]);

#endif
