// SPDX-License-Identifier: BSD-2-Clause
#include "w1_sim_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "w1_sim_wire.h"

#define US W1_SIM_US
#define START_NS 1000000000u
/* A GPIO drives 16 mA at most, a device at work takes up to 1.5 mA (data sheet, IDD). */
#define STRONG_PULLUP_DEVICES 10

/* --- the computer that the master runs on --- */

static uint32_t preemption_length(struct w1_sim *sim)
{
	uint32_t octaves = 0, base;

	while ((uint64_t)sim->config.preempt_min_ns << (octaves + 1) <=
	       sim->config.preempt_max_ns) {
		octaves++;
	}
	base = sim->config.preempt_min_ns << w1_random_between(&sim->random, 0, octaves);
	base += w1_random_between(&sim->random, 0, base);
	return base < sim->config.preempt_max_ns ? base : sim->config.preempt_max_ns;
}

/* An operation: from now to end; it acts at an instant in between. */
struct moment {
	uint64_t act_ns, end_ns;
	bool preempted_after;
};

static struct moment begin(struct w1_sim *sim, struct w1_sim_cost cost)
{
	uint64_t chance = w1_random_next(&sim->random);
	uint32_t takes =
		cost.min_ns +
		(uint32_t)(((uint64_t)(cost.max_ns - cost.min_ns + 1) * (chance & 0xFFFF)) >> 16);
	struct moment m = { .end_ns = sim->now_ns + takes };

	/* Near the middle: in and out of the kernel cost about the same. */
	m.act_ns = sim->now_ns + ((uint64_t)takes * (96 + (chance >> 16 & 0x3F)) >> 8);
	if (chance >> 32 < sim->preempt_threshold) {
		uint32_t away = preemption_length(sim);

		m.end_ns += away;
		m.preempted_after = chance >> 24 & 1;
		if (!m.preempted_after) {
			m.act_ns += away;
			sim->preemptions++;
		}
	}
	return m;
}

static void end(struct w1_sim *sim, const struct moment *m)
{
	sim->preemptions += m->preempted_after;
	sim->now_ns = m->end_ns;
}

static bool by_chance(struct w1_sim *sim, uint64_t threshold)
{
	return threshold > 0 && w1_random_next(&sim->random) >> 32 < threshold;
}

static bool noise(struct w1_sim *sim, uint64_t at)
{
	bool burst = at >= sim->burst_from_ns && at < sim->burst_until_ns;

	return by_chance(sim, burst ? sim->burst_threshold : sim->noise_threshold);
}

/* --- strong pull-up --- */

static bool works_on_parasite_power(struct w1_sim_device *d, uint64_t at)
{
	if (!d->parasite || !d->plugged) {
		return false;
	}
	w1_slave_run(&d->slave, at);
	return d->slave.busy == W1_SLAVE_CONVERTING || d->slave.busy == W1_SLAVE_COPYING;
}

static void set_strong(struct w1_sim *sim, bool on, uint64_t at)
{
	unsigned working = 0;

	if (on == sim->strong) {
		return;
	}
	sim->strong = on;
	if (!on && at - sim->strong_ns < sim->strong_need_ns) {
		w1_sim_judge_note(&sim->judge, W1_SIM_STRONG_SHORT, at, at - sim->strong_ns,
				  sim->preemptions != sim->reset_mark);
	}
	sim->strong_ns = at;
	sim->strong_need_ns = 0;
	for (unsigned i = 0; i < sim->n_devices && sim->n_parasite > 0; i++) {
		if (works_on_parasite_power(&sim->devices[i], at)) {
			uint64_t need = w1_slave_busy_max_ns(&sim->devices[i].slave);

			working++;
			if (on && need > sim->strong_need_ns) {
				sim->strong_need_ns = need;
			}
		}
		w1_sim_wire_look(sim, i);
	}
	if (on && working > 0 && !sim->master_low && at - sim->judge.release_ns > 10 * US) {
		w1_sim_judge_note(&sim->judge, W1_SIM_STRONG_LATE, at, at - sim->judge.release_ns,
				  sim->preemptions != sim->judge.release_mark);
	}
	for (unsigned i = 0; i < sim->n_devices && sim->n_parasite > 0; i++) {
		w1_slave_strong_pullup(&sim->devices[i].slave,
				       on && working <= STRONG_PULLUP_DEVICES, at);
		w1_sim_wire_look(sim, i);
	}
}

