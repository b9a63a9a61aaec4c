// SPDX-License-Identifier: BSD-2-Clause
/* What a bus, a computer and a sudden end can do to a cycle: each typed, within bounded time, the
 * bus let go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpio-w1/w1_cycle.h"
#include "gpio-w1/w1_error.h"
#include "w1_truth.h"

#define MS UINT64_C(1000000)
#define S (1000 * MS)

struct rig {
	struct w1_sim *sim;
	struct w1_cycle cycle;
	struct thermometer_sample sample[W1_CYCLE_DEVICES];
	unsigned devices, n;
};

static void rig_open(struct rig *r, const struct w1_sim_config *config, unsigned devices,
		     bool parasite)
{
	r->sim = w1_sim_new(config);
	r->devices = devices;
	for (unsigned i = 0; i < devices; i++) {
		assert_int_equal(w1_sim_add(r->sim, W1_MODEL_A1, parasite), i);
		truth_move(r->sim, i);
	}
	w1_cycle_init(&r->cycle, w1_sim_line(r->sim), NULL, 0);
}

/* How many temperatures; none of them false, in bounded time, and the bus is let go. */
static unsigned rig_run(struct rig *r)
{
	uint64_t start = w1_sim_now(r->sim);
	unsigned known = 0;

	w1_cycle_run(&r->cycle, r->sample, &r->n);
	assert_true(w1_sim_now(r->sim) - start <
		    W1_CYCLE_TIMEOUT_NS + r->n * W1_CYCLE_SERIAL_NS + 3 * S);
	assert_true(w1_sim_released(r->sim));
	for (unsigned i = 0; i < r->n; i++) {
		unsigned device = truth_device(r->sim, r->devices, r->sample[i].rom);

		assert_int_equal(r->sample[i].temp_known, ds18b20_has_value(r->sample[i].quality));
		known += r->sample[i].temp_known;
		if (r->sample[i].temp_known) {
			assert_int_equal(
				truth_of(r->sim, device, start, ds18b20_raw(r->sample[i].temp_mc)),
				TRUTH_RIGHT);
		}
	}
	return known;
}

static void rig_close(struct rig *r)
{
	assert_int_equal(w1_sim_judge_total(w1_sim_judge(r->sim)), 0);
	w1_sim_free(r->sim);
}

static void nothing_spins_longer_than_15_ms_whatever_the_computer(void **state)
{
	static const struct w1_sim_cost wakes[] = {
		{ 1000, 3000 }, { 8000, 30000 }, { 60000, 150000 }, { 400000, 900000 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof wakes / sizeof wakes[0]; i++) {
		const struct w1_sim_config config = { .seed = 3 + i, .wake = wakes[i] };
		struct rig r;

		rig_open(&r, &config, 20, false);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(rig_run(&r), 20);
		}
		print_message("wakes up %u to %u us late: awake for %.2f ms at most\n",
			      wakes[i].min_ns / 1000, wakes[i].max_ns / 1000,
			      (double)r.cycle.bus.slots.awake_longest_ns / 1e6);
		assert_true(r.cycle.bus.slots.awake_longest_ns <= W1_AWAKE_MAX_NS);
		rig_close(&r);
	}
}

/* A sleep takes so much of a core on a Pi 3 (estimated, see bench_w1). */
#define SLEEP_CPU_NS UINT64_C(12000)

static void ten_sensors_at_one_hertz_take_less_than_8_percent_of_a_core(void **state)
{
	const struct w1_sim_config config = { .seed = 3 };
	struct rig r;
	uint64_t busy, sleeps;

	(void)state;
	rig_open(&r, &config, 10, false);
	assert_int_equal(rig_run(&r), 10);
	busy = r.cycle.bus.busy_ns;
	sleeps = r.cycle.bus.slots.sleeps;
	assert_int_equal(rig_run(&r), 10);
	busy = r.cycle.bus.busy_ns - busy;
	sleeps = r.cycle.bus.slots.sleeps - sleeps;
	print_message("10 sensors: %.1f ms busy, %u sleeps\n", (double)busy / 1e6,
		      (unsigned)sleeps);
	assert_true(busy + sleeps * SLEEP_CPU_NS < 80 * MS);
	rig_close(&r);
}

static void a_sensor_that_vanishes_in_mid_read_is_absent_or_its_crc_is_wrong(void **state)
{
	(void)state;
	for (uint64_t at_us = 0; at_us < 12000; at_us += 371) { /* all along the read of the first
								   sensor */
		const struct w1_sim_config config = { .seed = 1 + at_us };
		struct rig r;

		rig_open(&r, &config, 2, false);
		w1_sim_slave(r.sim, 0)->timing.convert_ns =
			w1_sim_slave(r.sim, 1)->timing.convert_ns = 740000000;
		assert_int_equal(rig_run(&r), 2);
		w1_sim_unplug(r.sim, 0, w1_sim_now(r.sim) + 755 * MS + at_us * 1000,
			      W1_SLAVE_NEVER);
		assert_true(rig_run(&r) >= 1);
		for (unsigned i = 0; i < r.n; i++) {
			enum ds18b20_quality q = r.sample[i].quality;

			assert_true(q == DS18B20_OK || q == DS18B20_ABSENT ||
				    q == DS18B20_CRC_FAILED);
		}
		assert_int_equal(rig_run(&r), 1);
		rig_close(&r);
	}
}

