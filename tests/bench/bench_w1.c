/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_w1: the 1-Wire master in virtual time: how long a cycle takes beside what the bus allows,
 * what it takes of a core, how well it measures the rise of the wire, and what it accepts under
 * preemption beside a bit-banger straight from the application note.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpio-w1/w1_cycle.h"
#include "gpio-w1/w1_rise.h"
#include "tests/bench/target.h"
#include "tests/unit/gpio-w1/w1_textbook.h"

#define SENSORS_PEER 5
/* Of 6.0 ms + tCONV + N x 10.2 ms: search and rise aside, Convert T addressed to the first, and
 * each read. */
#define RATIO_MAX 1.05
/* Of a core, 10 sensors on a real-time thread: at 1 Hz, and at the default period of 10 s. */
#define PERCENT_MAX 8
#define PERCENT_DEFAULT_MAX 0.8
#define RISE_ERROR_MAX_US 0.5 /* a sample takes some 2 us */

/* A computer: what an ioctl takes, how late it wakes up, and what a sleep takes of its CPU (two
 * switches and a timer). */
struct computer {
	const char *name;
	struct w1_sim_cost set, get, reconfigure, clock, wake;
	uint32_t sleep_cpu_ns;
	bool real_time; /* else it wakes up too late to sleep within a slot */
};

static const struct computer computers[] = {
	/* measured by others (go-gpiocdev README: get 1.06 us, set 1.15, reconfigure 3.2); the rest
	   estimated */
	{ "Pi 4 (ioctls published)",
	  { 1000, 1300 },
	  { 950, 1200 },
	  { 3000, 3500 },
	  { 30, 80 },
	  { 5000, 20000 },
	  4000,
	  true },
	/* nobody has published a Pi 3: estimated throughout */
	{ "Pi 3 (estimated)",
	  { 2000, 3500 },
	  { 1500, 3000 },
	  { 5000, 10000 },
	  { 50, 250 },
	  { 8000, 30000 },
	  8000,
	  true },
	/* the same without real-time rights */
	{ "Pi 3, no real-time",
	  { 2000, 3500 },
	  { 1500, 3000 },
	  { 5000, 10000 },
	  { 50, 250 },
	  { 60000, 150000 },
	  8000,
	  false },
};

static struct w1_sim *bus_of(const struct computer *c, unsigned sensors, uint64_t seed,
			     uint32_t ppm)
{
	const struct w1_sim_config config = { .seed = seed,
					      .set = c->set,
					      .get = c->get,
					      .reconfigure = c->reconfigure,
					      .clock = c->clock,
					      .wake = c->wake };
	struct w1_sim *sim = w1_sim_new(&config);

	for (unsigned i = 0; i < sensors; i++) {
		w1_sim_add(sim, W1_MODEL_A1, false);
		truth_move(sim, i);
	}
	w1_sim_set_preemption(sim, ppm);
	return sim;
}

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

/* Prints what a cycle of 10 sensors takes of a core; ms. */
static void cpu_share(const struct computer *c, double core_ms)
{
	if (!c->real_time) {
		printf("%s: 10 sensors at 1 Hz: %.1f %% of a core\n", c->name, core_ms / 10);
		return;
	}
	printf("%s: 10 sensors at 1 Hz: ", c->name);
	target_print(core_ms / 10, " % of a core", AT_MOST, PERCENT_MAX);
	printf("%s: 10 sensors, every 10 s: ", c->name);
	target_print(core_ms / 100, " % of a core", AT_MOST, PERCENT_DEFAULT_MAX);
}

static void cycle_times(const struct computer *c)
{
	static const unsigned counts[] = { 1, 5, 10, 20 };

	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		unsigned sensors = counts[i], n;
		double theory = 6.0 + 750 + sensors * 10.2, took;
		struct w1_sim *sim = bus_of(c, sensors, 7, 0);
		struct thermometer_sample samples[W1_CYCLE_DEVICES];
		static struct w1_cycle cycle;
		uint64_t start, busy, sleeps, slots;

		for (unsigned k = 0; k < sensors; k++) {
			w1_sim_slave(sim, k)->timing.convert_ns = 749900000;
		}
		w1_cycle_init(&cycle, w1_sim_line(sim), NULL, 100);
		/* Searches, arms, and learns how late this computer wakes. */
		w1_cycle_run(&cycle, samples, &n);
		start = w1_sim_now(sim);
		busy = cycle.bus.busy_ns;
		sleeps = cycle.bus.slots.sleeps;
		slots = cycle.bus.slots.slots;
		w1_cycle_run(&cycle, samples, &n);
		took = ms(w1_sim_now(sim) - start);
		busy = cycle.bus.busy_ns - busy;
		sleeps = cycle.bus.slots.sleeps - sleeps;
		slots = cycle.bus.slots.slots - slots;
		if (sensors == 10) {
			printf("%s: 10 sensors: %" PRIu64
			       " slots of %.1f us in ioctls and spinning, %" PRIu64
			       " sleeps of %.0f us\n",
			       c->name, slots, ms(busy) * 1000 / (double)slots, sleeps,
			       c->sleep_cpu_ns / 1000.0);
			cpu_share(c, ms(busy) + ms(sleeps * c->sleep_cpu_ns));
		}
		w1_sim_free(sim);
		printf("%s: %u sensors, 12 bit, conversions of 750 ms: %.1f ms, theory %.1f: ratio ",
		       c->name, sensors, took, theory);
		target_print(took / theory, "", AT_MOST, RATIO_MAX);
	}
}