/* --- struct w1_line_ops --- */

static void judge_release(struct w1_sim *sim, uint64_t at)
{
	uint64_t resets = sim->judge.resets;

	w1_sim_judge_release(&sim->judge, at, sim->n_parasite > 0, sim->preemptions);
	if (sim->judge.resets != resets) {
		sim->reset_mark = sim->preemptions;
	}
}

static int line_drive_low(void *ctx)
{
	struct w1_sim *sim = ctx;
	struct moment m = begin(sim, sim->config.set);
	uint64_t high_ns = 0; /* the master is not judged on a faulty wire */

	w1_sim_wire_run(sim, m.act_ns);
	if (sim->config.wiring == W1_SIM_WIRING_OK) {
		high_ns = sim->wire_low ? UINT64_MAX : sim->rose_ns + sim->slowest_ns;
	}
	w1_sim_judge_fall(&sim->judge, m.act_ns, high_ns);
	for (unsigned i = 0; i < sim->n_devices && sim->n_parasite > 0; i++) {
		if (!sim->master_low && works_on_parasite_power(&sim->devices[i], m.act_ns)) {
			w1_sim_judge_note(&sim->judge, W1_SIM_PARASITE_TRAFFIC, m.act_ns, 0,
					  sim->preemptions != sim->reset_mark);
		}
	}
	set_strong(sim, false, m.act_ns);
	sim->master_low = true;
	w1_sim_wire_update(sim, m.act_ns);
	for (unsigned i = 0; i < sim->n_active; i++) {
		const struct w1_slave *s = &sim->devices[sim->active[i]].slave;

		if (s->phase == W1_SLAVE_SLOT && s->transmitting) {
			w1_sim_judge_is_read(&sim->judge);
		}
	}
	end(sim, &m);
	return 0;
}

static void let_go(struct w1_sim *sim, uint64_t at)
{
	if (sim->master_low) {
		judge_release(sim, at);
		if (noise(sim, at) && sim->spike_ns == W1_SLAVE_NEVER) {
			sim->spike_ns = at + w1_random_between(&sim->random, 0, 100 * US);
		}
	}
	sim->master_low = false;
}

static int line_release(void *ctx)
{
	struct w1_sim *sim = ctx;
	struct moment m = begin(sim, sim->config.set);

	w1_sim_wire_run(sim, m.act_ns);
	set_strong(sim, false, m.act_ns);
	let_go(sim, m.act_ns);
	w1_sim_wire_update(sim, m.act_ns);
	end(sim, &m);
	return 0;
}

static int line_sample(void *ctx)
{
	struct w1_sim *sim = ctx;
	struct moment m = begin(sim, sim->config.get);
	/* The input's threshold is near half the supply: 0.7 RC. */
	uint64_t rise_ns = sim->strong ? 0 : (uint64_t)sim->config.rc_ns * 7 / 10;
	bool level;

	w1_sim_wire_run(sim, m.act_ns);
	level = !sim->wire_low && m.act_ns - sim->rose_ns >= rise_ns;
	level ^= noise(sim, m.act_ns);
	w1_sim_judge_sample(&sim->judge, m.act_ns, level, sim->preemptions);
	end(sim, &m);
	return level;
}

static int line_strong_pullup(void *ctx, bool on)
{
	struct w1_sim *sim = ctx;
	struct moment m = begin(sim, sim->config.reconfigure);

	if (sim->config.no_strong_pullup) {
		end(sim, &m);
		return -EOPNOTSUPP;
	}
	w1_sim_wire_run(sim, m.act_ns);
	set_strong(sim, on, m.act_ns);
	let_go(sim, m.act_ns);
	w1_sim_wire_update(sim, m.act_ns);
	end(sim, &m);
	return 0;
}

static uint64_t line_now_ns(void *ctx)
{
	struct w1_sim *sim = ctx;
	struct moment m = begin(sim, sim->config.clock);

	end(sim, &m);
	return m.act_ns;
}

