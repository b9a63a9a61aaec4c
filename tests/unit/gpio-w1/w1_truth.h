/* SPDX-License-Identifier: BSD-2-Clause */
/* What the simulated sensors really did, to hold a master's readings against. */
#ifndef W1_TRUTH_H
#define W1_TRUTH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "userspace/sim/w1_sim_line.h"

/* A w1_slave's temp(): moves by more than 1/16 degC between two cycles, so that the last value is
 * never this one's. */
static inline int32_t truth_moving(void *ctx, uint64_t now_ns)
{
	return (int32_t)((now_ns / 100000000 * 1237 + (uintptr_t)ctx * 7919) % 150000) - 40000;
}

static inline void truth_move(struct w1_sim *sim, unsigned device)
{
	struct w1_slave *s = w1_sim_slave(sim, device);

	s->temp = truth_moving;
	s->temp_ctx = (void *)(uintptr_t)(device + 1);
}

/* The index of the device with this ROM; `devices` if there is none. */
static inline unsigned truth_device(struct w1_sim *sim, unsigned devices, const uint8_t *rom)
{
	unsigned i = 0;

	while (i < devices && memcmp(w1_sim_slave(sim, i)->rom, rom, 8) != 0) {
		i++;
	}
	return i;
}

/* Did this device really convert to this value since then? */
static inline bool truth_converted(struct w1_sim *sim, unsigned device, uint64_t since_ns,
				   int16_t raw)
{
	for (uint64_t i = w1_sim_conversions(sim); i > 0; i--) {
		const struct w1_sim_conversion *c = w1_sim_conversion(sim, i - 1);

		if (c == NULL || c->what.end_ns < since_ns) {
			return false;
		}
		if (c->device == device && c->what.start_ns >= since_ns && c->what.raw == raw) {
			return true;
		}
	}
	return false;
}

enum truth { TRUTH_RIGHT, TRUTH_STALE, TRUTH_WRONG };

/* What an accepted value is: converted in the cycle that began at cycle_ns, before, or never. */
static inline enum truth truth_of(struct w1_sim *sim, unsigned device, uint64_t cycle_ns,
				  int16_t raw)
{
	return truth_converted(sim, device, cycle_ns, raw) ? TRUTH_RIGHT
	       : truth_converted(sim, device, 0, raw)	   ? TRUTH_STALE
							   : TRUTH_WRONG;
}

#endif
