/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_wire: a 1-Wire line in real time, with simulated thermometers on it. Pure: whoever calls
 * brings the time and the lock; the test module sim_chip.c does.
 *
 * What happens on the wire between two calls is worked out at the next one: no timer runs. The
 * master's edges and samples go to w1_sim_judge, which counts what is outside the data sheet; it
 * can't know of preemption here, so nothing is excused.
 *
 * Times are ns and never go back.
 */
#ifndef W1_WIRE_H
#define W1_WIRE_H

#include "../../userspace/sim/w1_random.h"
#include "../../userspace/sim/w1_sim_judge.h"
#include "../../userspace/sim/w1_slave.h"

#define W1_WIRE_DEVICES 16

enum w1_wire_stuck { W1_WIRE_FREE, W1_WIRE_LOW, W1_WIRE_HIGH, W1_WIRE_STUCK_COUNT };

struct w1_wire_device {
	struct w1_slave slave;
	bool plugged;
	bool bad_crc; /* settable: the scratchpad's CRC is sent with a flipped bit */
	bool listed, counted;
	uint32_t convert_ns; /* the device's own, while another is set */
};

struct w1_wire {
	/* to look at */
	struct w1_wire_device device[W1_WIRE_DEVICES];
	unsigned n_devices;
	struct w1_sim_judge judge;
	uint64_t longest_short_low_ns; /* the longest low that was meant for a 1 or a read: under 60
					  us */
	uint64_t latest_sample_ns; /* of a bit that a device sent, after the fall */

	/* settable */
	uint32_t noise_ppm; /* so many of a million samples come out wrong */
	uint32_t rc_ns; /* pull-up x capacitance: how slowly it rises */

	/* private */
	struct w1_random random;
	uint8_t active[W1_WIRE_DEVICES];
	unsigned n_active, pulling, n_parasite;
	enum w1_wire_stuck stuck;
	bool master_low, strong, low, sampled;
	uint64_t fell_ns, rose_ns, rising_ns, strong_ns, strong_need_ns;
};

void w1_wire_init(struct w1_wire *w, uint64_t seed);
/* Its index, or -1 when there are W1_WIRE_DEVICES. Before the line is used. */
int w1_wire_add(struct w1_wire *w, enum w1_model_id model, uint64_t seed, bool parasite,
		uint64_t now_ns);

/* The master: pulls low, lets go (also ends a strong pull-up), drives high, looks. */
void w1_wire_drive_low(struct w1_wire *w, uint64_t now_ns);
void w1_wire_release(struct w1_wire *w, uint64_t now_ns);
void w1_wire_drive_high(struct w1_wire *w, uint64_t now_ns);
bool w1_wire_sample(struct w1_wire *w, uint64_t now_ns);

/* The world: connected or torn out, stuck, and all devices brought up to now (before they are
 * looked at). */
void w1_wire_plug(struct w1_wire *w, unsigned device, bool in, uint64_t now_ns);
void w1_wire_stick(struct w1_wire *w, enum w1_wire_stuck stuck, uint64_t now_ns);
void w1_wire_settle(struct w1_wire *w, uint64_t now_ns);
/* A conversion at the highest resolution takes so long from now on; 0: what the device was made
 * with. */
void w1_wire_slow(struct w1_wire *w, uint32_t convert_ms);

#endif