static void line_spin_until(void *ctx, uint64_t until_ns)
{
	struct w1_sim *sim = ctx;
	uint64_t chance = w1_random_next(&sim->random);

	if (chance >> 32 < sim->preempt_threshold) {
		uint64_t ahead = until_ns > sim->now_ns ? until_ns - sim->now_ns : 0;

		sim->now_ns += ((ahead & UINT32_MAX) * (chance & UINT32_MAX)) >> 32;
		sim->now_ns += preemption_length(sim);
		sim->preemptions++;
	}
	if (sim->now_ns < until_ns) {
		sim->now_ns = until_ns;
	}
	sim->now_ns += ((uint64_t)sim->config.clock.max_ns * (chance & 0xFFFF)) >> 16;
}

static void line_sleep_until(void *ctx, uint64_t until_ns)
{
	struct w1_sim *sim = ctx;

	if (sim->now_ns < until_ns) {
		sim->now_ns = until_ns + w1_random_between(&sim->random, sim->config.wake.min_ns,
							   sim->config.wake.max_ns);
	}
	line_spin_until(sim, sim->now_ns);
}

static const struct w1_line_ops line_ops = {
	.drive_low = line_drive_low,
	.release = line_release,
	.sample = line_sample,
	.strong_pullup = line_strong_pullup,
	.now_ns = line_now_ns,
	.spin_until = line_spin_until,
	.sleep_until = line_sleep_until,
};

struct w1_line w1_sim_line(struct w1_sim *sim)
{
	return (struct w1_line){ .ops = &line_ops, .ctx = sim };
}

/* --- the face --- */

static struct w1_sim_cost cost_or(struct w1_sim_cost cost, uint32_t min_ns, uint32_t max_ns)
{
	return cost.max_ns > 0 ? cost : (struct w1_sim_cost){ min_ns, max_ns };
}

static uint64_t threshold(uint32_t ppm)
{
	return ((uint64_t)ppm << 32) / 1000000;
}

struct w1_sim *w1_sim_new(const struct w1_sim_config *config)
{
	struct w1_sim *sim = calloc(1, sizeof(*sim));
	struct w1_sim_config *c;

	if (!sim) {
		return NULL;
	}
	c = &sim->config;
	*c = *config;
	c->set = cost_or(c->set, 2000, 3500);
	c->get = cost_or(c->get, 1500, 3000);
	c->reconfigure = cost_or(c->reconfigure, 5000, 10000);
	c->clock = cost_or(c->clock, 50, 250);
	if (c->preempt_max_ns == 0) {
		c->preempt_min_ns = 1 * US;
		c->preempt_max_ns = 5000 * US;
	}
	c->wake = cost_or(c->wake, 8 * US, 30 * US);
	if (c->rc_ns == 0) {
		c->rc_ns = 470;
	}
	w1_random_init(&sim->random, c->seed);
	sim->preempt_threshold = threshold(c->preempt_ppm);
	sim->noise_threshold = threshold(c->noise_ppm);
	sim->now_ns = START_NS;
	sim->plan_ns = W1_SLAVE_NEVER;
	sim->spike_ns = W1_SLAVE_NEVER;
	sim->other_ns = W1_SLAVE_NEVER;
	sim->wire_low = w1_sim_wire_is_low(sim);
	sim->fell_ns = START_NS;
	return sim;
}

void w1_sim_free(struct w1_sim *sim)
{
	free(sim);
}

int w1_sim_add(struct w1_sim *sim, enum w1_model_id model, bool parasite)
{
	unsigned index = sim->n_devices;
	struct w1_sim_device *d = &sim->devices[index];

	if (index == W1_SIM_DEVICES) {
		return -ENOSPC;
	}
	w1_sim_wire_run(sim, sim->now_ns);
	/* VIH is 2.2 V of 3.3 V, 3.0 V on parasite power: 1.1 and 2.4 RC, a tenth up or down. */
	d->rise_delay_ns = (uint32_t)((uint64_t)sim->config.rc_ns * (parasite ? 24 : 11) *
				      w1_random_between(&sim->random, 90, 110) / 1000);
	if (d->rise_delay_ns > sim->slowest_ns) {
		sim->slowest_ns = d->rise_delay_ns;
	}
	w1_slave_init(&d->slave, model, sim->config.seed * W1_SIM_DEVICES + index, parasite,
		      sim->now_ns);
	d->parasite = parasite;
	sim->n_parasite += parasite;
	d->plugged = true;
	d->rise_ns = d->off_ns = d->on_ns = W1_SLAVE_NEVER;
	sim->n_devices++;
	w1_slave_wire(&d->slave, !sim->wire_low, sim->now_ns);
	w1_sim_wire_look(sim, index);
	w1_sim_wire_update(sim, sim->now_ns);
	return (int)index;
}

