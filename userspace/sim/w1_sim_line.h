/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * w1_sim_line: a 1-Wire bus with up to 64 devices, in virtual time.
 *
 * It answers physics, not calls: the master and the devices (w1_slave.h) pull a
 * wire low or let it go, the pull-up raises it by its RC time, and each device detects the rise at
 * its own threshold. Time passes only inside the operations of the line, each of which has a cost
 * drawn from a seed and may be preempted before or after it acts, as on a real computer; so a
 * minute on the bus takes milliseconds. Equal seeds and equal calls give equal runs.
 *
 * w1_sim_judge.h reports what the master did wrong; w1_sim_conversion() what
 * the devices really did, to prove that a value is neither wrong nor stale.
 *
 * Ownership: w1_sim_new() allocates, w1_sim_free() frees and accepts NULL. A
 * struct w1_line made of it is valid until then.
 * Threads: one at a time; between two cycles the caller may use it (w1_sim_advance).
 * Errors: NULL or a negative errno. All times ns of virtual time, which begins at 1 s.
 */
#ifndef W1_SIM_LINE_H
#define W1_SIM_LINE_H

#include "gpio-w1/w1_line.h"
#include "w1_sim_judge.h"
#include "w1_slave.h"

#define W1_SIM_DEVICES 64
#define W1_SIM_CONVERSIONS_KEPT 1024

enum w1_sim_wiring {
	W1_SIM_WIRING_OK,
	W1_SIM_SHORT_TO_GND,
	W1_SIM_SHORT_TO_VDD,
	W1_SIM_NO_PULLUP, /* floats low unless driven high */
};

/* What an operation takes: from, to, in ns. */
struct w1_sim_cost {
	uint32_t min_ns, max_ns;
};

struct w1_sim_config {
	uint64_t seed;
	struct w1_sim_cost set, get, reconfigure, clock; /* all zero: a Pi 3 (estimated) */
	uint32_t preempt_ppm; /* chance per operation */
	uint32_t preempt_min_ns, preempt_max_ns; /* log-uniform; zero: 1 us to 5 ms */
	struct w1_sim_cost wake; /* how late a sleeper wakes up; zero: 8 to 30 us, a real-time
				    thread (estimated) */
	uint32_t rc_ns; /* pull-up x capacitance; zero: 4.7 kohm x 100 pF */
	uint32_t noise_ppm; /* chance per slot of a low spike of 0.2 to 3 us, and per sample of a
			       flip */
	enum w1_sim_wiring wiring;
	bool no_strong_pullup; /* strong_pullup() gives -EOPNOTSUPP */
};

struct w1_sim_conversion {
	unsigned device;
	struct w1_slave_conversion what;
};

struct w1_sim;

struct w1_sim *w1_sim_new(const struct w1_sim_config *config);
void w1_sim_free(struct w1_sim *sim);
struct w1_line w1_sim_line(struct w1_sim *sim);

/*
 * Two genuine DS18B20 whose temperatures wander slowly with virtual time; a
 * sound bus with no preemption. Used where no hardware is.
 */
struct w1_sim *w1_sim_new_demo(uint64_t seed);

/* Lets idle time pass: so virtual time can follow real time. */
void w1_sim_advance(struct w1_sim *sim, uint64_t ns);
uint64_t w1_sim_now(const struct w1_sim *sim);

/* The index of the new device, or -ENOSPC. The bus's seed and the index make its timing and ROM. */
int w1_sim_add(struct w1_sim *sim, enum w1_model_id model, bool parasite);

/* Valid until the sim is freed; up to date. NULL if there is no such device. */
struct w1_slave *w1_sim_slave(struct w1_sim *sim, unsigned device);

/* What happens to a device for a while. */
enum w1_sim_fault {
	W1_SIM_UNPLUGGED, /* off the wire and without power: vanished, swapped, plugged in later */
	W1_SIM_CONTACT_OPEN, /* off the wire; it keeps its supply */
	W1_SIM_CONTACT_BOUNCES, /* off the wire and on it again, many times; it keeps its supply */
	W1_SIM_DIP, /* without supply, on the wire */
};

/* From off_ns until on_ns (W1_SLAVE_NEVER: for good). One plan per device. */
void w1_sim_plan(struct w1_sim *sim, unsigned device, enum w1_sim_fault fault, uint64_t off_ns,
		 uint64_t on_ns);
/* The same, W1_SIM_UNPLUGGED. */
void w1_sim_unplug(struct w1_sim *sim, unsigned device, uint64_t off_ns, uint64_t on_ns);

/* Noise of ppm (as in the configuration) from from_ns until until_ns. One burst at a time. */
void w1_sim_burst(struct w1_sim *sim, uint32_t ppm, uint64_t from_ns, uint64_t until_ns);
/* At that time another master resets the bus and has all devices convert. One at a time. */
void w1_sim_second_master(struct w1_sim *sim, uint64_t at_ns);

void w1_sim_set_wiring(struct w1_sim *sim, enum w1_sim_wiring wiring);

/* Changes the temperature during a run. */
void w1_sim_set_preemption(struct w1_sim *sim, uint32_t ppm);
void w1_sim_set_noise(struct w1_sim *sim, uint32_t ppm);

const struct w1_sim_judge *w1_sim_judge(const struct w1_sim *sim);
/* Forgets what the judge and the log hold. */
void w1_sim_clear(struct w1_sim *sim);

/* Completed conversions of all devices, oldest first; the last W1_SIM_CONVERSIONS_KEPT are kept. */
uint64_t w1_sim_conversions(struct w1_sim *sim);
/* NULL if index is not kept, or beyond. Valid until the line is used again. */
const struct w1_sim_conversion *w1_sim_conversion(struct w1_sim *sim, uint64_t index);

uint64_t w1_sim_preemptions(const struct w1_sim *sim);
/* Whether the master has released the wire, as it must at its end. */
bool w1_sim_released(const struct w1_sim *sim);

#endif
