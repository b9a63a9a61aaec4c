/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nmea_line: finds NMEA 0183 sentences ("$...*hh") with a right checksum in a byte stream. Nothing
 * of them is decoded: they show that a receiver is alive at this baud. Pure.
 */
#ifndef NMEA_LINE_H
#define NMEA_LINE_H

#include <stdbool.h>
#include <stdint.h>

#define NMEA_LINE_MAX 128 /* NMEA allows 82; u-blox's own reach 100 */

/* Zero-initialised is ready. */
struct nmea_line {
	uint8_t len, text[NMEA_LINE_MAX];
};

/* true: this byte ended a whole sentence. */
bool nmea_line_feed(struct nmea_line *line, uint8_t byte);

#endif