static void two_devices_that_answer_at_once_are_a_duplicate(void **state)
{
	const struct w1_sim_config config = { .seed = 6 };
	const uint8_t command = DS18B20_READ_SCRATCHPAD;
	uint8_t sp[DS18B20_SCRATCHPAD_SIZE];
	const struct w1_transaction t = {
		.tx = &command, .tx_len = 1, .rx = sp, .rx_len = sizeof sp, .crc = true
	};
	struct rig r;

	(void)state;
	rig_open(&r, &config, 2, false);
	assert_int_equal(rig_run(&r), 2); /* itself it asks each by its ROM code */
	assert_int_equal(w1_bus_transact(&r.cycle.bus, &t, NULL), W1_EDUPLICATE);
	rig_close(&r);
}

static void sixty_four_devices_under_preemption_and_noise_end_in_bounded_time(void **state)
{
	const struct w1_sim_config config = { .seed = 64 };
	struct rig r;

	(void)state;
	rig_open(&r, &config, 64, false);
	assert_int_equal(rig_run(&r), 64);
	w1_sim_set_preemption(r.sim, 1000);
	assert_int_equal(rig_run(&r), 64);
	w1_sim_set_preemption(r.sim, 10000);
	rig_run(&r);
	w1_sim_set_preemption(r.sim, 0);
	assert_int_equal(rig_run(&r), 64);
	w1_sim_free(r.sim);
}

static void a_line_that_sticks_in_mid_cycle_is_typed_and_comes_back(void **state)
{
	static const enum w1_sim_wiring faults[] = { W1_SIM_SHORT_TO_GND, W1_SIM_SHORT_TO_VDD,
						     W1_SIM_NO_PULLUP };

	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		const struct w1_sim_config config = { .seed = 9 };
		struct rig r;

		rig_open(&r, &config, 3, false);
		assert_int_equal(rig_run(&r), 3);
		w1_sim_set_wiring(r.sim, faults[i]);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(rig_run(&r), 0);
		}
		w1_sim_set_wiring(r.sim, W1_SIM_WIRING_OK);
		rig_run(&r);
		assert_int_equal(rig_run(&r), 3);
		w1_sim_free(r.sim);
	}
}

/* --- the end of the process at any operation --- */

static struct w1_line real;
static unsigned long operations_left;
static jmp_buf killed;

static void step(void)
{
	if (operations_left-- == 0) {
		longjmp(killed, 1);
	}
}

static int mortal_low(void *ctx)
{
	step();
	return real.ops->drive_low(ctx);
}

static int mortal_release(void *ctx)
{
	step();
	return real.ops->release(ctx);
}

static int mortal_sample(void *ctx)
{
	step();
	return real.ops->sample(ctx);
}

static int mortal_pullup(void *ctx, bool on)
{
	step();
	return real.ops->strong_pullup(ctx, on);
}

static uint64_t mortal_now(void *ctx)
{
	return real.ops->now_ns(ctx);
}

static void mortal_spin(void *ctx, uint64_t until)
{
	step();
	real.ops->spin_until(ctx, until);
}

static void mortal_sleep(void *ctx, uint64_t until)
{
	step();
	real.ops->sleep_until(ctx, until);
}

static const struct w1_line_ops mortal_ops = {
	.drive_low = mortal_low,
	.release = mortal_release,
	.sample = mortal_sample,
	.strong_pullup = mortal_pullup,
	.now_ns = mortal_now,
	.spin_until = mortal_spin,
	.sleep_until = mortal_sleep,
};

/* The kernel makes the pin an input when the descriptor closes, however the process ended. */
static void kernel_cleans_up(struct rig *r)
{
	real.ops->strong_pullup(real.ctx, false);
	real.ops->release(real.ctx);
	assert_true(w1_sim_released(r->sim));
	w1_sim_advance(r->sim, 300 * MS); /* until it is started again */
}

