/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ublox7_command: what the simulated receiver makes of the bytes it hears: frames, polls, sets, ACK
 * and NAK.
 *
 * Also the calls by which commands act on the rest of the receiver (ublox7.c). Not for users of
 * ublox7.h.
 */
#ifndef UBLOX7_COMMAND_H
#define UBLOX7_COMMAND_H

#include "ublox7.h"

/* A byte that was heard well. */
void ublox7_command_byte(struct ublox7 *u, uint8_t byte);
/* Carries out the oldest waiting command. */
void ublox7_command_run(struct ublox7 *u);

void ublox7_send_ubx(struct ublox7 *u, uint8_t cls, uint8_t id, const uint8_t *payload, size_t len);
/* As NMEA TXT and UBX-INF, as far as CFG-INF wants it; level 0 error, 1 warning, 2 notice. */
void ublox7_inform(struct ublox7 *u, unsigned level, const char *text);
void ublox7_schedule_epoch(struct ublox7 *u);
void ublox7_start_gnss(struct ublox7 *u, uint32_t ttff_ms, bool utc_known);
void ublox7_reboot(struct ublox7 *u);
void ublox7_sleep(struct ublox7 *u, uint32_t ms); /* backup mode; 0: until an edge on RXD */
void ublox7_stay_awake(struct ublox7 *u); /* power save: begins its time awake anew */
void ublox7_port_changed(struct ublox7 *u, uint32_t old_baud);

#endif
