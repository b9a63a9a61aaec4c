// SPDX-License-Identifier: BSD-2-Clause
#include "w1_sim_wire.h"

#include <stddef.h>

void w1_sim_wire_look(struct w1_sim *sim, unsigned index)
{
	struct w1_sim_device *d = &sim->devices[index];
	struct w1_slave *s = &d->slave;
	bool pulls = d->plugged && s->pulls;
	bool listen = d->plugged && !w1_slave_dormant(s);

	if (pulls != d->counted) {
		sim->pulling += pulls ? 1 : -1u;
		d->counted = pulls;
	}
	if (s->conversions != d->logged) {
		d->logged = s->conversions;
		sim->log[sim->n_logged++ % W1_SIM_CONVERSIONS_KEPT] =
			(struct w1_sim_conversion){ index, s->last };
	}
	if (listen && !d->listed) {
		sim->active[sim->n_active++] = (uint8_t)index;
	} else if (!listen && d->listed) {
		unsigned i = 0;

		while (sim->active[i] != index) {
			i++;
		}
		sim->active[i] = sim->active[--sim->n_active];
	}
	d->listed = listen;
}

bool w1_sim_wire_is_low(const struct w1_sim *sim)
{
	switch (sim->config.wiring) {
	case W1_SIM_SHORT_TO_GND:
		return true;
	case W1_SIM_SHORT_TO_VDD:
		return false;
	case W1_SIM_NO_PULLUP:
		return !sim->strong;
	case W1_SIM_WIRING_OK:
	default:
		return !sim->strong &&
		       (sim->master_low || sim->other_low || sim->pulling > 0 || sim->spike);
	}
}

static void wire_falls(struct w1_sim *sim, uint64_t at)
{
	if (at - sim->rose_ns >= sim->slowest_ns) {
		sim->fell_ns = at;
	}
	for (unsigned i = 0; i < sim->n_active; i++) {
		struct w1_sim_device *d = &sim->devices[sim->active[i]];

		if (d->rise_ns != W1_SLAVE_NEVER) {
			d->rise_ns = W1_SLAVE_NEVER; /* it never reached its threshold */
		} else {
			w1_slave_wire(&d->slave, false, at);
			w1_sim_wire_look(sim, sim->active[i]);
		}
	}
}

static void wire_rises(struct w1_sim *sim, uint64_t at)
{
	sim->rose_ns = at;
	if (at + sim->slowest_ns - sim->fell_ns >= W1_SLAVE_RESET_MIN_NS) {
		/* May be a reset: reaches devices that ignore slots, too. */
		for (unsigned i = 0; i < sim->n_devices; i++) {
			struct w1_sim_device *d = &sim->devices[i];

			if (d->plugged && !d->listed) {
				w1_slave_wire(&d->slave, false, sim->fell_ns);
				w1_sim_wire_look(sim, i);
			}
		}
	}
	for (unsigned i = 0; i < sim->n_active; i++) {
		struct w1_sim_device *d = &sim->devices[sim->active[i]];

		d->rise_ns = at + (sim->strong ? 0 : d->rise_delay_ns);
	}
}

void w1_sim_wire_update(struct w1_sim *sim, uint64_t at)
{
	bool low = w1_sim_wire_is_low(sim);

	if (low == sim->wire_low) {
		return;
	}
	sim->wire_low = low;
	if (low) {
		wire_falls(sim, at);
	} else {
		wire_rises(sim, at);
	}
}

static void plug(struct w1_sim *sim, unsigned index, bool in, uint64_t at)
{
	struct w1_sim_device *d = &sim->devices[index];

	if (d->fault != W1_SIM_DIP) {
		d->plugged = in;
		d->rise_ns = W1_SLAVE_NEVER;
		w1_slave_wire(&d->slave, in ? !sim->wire_low : true, at);
	}
	if ((d->fault != W1_SIM_CONTACT_OPEN && d->fault != W1_SIM_CONTACT_BOUNCES) ||
	    d->parasite) {
		w1_slave_power(&d->slave, in, at);
	}
	w1_sim_wire_look(sim, index);
}

