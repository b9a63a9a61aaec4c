/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_replay: 1-Wire transactions that are repeated after a bad slot. Pure.
 *
 * The kernel's w1 core requests single slots from its master, and its interface has no error for a
 * violated one. So the master records every slot since the last reset. When one may have left the
 * data sheet's window, it resets the bus and repeats all of them; the bits read must be the same.
 * The caller gets a correct answer later instead of a wrong one at once.
 *
 * A command that may do harm when it comes twice (Copy Scratchpad; whatever is not a thermometer's)
 * is never repeated: from its last bit on a bad slot loses the transaction.
 *
 * When that fails too often the transaction is lost: nothing more is driven, reads give 1, and the
 * next resets report an empty bus, so that no reader accepts an old temperature, whose CRC is
 * correct, as a new one. w1_therm tries a transaction up to five times; that many resets are
 * failed.
 *
 * Calls are from one thread at a time (w1's bus mutex).
 */
#ifndef W1_REPLAY_H
#define W1_REPLAY_H

#include "../w1_slot.h"

#define W1_REPLAY_SLOTS 1024 /* of one transaction; a longer one is not repeated */

struct w1_replay {
	struct w1_slots slots; /* set up by the caller, with w1_slots_init() */

	/* to look at */
	uint64_t resets, replays, lost;

	/* private */
	uint8_t log[W1_REPLAY_SLOTS / 4]; /* two bits a slot: asked for, and answered */
	unsigned int n;
	unsigned int failing; /* resets still to be failed */
	bool broken;
};

/* 0: a device is present, 1: none, or the line is shorted. */
int w1_replay_reset(struct w1_replay *r);
/* A slot: a 0 is written; or a 1, which is a read as well. Gives the bit on the wire. */
int w1_replay_touch(struct w1_replay *r, bool bit);
/*
 * A slot that ends in a strong pull-up (the line's strong_pullup() is on when it returns, and the
 * caller ends it). False where the transaction is lost: then there is no pull-up.
 */
bool w1_replay_power(struct w1_replay *r, bool bit);

#endif
