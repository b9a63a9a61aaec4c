/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * w1_sim_wire: the wire of w1_sim_line, its pull-up, and the devices that hang on it. For
 * w1_sim_line.c only, which adds the computer that drives it and the clock.
 */
#ifndef W1_SIM_WIRE_H
#define W1_SIM_WIRE_H

#include "w1_random.h"
#include "w1_sim_line.h"

#define W1_SIM_US 1000u

struct w1_sim_device {
	struct w1_slave slave;
	bool parasite, plugged;
	bool listed; /* in sim->active */
	bool counted; /* in sim->pulling */
	uint32_t rise_delay_ns; /* from release to its own threshold */
	uint64_t rise_ns; /* time at which it detects the wire as high */
	enum w1_sim_fault fault; /* the plan */
	uint64_t off_ns, on_ns, bounces_until_ns;
	uint32_t logged;
};

struct w1_sim {
	struct w1_sim_config config;
	struct w1_random random;
	uint64_t now_ns;
	struct w1_sim_judge judge;
	uint64_t preemptions, reset_mark;
	uint64_t preempt_threshold, noise_threshold; /* of 2^32 */

	struct w1_sim_device devices[W1_SIM_DEVICES];
	unsigned n_devices, n_parasite;
	uint8_t active[W1_SIM_DEVICES]; /* devices that receive edges */
	unsigned n_active, pulling;
	uint32_t slowest_ns; /* largest rise delay */
	uint64_t plan_ns; /* the next planned event of any device */

	bool master_low, strong, wire_low;
	uint64_t rose_ns; /* the wire was let go */
	uint64_t fell_ns; /* it fell, as the slowest device sees it */
	bool spike;
	uint64_t spike_ns; /* when it begins or ends */
	uint64_t strong_ns, strong_need_ns;
	uint64_t burst_threshold, burst_from_ns, burst_until_ns;
	bool other_low; /* the second master pulls */
	unsigned other_edge; /* its next one */
	uint64_t other_ns; /* when */

	struct w1_sim_conversion log[W1_SIM_CONVERSIONS_KEPT];
	uint64_t n_logged;
};

/* After each call into a slave: updates pull, need for edges, and conversions. */
void w1_sim_wire_look(struct w1_sim *sim, unsigned index);
/* The level by the present pulls. */
bool w1_sim_wire_is_low(const struct w1_sim *sim);
/* A pull has changed: updates the level and notifies all devices. */
void w1_sim_wire_update(struct w1_sim *sim, uint64_t at);
/* Runs all events on the wire up to and including a time. */
void w1_sim_wire_run(struct w1_sim *sim, uint64_t until);
/* After a change of any device's plan. */
void w1_sim_wire_plan(struct w1_sim *sim);

#endif
