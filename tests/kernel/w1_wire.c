// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_wire.h"

#include <linux/string.h>

#define US 1000u
#define MS 1000000u
/* A GPIO drives 16 mA at most, a device at work takes up to 1.5 mA (data sheet, IDD). */
#define STRONG_PULLUP_DEVICES 10

/* After each call into a slave: does it pull, must it be told of edges? */
static void look_at(struct w1_wire *w, unsigned int index)
{
	struct w1_wire_device *d = &w->device[index];
	bool pulls = d->plugged && d->slave.pulls;
	bool listen = d->plugged && !w1_slave_dormant(&d->slave);

	if (pulls != d->counted) {
		w->pulling += pulls ? 1 : -1u;
		d->counted = pulls;
	}
	if (listen && !d->listed) {
		w->active[w->n_active++] = (uint8_t)index;
	} else if (!listen && d->listed) {
		unsigned int i = 0;

		while (w->active[i] != index) {
			i++;
		}
		w->active[i] = w->active[--w->n_active];
	}
	d->listed = listen;
}

/* Bit 1 of the CRC, just before it is sent. */
static void spoil_crc(struct w1_wire_device *d)
{
	if (d->bad_crc && d->slave.state == W1_SLAVE_SEND_SCRATCHPAD && d->slave.count == 65 &&
	    d->slave.phase == W1_SLAVE_SLOT) {
		d->slave.shift ^= 0x02;
	}
}

static void tell(struct w1_wire *w, bool high, uint64_t at)
{
	/* A device may leave the list when it is told: from the end none is skipped. */
	for (unsigned int i = w->n_active; i-- > 0;) {
		unsigned int index = w->active[i];

		w1_slave_wire(&w->device[index].slave, high, at);
		if (!high) {
			spoil_crc(&w->device[index]);
		}
		look_at(w, index);
	}
}

static void rises(struct w1_wire *w, uint64_t at)
{
	w->rising_ns = W1_SLAVE_NEVER;
	if (at - w->fell_ns >= W1_SLAVE_RESET_MIN_NS) {
		/* This may be a reset: it concerns those, too, that let the slots pass. */
		for (unsigned int i = 0; i < w->n_devices; i++) {
			struct w1_wire_device *d = &w->device[i];

			if (d->plugged && !d->listed) {
				w1_slave_wire(&d->slave, false, w->fell_ns);
				look_at(w, i);
			}
		}
	}
	tell(w, true, at);
}

static bool is_low(const struct w1_wire *w)
{
	switch (w->stuck) {
	case W1_WIRE_LOW:
		return true;
	case W1_WIRE_HIGH:
		return false;
	default:
		return !w->strong && (w->master_low || w->pulling > 0);
	}
}

/* From the release until devices see it high: 2.2 V of 3.3 V is 1.1 RC, 3.0 V on parasite
 * power 2.4. */
static uint32_t device_rise(const struct w1_wire *w)
{
	return w->strong ? 0 : w->rc_ns / 10 * (w->n_parasite > 0 ? 24 : 11);
}

static void update(struct w1_wire *w, uint64_t at)
{
	/* Whom an edge makes pull or let go makes the next one. */
	while (is_low(w) != w->low) {
		w->low = !w->low;
		if (!w->low) {
			w->rose_ns = at;
			w->rising_ns = at + device_rise(w);
		} else if (w->rising_ns != W1_SLAVE_NEVER) {
			w->rising_ns = W1_SLAVE_NEVER; /* no device saw it high */
		} else {
			w->fell_ns = at;
			tell(w, false, at);
		}
		if (w->rising_ns == at) {
			rises(w, at);
		}
	}
}

static void run_until(struct w1_wire *w, uint64_t until)
{
	for (;;) {
		struct w1_wire_device *who = NULL;
		uint64_t at = until;

		for (unsigned int i = 0; i < w->n_active; i++) {
			struct w1_wire_device *d = &w->device[w->active[i]];

			if (d->slave.next_ns <= at) {
				at = d->slave.next_ns;
				who = d;
			}
		}
		if (w->rising_ns <= at) {
			at = w->rising_ns;
			rises(w, at);
		} else if (who) {
			w1_slave_run(&who->slave, at);
			look_at(w, (unsigned int)(who - w->device));
		} else {
			return;
		}
		update(w, at);
	}
}

static bool works(struct w1_slave *s, uint64_t at)
{
	if (!s->parasite) {
		return false;
	}
	w1_slave_run(s, at);
	return s->busy == W1_SLAVE_CONVERTING || s->busy == W1_SLAVE_COPYING;
}

static void set_strong(struct w1_wire *w, bool on, uint64_t at)
{
	unsigned int working = 0;

	if (on == w->strong) {
		return;
	}
	w->strong = on;
	if (w->n_parasite == 0) {
		return;
	}
	if (!on && at - w->strong_ns < w->strong_need_ns) {
		w1_sim_judge_note(&w->judge, W1_SIM_STRONG_SHORT, at, at - w->strong_ns, false);
	}
	w->strong_ns = at;
	w->strong_need_ns = 0;
	for (unsigned int i = 0; i < w->n_devices; i++) {
		struct w1_wire_device *d = &w->device[i];

		if (d->plugged && works(&d->slave, at)) {
			uint64_t need = w1_slave_busy_max_ns(&d->slave);

			working++;
			if (on && need > w->strong_need_ns) {
				w->strong_need_ns = need;
			}
		}
		look_at(w, i);
	}
	if (on && working > 0 && !w->master_low && at - w->judge.release_ns > 10 * US) {
		w1_sim_judge_note(&w->judge, W1_SIM_STRONG_LATE, at, at - w->judge.release_ns,
				  false);
	}
	for (unsigned int i = 0; i < w->n_devices; i++) {
		w1_slave_strong_pullup(&w->device[i].slave, on && working <= STRONG_PULLUP_DEVICES,
				       at);
		look_at(w, i);
	}
}