/* Our input switches at half the supply, 0.7 RC. */
static void rises(void)
{
	static const uint32_t rcs_ns[] = { 2000, 4000, 6000, 7000, 8000 };
	double worst = 0, slowest_ms = 0;

	for (size_t i = 0; i < sizeof rcs_ns / sizeof rcs_ns[0]; i++) {
		const struct w1_sim_config config = { .seed = 5, .rc_ns = rcs_ns[i] };
		struct w1_sim *sim = w1_sim_new(&config);
		double true_us = rcs_ns[i] * 0.7 / 1000, error, took;
		struct w1_slots slots;
		uint64_t start;

		w1_sim_add(sim, W1_MODEL_A1, false);
		w1_slots_init(&slots, w1_sim_line(sim));
		start = w1_sim_now(sim);
		w1_rise_measure(&slots);
		took = ms(w1_sim_now(sim) - start);
		error = fabs(slots.rise_ns / 1000.0 - true_us);
		printf("rise of %.1f us: measured %.2f us in %.1f ms\n", true_us,
		       slots.rise_ns / 1000.0, took);
		worst = error > worst ? error : worst;
		slowest_ms = took > slowest_ms ? took : slowest_ms;
		w1_sim_free(sim);
	}
	printf("rise, the largest error: ");
	target_print(worst, " us", AT_MOST, RISE_ERROR_MAX_US);
	printf("rise, the longest measurement: ");
	target_print(slowest_ms, " ms", AT_MOST, 20);
}

static void ours(struct w1_sim *sim, uint32_t ppm, unsigned cycles, struct truth_tally *t)
{
	static struct w1_cycle cycle;
	struct thermometer_sample samples[W1_CYCLE_DEVICES];
	unsigned n;

	w1_cycle_init(&cycle, w1_sim_line(sim), NULL, 1000000);
	w1_cycle_run(&cycle, samples, &n); /* the sensors are found in good weather: the other one
					      is told who they are */
	w1_sim_set_preemption(sim, ppm);
	for (unsigned k = 0; k < cycles; k++) {
		uint64_t start = w1_sim_now(sim);

		w1_cycle_run(&cycle, samples, &n);
		for (unsigned i = 0; i < n; i++) {
			truth_count(t, sim, truth_device(sim, SENSORS_PEER, samples[i].rom), start,
				    samples[i].temp_known, ds18b20_raw(samples[i].temp_mc));
		}
	}
}

static void textbook(struct w1_sim *sim, uint32_t ppm, unsigned cycles, struct truth_tally *t)
{
	struct master m = master_on(sim);

	w1_sim_set_preemption(sim, ppm);
	textbook_run(&m, sim, SENSORS_PEER, cycles, t);
}

static void beside_a_textbook(uint32_t ppm, unsigned cycles)
{
	typedef void master_fn(struct w1_sim * sim, uint32_t ppm, unsigned cycles,
			       struct truth_tally *t);
	static master_fn *const masters[] = { ours, textbook };
	static const char *const names[] = { "this master", "AN126 slots, CRC and 5 tries" };

	printf("preemption of 1 us to 5 ms, %.0e per operation, %d sensors\n", ppm / 1e6,
	       SENSORS_PEER);
	for (int i = 0; i < 2; i++) {
		struct w1_sim *sim = bus_of(&computers[1], SENSORS_PEER, 11, 0);
		struct truth_tally t = { 0 };

		masters[i](sim, ppm, cycles, &t);
		printf("  %-28s %6u reads, %5.1f %% accepted; of a million accepted %.0f stale, %.0f wrong\n",
		       names[i], t.reads, 100.0 * t.accepted / t.reads,
		       1e6 * t.stale / (t.accepted ? t.accepted : 1),
		       1e6 * t.wrong / (t.accepted ? t.accepted : 1));
		if (i == 0) {
			printf("  accepted by it though stale or wrong, at %.0e: ", ppm / 1e6);
			target_print(t.stale + t.wrong, "", AT_MOST, 0);
		}
		w1_sim_free(sim);
	}
}

int main(void)
{
	printf("1-Wire in virtual time\n");
	for (size_t i = 0; i < sizeof computers / sizeof computers[0]; i++) {
		cycle_times(&computers[i]);
	}
	rises();
	beside_a_textbook(1000, 2000);
	beside_a_textbook(10000, 200);
	return 0;
}
