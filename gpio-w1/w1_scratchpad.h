/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_scratchpad: one sensor's scratchpad over the bus: read, and its alarm registers made to hold
 * the sentinel. Pure; for w1_cycle.c. Results are 0 or an error of w1_error.h.
 */
#ifndef W1_SCRATCHPAD_H
#define W1_SCRATCHPAD_H

#include "w1_cycle.h"

/*
 * Reads until two in a row agree, where the bus was in trouble since it had `troubles`: a CRC of
 * eight bits lets 1 in 256 pass. W1_ENOPRESENCE also where no device pulled the line, and another
 * one gave the presence pulse. *retries grows.
 */
int w1_scratchpad_read(struct w1_bus *bus, const uint8_t rom[W1_ROM_SIZE], uint32_t troubles,
		       uint8_t sp[DS18B20_SCRATCHPAD_SIZE], unsigned *retries);

bool w1_scratchpad_needs_arming(const struct w1_device *d);
/*
 * The sentinel, and the resolution (bits 0: as it is), into RAM; read back. An error is the bus's;
 * that a sensor can't be armed is none.
 */
int w1_scratchpad_arm(struct w1_bus *bus, struct w1_device *d, unsigned bits);

/*
 * Two devices of one ROM code answer with the wired AND of their bytes, which may pass as a
 * scratchpad. With another sentinel, whose CRC differs in every bit, it does not, unless both hold
 * the same bytes or the AND is what one of them holds. W1_EDUPLICATE: two answered.
 */
int w1_scratchpad_check_single(struct w1_bus *bus, struct w1_device *d,
			       const uint8_t sp[DS18B20_SCRATCHPAD_SIZE]);

/*
 * Turns the sentinel where it must be, so that the alarm flag becomes that which it is not: only a
 * conversion can change it. *expected: the flag after it.
 */
int w1_scratchpad_turn(struct w1_bus *bus, struct w1_device *d, bool *expected);

#endif