/* --- the master --- */

void w1_wire_drive_low(struct w1_wire *w, uint64_t now)
{
	run_until(w, now);
	if (w->master_low) {
		return;
	}
	if (w->stuck == W1_WIRE_FREE) {
		/* A faulty wire is not the master's fault. */
		w1_sim_judge_fall(&w->judge, now,
				  w->low ? UINT64_MAX : w->rose_ns + device_rise(w));
	}
	for (unsigned int i = 0; i < w->n_devices && w->n_parasite > 0; i++) {
		if (w->device[i].plugged && works(&w->device[i].slave, now)) {
			w1_sim_judge_note(&w->judge, W1_SIM_PARASITE_TRAFFIC, now, 0, false);
		}
		look_at(w, i);
	}
	set_strong(w, false, now);
	w->master_low = true;
	w->sampled = false;
	update(w, now);
	for (unsigned int i = 0; i < w->n_active; i++) {
		const struct w1_slave *s = &w->device[w->active[i]].slave;

		if (s->phase == W1_SLAVE_SLOT && s->transmitting) {
			w1_sim_judge_is_read(&w->judge);
		}
	}
}

static void let_go(struct w1_wire *w, uint64_t now)
{
	uint64_t low_for = now - w->judge.fall_ns;

	if (w->master_low && w->stuck == W1_WIRE_FREE) {
		if (low_for < 60 * US && low_for > w->longest_short_low_ns) {
			w->longest_short_low_ns = low_for;
		}
		w1_sim_judge_release(&w->judge, now, w->n_parasite > 0, 0);
	}
	w->master_low = false;
}

void w1_wire_release(struct w1_wire *w, uint64_t now)
{
	run_until(w, now);
	set_strong(w, false, now);
	let_go(w, now);
	update(w, now);
}

void w1_wire_drive_high(struct w1_wire *w, uint64_t now)
{
	run_until(w, now);
	set_strong(w, true, now);
	let_go(w, now);
	update(w, now);
}

bool w1_wire_sample(struct w1_wire *w, uint64_t now)
{
	bool level;

	run_until(w, now);
	/* The input's threshold is half the supply: 0.7 RC. */
	level = !w->low && (w->strong || now - w->rose_ns >= w->rc_ns / 10 * 7);
	if (w->noise_ppm > 0 && w1_random_between(&w->random, 0, 999999) < w->noise_ppm) {
		level = !level;
	}
	if (w->judge.read_slot && !w->judge.after_reset && !w->sampled &&
	    now - w->judge.fall_ns > w->latest_sample_ns) {
		w->latest_sample_ns = now - w->judge.fall_ns;
	}
	w->sampled = true;
	w1_sim_judge_sample(&w->judge, now, level, 0);
	return level;
}

/* --- the world --- */

void w1_wire_settle(struct w1_wire *w, uint64_t now)
{
	run_until(w, now);
	for (unsigned int i = 0; i < w->n_devices; i++) {
		w1_slave_run(&w->device[i].slave, now);
		look_at(w, i);
	}
	update(w, now);
}

void w1_wire_plug(struct w1_wire *w, unsigned int index, bool in, uint64_t now)
{
	struct w1_wire_device *d = &w->device[index];

	run_until(w, now);
	if (d->plugged == in) {
		return;
	}
	d->plugged = in;
	w1_slave_wire(&d->slave, in ? !w->low : true, now);
	w1_slave_power(&d->slave, in, now);
	look_at(w, index);
	update(w, now);
}

void w1_wire_stick(struct w1_wire *w, enum w1_wire_stuck stuck, uint64_t now)
{
	run_until(w, now);
	w->stuck = stuck;
	update(w, now);
}

void w1_wire_slow(struct w1_wire *w, uint32_t convert_ms)
{
	for (unsigned int i = 0; i < w->n_devices; i++) {
		struct w1_wire_device *d = &w->device[i];

		d->slave.timing.convert_ns = convert_ms > 0 ? convert_ms * MS : d->convert_ns;
	}
}

int w1_wire_add(struct w1_wire *w, enum w1_model_id model, uint64_t seed, bool parasite,
		uint64_t now)
{
	unsigned int index = w->n_devices;
	struct w1_wire_device *d = &w->device[index];

	if (index == W1_WIRE_DEVICES) {
		return -1;
	}
	w1_slave_init(&d->slave, model, seed, parasite, now);
	d->convert_ns = d->slave.timing.convert_ns;
	d->plugged = true;
	w->n_parasite += parasite;
	w->n_devices++;
	look_at(w, index);
	update(w, now);
	return (int)index;
}

void w1_wire_init(struct w1_wire *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w1_random_init(&w->random, seed);
	w->rising_ns = W1_SLAVE_NEVER;
}