/* Reset, Skip ROM, Convert T, in slots of 70 us. */
static void second_master(struct w1_sim *sim)
{
	static const uint16_t bits = 0x44cc; /* the lowest first */
	unsigned bit = sim->other_edge / 2 - 1;
	bool one = sim->other_edge > 1 && (bits >> bit & 1);

	sim->other_low = sim->other_edge % 2 == 0;
	if (sim->other_edge == 0) {
		sim->other_ns += 500 * W1_SIM_US;
	} else if (sim->other_edge == 1) {
		sim->other_ns += 500 * W1_SIM_US;
	} else if (sim->other_low) {
		sim->other_ns += (one ? 6 : 60) * W1_SIM_US;
	} else {
		sim->other_ns += (one ? 64 : 10) * W1_SIM_US;
	}
	if (++sim->other_edge == 2 * (1 + 16)) {
		sim->other_ns = W1_SLAVE_NEVER;
	}
}

void w1_sim_wire_plan(struct w1_sim *sim)
{
	sim->plan_ns = W1_SLAVE_NEVER;
	for (unsigned i = 0; i < sim->n_devices; i++) {
		const struct w1_sim_device *d = &sim->devices[i];

		if (d->off_ns < sim->plan_ns) {
			sim->plan_ns = d->off_ns;
		}
		if (d->on_ns < sim->plan_ns) {
			sim->plan_ns = d->on_ns;
		}
	}
}

/* From slots to a millisecond. */
static uint64_t bounce(struct w1_sim *sim)
{
	return w1_random_between(&sim->random, 5, 1000) * W1_SIM_US;
}

static void carry_out_plan(struct w1_sim *sim, uint64_t at)
{
	for (unsigned i = 0; i < sim->n_devices; i++) {
		struct w1_sim_device *d = &sim->devices[i];

		if (d->off_ns <= at) {
			d->off_ns = W1_SLAVE_NEVER;
			plug(sim, i, false, at);
			if (d->fault == W1_SIM_CONTACT_BOUNCES && d->bounces_until_ns > at) {
				d->on_ns = at + bounce(sim);
			}
		} else if (d->on_ns <= at) {
			d->on_ns = W1_SLAVE_NEVER;
			plug(sim, i, true, at);
			if (d->fault == W1_SIM_CONTACT_BOUNCES && d->bounces_until_ns > at) {
				d->off_ns = at + bounce(sim);
			}
		}
	}
	w1_sim_wire_plan(sim);
}

void w1_sim_wire_run(struct w1_sim *sim, uint64_t until)
{
	for (;;) {
		uint64_t at = sim->plan_ns < sim->spike_ns ? sim->plan_ns : sim->spike_ns;
		struct w1_sim_device *who = NULL;

		at = sim->other_ns < at ? sim->other_ns : at;

		for (unsigned i = 0; i < sim->n_active; i++) {
			struct w1_sim_device *d = &sim->devices[sim->active[i]];
			uint64_t next = d->rise_ns < d->slave.next_ns ? d->rise_ns
								      : d->slave.next_ns;

			if (next < at) {
				at = next;
				who = d;
			}
		}
		if (at > until) {
			return;
		}
		if (who && who->rise_ns == at) {
			who->rise_ns = W1_SLAVE_NEVER;
			w1_slave_wire(&who->slave, true, at);
		} else if (who) {
			w1_slave_run(&who->slave, at);
		} else if (at == sim->plan_ns) {
			carry_out_plan(sim, at);
		} else if (at == sim->other_ns) {
			second_master(sim);
		} else {
			sim->spike = !sim->spike;
			sim->spike_ns = sim->spike ? at + w1_random_between(&sim->random, 200,
									    3 * W1_SIM_US)
						   : W1_SLAVE_NEVER;
		}
		if (who) {
			w1_sim_wire_look(sim, (unsigned)(who - sim->devices));
		}
		w1_sim_wire_update(sim, at);
	}
}
