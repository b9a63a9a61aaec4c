/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ublox7_command: from bytes on RXD to frames, polls, sets, ACK and NAK.
 * Not for users of ublox7.h.
 */
#ifndef UBLOX7_COMMAND_H
#define UBLOX7_COMMAND_H

#include "ublox7.h"

/* A byte without a framing error. */
void ublox7_command_byte(struct ublox7 *u, uint8_t byte);
/* Carries out the oldest waiting command. */
void ublox7_command_run(struct ublox7 *u);

#endif