static void settle_all(struct w1_sim *sim)
{
	w1_sim_wire_run(sim, sim->now_ns);
	for (unsigned i = 0; i < sim->n_devices; i++) {
		w1_slave_run(&sim->devices[i].slave, sim->now_ns);
		w1_sim_wire_look(sim, i);
	}
	w1_sim_wire_update(sim, sim->now_ns);
}

struct w1_slave *w1_sim_slave(struct w1_sim *sim, unsigned device)
{
	settle_all(sim);
	return device < sim->n_devices ? &sim->devices[device].slave : NULL;
}

void w1_sim_plan(struct w1_sim *sim, unsigned device, enum w1_sim_fault fault, uint64_t off_ns,
		 uint64_t on_ns)
{
	if (device < sim->n_devices) {
		/* Past plans take effect now: time does not go back. */
		sim->devices[device].fault = fault;
		sim->devices[device].off_ns = off_ns > sim->now_ns ? off_ns : sim->now_ns;
		sim->devices[device].on_ns = on_ns > sim->now_ns ? on_ns : sim->now_ns;
		sim->devices[device].bounces_until_ns = on_ns;
		w1_sim_wire_plan(sim);
		settle_all(sim);
	}
}

void w1_sim_unplug(struct w1_sim *sim, unsigned device, uint64_t off_ns, uint64_t on_ns)
{
	w1_sim_plan(sim, device, W1_SIM_UNPLUGGED, off_ns, on_ns);
}

void w1_sim_burst(struct w1_sim *sim, uint32_t ppm, uint64_t from_ns, uint64_t until_ns)
{
	sim->burst_threshold = threshold(ppm);
	sim->burst_from_ns = from_ns;
	sim->burst_until_ns = until_ns;
}

void w1_sim_second_master(struct w1_sim *sim, uint64_t at_ns)
{
	sim->other_edge = 0;
	sim->other_low = false;
	sim->other_ns = at_ns > sim->now_ns ? at_ns : sim->now_ns;
}

void w1_sim_advance(struct w1_sim *sim, uint64_t ns)
{
	sim->now_ns += ns;
	settle_all(sim);
}

uint64_t w1_sim_now(const struct w1_sim *sim)
{
	return sim->now_ns;
}

void w1_sim_set_wiring(struct w1_sim *sim, enum w1_sim_wiring wiring)
{
	settle_all(sim);
	sim->config.wiring = wiring;
	w1_sim_wire_update(sim, sim->now_ns);
}

void w1_sim_set_preemption(struct w1_sim *sim, uint32_t ppm)
{
	sim->preempt_threshold = threshold(ppm);
}

void w1_sim_set_noise(struct w1_sim *sim, uint32_t ppm)
{
	sim->noise_threshold = threshold(ppm);
}

const struct w1_sim_judge *w1_sim_judge(const struct w1_sim *sim)
{
	return &sim->judge;
}

void w1_sim_clear(struct w1_sim *sim)
{
	settle_all(sim);
	memset(&sim->judge, 0, sizeof(sim->judge));
	sim->n_logged = 0;
}

uint64_t w1_sim_conversions(struct w1_sim *sim)
{
	settle_all(sim);
	return sim->n_logged;
}

const struct w1_sim_conversion *w1_sim_conversion(struct w1_sim *sim, uint64_t index)
{
	if (index >= sim->n_logged || sim->n_logged - index > W1_SIM_CONVERSIONS_KEPT) {
		return NULL;
	}
	return &sim->log[index % W1_SIM_CONVERSIONS_KEPT];
}

uint64_t w1_sim_preemptions(const struct w1_sim *sim)
{
	return sim->preemptions;
}

bool w1_sim_released(const struct w1_sim *sim)
{
	return !sim->master_low && !sim->strong;
}
