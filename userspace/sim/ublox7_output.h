/* SPDX-License-Identifier: BSD-2-Clause */
/* ublox7_output: the transmit buffer of the simulated receiver. Not for users of ublox7.h. */
#ifndef UBLOX7_OUTPUT_H
#define UBLOX7_OUTPUT_H

#include "ublox7.h"

/* Puts the next byte of the buffer on the line, unless there is one already. */
void ublox7_output_start(struct ublox7 *u, uint64_t at_ns);
/* A message, whole or, when the buffer is full, not at all. */
void ublox7_output_send(struct ublox7 *u, const void *bytes, size_t len);
void ublox7_send_ubx(struct ublox7 *u, uint8_t cls, uint8_t id, const uint8_t *payload, size_t len);
/* As NMEA TXT and UBX-INF, as far as CFG-INF enables it; level 0 error, 1 warning, 2 notice. */
void ublox7_inform(struct ublox7 *u, unsigned level, const char *text);

#endif
