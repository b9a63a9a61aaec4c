// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "w1_truth.h"

#include <string.h>

/* A w1_slave's temp(): moves by more than 1/16 degC between two cycles, so that the last value is
 * never this one's. */
static int32_t truth_moving(void *ctx, uint64_t now_ns)
{
	return (int32_t)((now_ns / 100000000 * 1237 + (uintptr_t)ctx * 7919) % 150000) - 40000;
}

void truth_move(struct w1_sim *sim, unsigned device)
{
	struct w1_slave *s = w1_sim_slave(sim, device);

	s->temp = truth_moving;
	s->temp_ctx = (void *)(uintptr_t)(device + 1);
}

unsigned truth_device(struct w1_sim *sim, unsigned devices, const uint8_t *rom)
{
	unsigned i = 0;

	while (i < devices && memcmp(w1_sim_slave(sim, i)->rom, rom, 8) != 0) {
		i++;
	}
	return i;
}

const struct w1_slave_conversion *truth_conversion(struct w1_sim *sim, unsigned device,
						   uint64_t since_ns, int16_t raw)
{
	for (uint64_t i = w1_sim_conversions(sim); i > 0; i--) {
		const struct w1_sim_conversion *c = w1_sim_conversion(sim, i - 1);

		if (c == NULL || c->what.end_ns < since_ns) {
			return NULL;
		}
		if (c->device == device && c->what.start_ns >= since_ns && c->what.raw == raw) {
			return &c->what;
		}
	}
	return NULL;
}

enum truth truth_of(struct w1_sim *sim, unsigned device, uint64_t cycle_ns, int16_t raw)
{
	return truth_conversion(sim, device, cycle_ns, raw) ? TRUTH_RIGHT
	       : truth_conversion(sim, device, 0, raw)	    ? TRUTH_STALE
							    : TRUTH_WRONG;
}

void truth_count(struct truth_tally *t, struct w1_sim *sim, unsigned device, uint64_t cycle_ns,
		 bool accepted, int16_t raw)
{
	enum truth truth = accepted ? truth_of(sim, device, cycle_ns, raw) : TRUTH_RIGHT;

	t->reads++;
	t->accepted += accepted;
	t->stale += truth == TRUTH_STALE;
	t->wrong += truth == TRUTH_WRONG;
}