static void killed_at_any_operation_it_starts_anew_and_reads_right(bool parasite)
{
	static unsigned long at;
	static bool finished;

	for (at = 0, finished = false; !finished; at += 61) {
		const struct w1_sim_config config = { .seed = 100 + at };
		static struct rig r;

		rig_open(&r, &config, 3, parasite);
		real = w1_sim_line(r.sim);
		r.cycle.bus.slots.line.ops = &mortal_ops;
		operations_left = at;
		if (setjmp(killed) == 0) {
			w1_cycle_run(&r.cycle, r.sample, &r.n);
			finished = true;
		}
		kernel_cleans_up(&r);
		w1_sim_clear(r.sim);
		w1_cycle_init(&r.cycle, real, NULL, 0);
		assert_int_equal(rig_run(&r), 3);
		rig_close(&r); /* no offence: it began with a reset, whatever state the sensors were
				  in */
	}
	assert_true(at > 1000);
}

static void killed_at_any_operation_the_next_start_reads_right(void **state)
{
	(void)state;
	killed_at_any_operation_it_starts_anew_and_reads_right(false);
}

static void killed_at_any_operation_the_next_start_reads_right_on_parasite_power(void **state)
{
	(void)state;
	killed_at_any_operation_it_starts_anew_and_reads_right(true);
}

/* --- bits lost to stalls, taken from the next try --- */

static struct rig stalled;
static unsigned samples_until_stall[2]; /* in the first and in the second try */
static unsigned try_number;
static bool power_cut_between;

static int stalling_sample(void *ctx)
{
	if (try_number < 2 && --samples_until_stall[try_number] == 0) {
		w1_sim_advance(stalled.sim, 30000);
	}
	return real.ops->sample(ctx);
}

static void stalling_transaction(void *ctx, bool begin)
{
	(void)ctx;
	try_number += !begin;
	if (!begin && try_number == 1 && power_cut_between) {
		w1_sim_unplug(stalled.sim, 0, w1_sim_now(stalled.sim),
			      w1_sim_now(stalled.sim) + 300 * MS);
		w1_sim_advance(stalled.sim, 400 * MS);
	}
}

/* Reads with two stalls; how many tries it took. The bytes are those of the sensor as it is now. */
static unsigned read_stalled(unsigned first, unsigned second, bool power_cut)
{
	const struct w1_sim_config config = { .seed = 8 };
	const uint8_t command = DS18B20_READ_SCRATCHPAD;
	uint8_t sp[DS18B20_SCRATCHPAD_SIZE];
	struct w1_transaction t = {
		.tx = &command, .tx_len = 1, .rx = sp, .rx_len = sizeof sp, .crc = true
	};
	struct w1_line_ops ops;
	unsigned retries = 0;

	rig_open(&stalled, &config, 1, false);
	assert_int_equal(rig_run(&stalled), 1);
	real = w1_sim_line(stalled.sim);
	ops = *real.ops;
	ops.sample = stalling_sample;
	ops.transaction = stalling_transaction;
	stalled.cycle.bus.slots.line.ops = &ops;
	samples_until_stall[0] = first;
	samples_until_stall[1] = second;
	try_number = 0;
	power_cut_between = power_cut;
	t.rom = stalled.sample[0].rom;
	assert_int_equal(w1_bus_transact(&stalled.cycle.bus, &t, &retries), 0);
	if (retries > 0 || !power_cut) { /* else it was cut after the read */
		assert_memory_equal(sp, w1_sim_slave(stalled.sim, 0)->scratchpad, 8);
	}
	stalled.cycle.bus.slots.line = real;
	w1_sim_free(stalled.sim);
	return retries + 1;
}

static void a_bit_that_a_stall_costs_is_taken_from_the_next_try(void **state)
{
	unsigned twos = 0;

	(void)state;
	/* A reset takes some ten samples, 80 written slots one each, 72 read slots two each, of
	 * which the first counts. */
	for (unsigned first = 100; first < 220; first += 7) {
		unsigned tries = read_stalled(first, first + 10, false);

		assert_true(tries <= 2); /* where the second stall, too, cost a bit, that bit is
					    known from the first try */
		twos += tries == 2;
	}
	assert_true(twos > 5);
}

/* --- a read slot so long that it may have been a reset --- */

static unsigned releases_until_stall;
static uint64_t slots_at_stall, slots_at_end;

static int stalling_release(void *ctx)
{
	if (releases_until_stall > 0 && --releases_until_stall == 0) {
		slots_at_stall = stalled.cycle.bus.slots.slots;
		w1_sim_advance(stalled.sim, 260000);
	}
	return real.ops->release(ctx);
}

static void note_end_of_try(void *ctx, bool begin)
{
	(void)ctx;
	if (!begin && slots_at_stall > 0 && slots_at_end == 0) {
		slots_at_end = stalled.cycle.bus.slots.slots;
	}
}

