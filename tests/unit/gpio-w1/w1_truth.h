/* SPDX-License-Identifier: BSD-2-Clause */
/* What the simulated sensors really did, to hold a master's readings against. */
#ifndef W1_TRUTH_H
#define W1_TRUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "userspace/sim/w1_sim_line.h"

void truth_move(struct w1_sim *sim, unsigned device);

/* The index of the device with this ROM; `devices` if there is none. */
unsigned truth_device(struct w1_sim *sim, unsigned devices, const uint8_t *rom);

/* The conversion of this device to this value since then; NULL: none. */
const struct w1_slave_conversion *truth_conversion(struct w1_sim *sim, unsigned device,
						   uint64_t since_ns, int16_t raw);

enum truth { TRUTH_RIGHT, TRUTH_STALE, TRUTH_WRONG };

/* What an accepted value is: converted in the cycle that began at cycle_ns, before, or never. */
enum truth truth_of(struct w1_sim *sim, unsigned device, uint64_t cycle_ns, int16_t raw);

/* What a master gave, against what it was. */
struct truth_tally {
	unsigned reads, accepted, stale, wrong;
};

void truth_count(struct truth_tally *t, struct w1_sim *sim, unsigned device, uint64_t cycle_ns,
		 bool accepted, int16_t raw);

#endif