static void a_slot_that_may_have_been_a_reset_ends_the_try(void **state)
{
	const struct w1_sim_config config = { .seed = 8 };
	const uint8_t command = DS18B20_READ_SCRATCHPAD;
	uint8_t sp[DS18B20_SCRATCHPAD_SIZE];
	const struct w1_transaction t = { .rom = stalled.sample[0].rom,
					  .tx = &command,
					  .tx_len = 1,
					  .rx = sp,
					  .rx_len = sizeof sp,
					  .crc = true };
	struct w1_line_ops ops;
	unsigned retries = 0;

	(void)state;
	rig_open(&stalled, &config, 1, false);
	assert_int_equal(rig_run(&stalled), 1);
	real = w1_sim_line(stalled.sim);
	ops = *real.ops;
	ops.release = stalling_release;
	ops.transaction = note_end_of_try;
	stalled.cycle.bus.slots.line.ops = &ops;
	releases_until_stall = 100; /* one for the reset, 80 to write: in the read */
	slots_at_stall = slots_at_end = 0;
	assert_int_equal(w1_bus_transact(&stalled.cycle.bus, &t, &retries), 0);
	assert_int_equal(retries, 1);
	assert_in_range(slots_at_end, slots_at_stall, slots_at_stall + 1);
	assert_memory_equal(sp, w1_sim_slave(stalled.sim, 0)->scratchpad, 8);
	stalled.cycle.bus.slots.line = real;
	w1_sim_free(stalled.sim);
}

static void tries_before_and_after_a_loss_of_power_are_not_mixed(void **state)
{
	unsigned anew = 0;

	(void)state;
	for (unsigned first = 100; first < 220; first += 7) {
		anew += read_stalled(first, 1000, true) > 2;
	}
	assert_true(anew > 5); /* the second try differs from the first: all is read once more */
}

static void eighty_five_degrees_of_a_part_without_sentinel_are_asked_twice(void **state)
{
	const struct w1_sim_config config = { .seed = 5 };
	struct rig r;

	(void)state;
	rig_open(&r, &config, 0, false);
	assert_int_equal(w1_sim_add(r.sim, W1_MODEL_MAX31826, false), 0);
	assert_int_equal(w1_sim_add(r.sim, W1_MODEL_A1, false), 1);
	w1_sim_slave(r.sim, 0)->temp_mc = 85000;
	w1_sim_slave(r.sim, 1)->temp_mc = 20000;
	r.devices = 2;
	assert_int_equal(rig_run(&r), 2); /* real */
	w1_sim_slave(r.sim, 0)->temp_mc = 21000;
	w1_sim_unplug(r.sim, 0, w1_sim_now(r.sim) + 40 * MS, w1_sim_now(r.sim) + 240 * MS);
	assert_int_equal(rig_run(&r), 2); /* power-on: what it measures when asked again */
	for (unsigned i = 0; i < r.n; i++) {
		assert_true(r.sample[i].temp_mc < 30000);
	}
	rig_close(&r);
}

static void a_thermocouples_fault_has_a_quality_of_its_own(void **state)
{
	const struct w1_sim_config config = { .seed = 5 };
	struct rig r;

	(void)state;
	rig_open(&r, &config, 0, false);
	assert_int_equal(w1_sim_add(r.sim, W1_MODEL_MAX31850, false), 0);
	r.devices = 1;
	w1_sim_slave(r.sim, 0)->temp_mc = 300000;
	assert_int_equal(rig_run(&r), 1);
	for (uint8_t fault = 1; fault <= 4; fault = (uint8_t)(fault * 2)) {
		w1_sim_slave(r.sim, 0)->fault = fault;
		assert_int_equal(rig_run(&r), 0);
		assert_int_equal(r.sample[0].quality, DS18B20_SENSOR_FAULT);
	}
	w1_sim_slave(r.sim, 0)->fault = 0;
	assert_int_equal(rig_run(&r), 1);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_spins_longer_than_15_ms_whatever_the_computer),
		cmocka_unit_test(ten_sensors_at_one_hertz_take_less_than_8_percent_of_a_core),
		cmocka_unit_test(a_sensor_that_vanishes_in_mid_read_is_absent_or_its_crc_is_wrong),
		cmocka_unit_test(two_devices_that_answer_at_once_are_a_duplicate),
		cmocka_unit_test(sixty_four_devices_under_preemption_and_noise_end_in_bounded_time),
		cmocka_unit_test(a_line_that_sticks_in_mid_cycle_is_typed_and_comes_back),
		cmocka_unit_test(killed_at_any_operation_the_next_start_reads_right),
		cmocka_unit_test(
			killed_at_any_operation_the_next_start_reads_right_on_parasite_power),
		cmocka_unit_test(a_bit_that_a_stall_costs_is_taken_from_the_next_try),
		cmocka_unit_test(a_slot_that_may_have_been_a_reset_ends_the_try),
		cmocka_unit_test(tries_before_and_after_a_loss_of_power_are_not_mixed),
		cmocka_unit_test(eighty_five_degrees_of_a_part_without_sentinel_are_asked_twice),
		cmocka_unit_test(a_thermocouples_fault_has_a_quality_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
