// SPDX-License-Identifier: BSD-2-Clause
/* Search and cycle on the simulated bus: how long they take, and everything that a bus can do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "gpio-w1/w1_cycle.h"
#include "gpio-w1/w1_error.h"
#include "gpio-w1/w1_search.h"
#include "userspace/sim/w1_sim_line.h"

#define MS UINT64_C(1000000)

struct bench {
	struct w1_sim *sim;
	struct w1_cycle cycle;
	struct thermometer_sample sample[W1_CYCLE_DEVICES];
	unsigned n;
};

static void bench_open(struct bench *b, unsigned devices, enum w1_model_id model, bool parasite)
{
	const struct w1_sim_config config = { .seed = 42 + devices };

	b->sim = w1_sim_new(&config);
	for (unsigned i = 0; i < devices; i++) {
		int device = w1_sim_add(b->sim, model, parasite);

		assert_int_equal(device, i);
		w1_sim_slave(b->sim, i)->temp_mc = 20000 + 250 * (int)i;
	}
	w1_cycle_init(&b->cycle, w1_sim_line(b->sim), NULL, 0);
}

static int run(struct bench *b)
{
	return w1_cycle_run(&b->cycle, b->sample, &b->n);
}

/* The bus is let go, and no slot of ours was outside the datasheet. */
static void bench_close(struct bench *b)
{
	const struct w1_sim_judge *judge = w1_sim_judge(b->sim);

	assert_true(w1_sim_released(b->sim));
	for (unsigned i = 0; i < judge->n_kept; i++) {
		print_message("offence: %s, %u ns\n", w1_sim_offence_text(judge->kept[i].kind),
			      (unsigned)judge->kept[i].width_ns);
	}
	assert_int_equal(w1_sim_judge_total(judge), 0);
	w1_sim_free(b->sim);
}

static void all_sensors_are_read_in_one_conversion_time(void **state)
{
	static const unsigned counts[] = { 1, 5, 10, 20 };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		for (int slow = 0; slow < 2; slow++) {
			struct bench b;
			double theory = 6.0 + 750 + counts[i] * 10.2, took;
			uint64_t start;

			bench_open(&b, counts[i], W1_MODEL_A1, false);
			for (unsigned k = 0; k < counts[i]; k++) {
				w1_sim_slave(b.sim, k)->timing.convert_ns = slow ? 749000000
										 : 600000000;
			}
			if (counts[i] == 1 && !slow) { /* only with the strict proof it ends early
							*/
				b.cycle.proof = W1_PROOF_STRICT;
			}
			/* searches, arms and measures each sensor: not a cycle like the others */
			assert_int_equal(run(&b), counts[i]);
			start = w1_sim_now(b.sim);
			assert_int_equal(run(&b), counts[i]);
			took = (double)(w1_sim_now(b.sim) - start) / 1e6;
			print_message(
				"%u sensors, 12 bit, conversion %d ms: %.1f ms; theory with 750 ms: %.1f ms\n",
				counts[i], slow ? 749 : 600, took, theory);
			assert_true(took <= theory * 1.05);
			/* polling ends a single one early */
			assert_true(slow || counts[i] > 1 || took < theory);
			for (unsigned k = 0; k < b.n; k++) {
				assert_int_equal(b.sample[k].quality, DS18B20_OK);
			}
			bench_close(&b);
		}
	}
}

/* Three cycles in which the second of three sensors takes 1.5 s: what it holds is old. */
static void run_with_slow_one(struct bench *b)
{
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 3; i++) {
			w1_sim_slave(b->sim, i)->temp_mc = 30000 + 1000 * (round * 3 + (int)i);
		}
		assert_int_equal(run(b), 3);
		for (unsigned i = 0; i < b->n; i++) {
			unsigned device = 0;

			while (memcmp(w1_sim_slave(b->sim, device)->rom, b->sample[i].rom, 8) !=
			       0) {
				device++;
			}
			assert_int_equal(b->sample[i].quality,
					 device == 1 ? DS18B20_NOT_CONVERTED : DS18B20_OK);
			assert_int_equal(b->sample[i].temp_known, device != 1);
			if (device != 1) {
				assert_int_equal(b->sample[i].temp_mc,
						 30000 + 1000 * (round * 3 + (int)device));
			}
		}
	}
}

static void a_sensor_slower_than_the_data_sheet_gives_nothing_old_and_costs_the_others_nothing(
	void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 3, W1_MODEL_A1, false);
	w1_sim_slave(b.sim, 1)->timing.convert_ns = 1500000000;
	run_with_slow_one(&b);
	bench_close(&b);
}

/* In parallel it is found when its turn to be polled comes, one by one at once. */
static void a_sensor_that_becomes_slow_is_found(void **state)
{
	struct bench b;

	(void)state;
	for (int strict = 0; strict < 2; strict++) {
		bench_open(&b, 3, W1_MODEL_A1, false);
		b.cycle.proof = strict ? W1_PROOF_STRICT : W1_PROOF_PARALLEL;
		assert_int_equal(run(&b), 3);
		w1_sim_slave(b.sim, 1)->timing.convert_ns = 1500000000;
		for (unsigned i = 0; i < 3 && !strict; i++) {
			assert_int_equal(run(&b), 3);
		}
		run_with_slow_one(&b);
		bench_close(&b);
	}
}

/* Polls read 1 while the contact is open, as after a conversion: one such end proves nothing. */
static void a_contact_that_opens_while_it_is_polled_ends_no_conversion(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 1, W1_MODEL_A1, false);
	w1_sim_slave(b.sim, 0)->timing.convert_ns = 677000000;
	for (int round = 0; round < 2; round++) {
		uint64_t at = w1_sim_now(b.sim) + (round == 0 ? 650 : 640) * MS;

		w1_sim_slave(b.sim, 0)->temp_mc = 20000 + 1000 * round;
		w1_sim_plan(b.sim, 0, W1_SIM_CONTACT_OPEN, at, at + 20 * MS);
		run(&b);
		if (b.sample[0].quality == DS18B20_OK) {
			assert_int_equal(b.sample[0].temp_mc, 20000 + 1000 * round);
		}
	}
	bench_close(&b);
}

static void sixty_four_devices_are_all_found_and_read(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 64, W1_MODEL_A1, false);
	assert_int_equal(run(&b), 64);
	for (unsigned i = 0; i < b.n; i++) {
		assert_int_equal(b.sample[i].quality, DS18B20_OK);
	}
	bench_close(&b);
}

static void a_lower_resolution_is_set_and_shortens_the_cycle(void **state)
{
	struct bench b;
	uint64_t start;

	(void)state;
	bench_open(&b, 3, W1_MODEL_A1, false);
	w1_cycle_init(&b.cycle, w1_sim_line(b.sim), &(struct w1_resolutions){ .all_bits = 9 }, 0);
	assert_int_equal(run(&b), 3);
	start = w1_sim_now(b.sim);
	assert_int_equal(run(&b), 3);
	assert_true(w1_sim_now(b.sim) - start < 160 * MS);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(b.sample[i].quality, DS18B20_OK);
		assert_int_equal(b.sample[i].resolution_bits, 9);
		assert_int_equal(w1_sim_slave(b.sim, i)->copies, 0); /* RAM only */
	}
	bench_close(&b);
}

static void sensors_come_and_go_and_keep_their_places(void **state)
{
	struct bench b;
	uint8_t first[8], second[8];

	(void)state;
	bench_open(&b, 3, W1_MODEL_A1, false);
	w1_cycle_init(&b.cycle, w1_sim_line(b.sim), NULL, 1);
	w1_sim_unplug(b.sim, 2, 0, 40000 * MS);
	assert_int_equal(run(&b), 2);
	memcpy(first, b.sample[0].rom, 8);
	memcpy(second, b.sample[1].rom, 8);
	for (unsigned i = 0; i < 2; i++) {
		if (memcmp(w1_sim_slave(b.sim, i)->rom, first, 8) == 0) {
			w1_sim_unplug(b.sim, i, w1_sim_now(b.sim), w1_sim_now(b.sim) + 12000 * MS);
		}
	}
	for (int k = 0; k < 12; k++) {
		assert_int_equal(run(&b), 2);
		assert_memory_equal(b.sample[0].rom, first, 8);
		assert_memory_equal(b.sample[1].rom, second, 8);
		assert_int_equal(b.sample[0].quality, DS18B20_ABSENT);
		assert_int_equal(b.sample[1].quality, DS18B20_OK);
	}
	w1_sim_advance(b.sim, 40000 * MS);
	assert_int_equal(run(&b), 3);
	assert_memory_equal(b.sample[0].rom, first, 8);
	assert_int_equal(b.sample[0].quality, DS18B20_POWER_ON);
	assert_int_equal(run(&b), 3); /* armed again */
	assert_memory_equal(b.sample[0].rom, first, 8);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(b.sample[i].quality, DS18B20_OK);
	}
	assert_true(w1_cycle_forget(&b.cycle, second));
	assert_false(w1_cycle_forget(&b.cycle, second));
	assert_memory_equal(b.cycle.device[0].rom, first, 8);
	assert_int_equal(run(&b), 3); /* found again: behind the others */
	assert_memory_equal(b.sample[2].rom, second, 8);
	bench_close(&b);
}

static void a_stranger_without_a_temperature_keeps_no_place(void **state)
{
	static const uint8_t known[8] = { 0x28, 0x13, 0x9b, 0xbb, 0x0b, 0x00, 0x00, 0x1f };
	struct bench b;

	(void)state;
	bench_open(&b, 1, W1_MODEL_A1, false);
	w1_cycle_init(&b.cycle, w1_sim_line(b.sim), NULL, 1);
	assert_int_equal(w1_cycle_add(&b.cycle, known), 0);
	b.cycle.device[0].proven = true; /* as from the list of known sensors */
	assert_int_equal(run(&b), 2);
	assert_memory_equal(b.sample[0].rom, known, 8);
	assert_int_equal(b.sample[0].quality, DS18B20_ABSENT);
	b.cycle.device[1].proven = false;
	w1_sim_unplug(b.sim, 0, w1_sim_now(b.sim), W1_SLAVE_NEVER);
	run(&b);
	run(&b);
	assert_int_equal(b.cycle.n, 1);
	w1_sim_free(b.sim);
}

static void a_sensor_that_vanishes_in_mid_cycle_is_absent_and_the_others_stand(void **state)
{
	struct bench b;
	unsigned absent = 0, ok = 0;

	(void)state;
	bench_open(&b, 3, W1_MODEL_A1, false);
	assert_int_equal(run(&b), 3);
	w1_sim_unplug(b.sim, 1, w1_sim_now(b.sim) + 300 * MS, W1_SLAVE_NEVER);
	run(&b);
	for (unsigned i = 0; i < b.n; i++) {
		absent += b.sample[i].quality == DS18B20_ABSENT;
		ok += b.sample[i].quality == DS18B20_OK;
	}
	assert_int_equal(absent, 1);
	assert_int_equal(ok, 2);
	bench_close(&b);
}

static struct bench vanishing;
static unsigned transactions_until_gone;

static void vanish(void *ctx, bool begin)
{
	(void)ctx;
	if (begin && transactions_until_gone > 0 && --transactions_until_gone == 0) {
		w1_sim_unplug(vanishing.sim, 0, w1_sim_now(vanishing.sim), W1_SLAVE_NEVER);
	}
}

/* Before its conversion, its read, or the alarm search that proves it. */
static void a_sensor_that_vanishes_before_any_transaction_is_absent(void **state)
{
	struct bench *b = &vanishing;
	bool gone = true;

	(void)state;
	for (unsigned k = 1; gone; k++) {
		struct w1_line_ops ops;

		bench_open(b, 1, W1_MODEL_A1, false);
		b->cycle.proof = W1_PROOF_STRICT;
		assert_int_equal(run(b), 1);
		ops = *w1_sim_line(b->sim).ops;
		ops.transaction = vanish;
		b->cycle.bus.slots.line.ops = &ops;
		transactions_until_gone = k;
		run(b);
		gone = transactions_until_gone == 0;
		assert_true(gone || k > 4);
		assert_int_equal(b->sample[0].quality, gone ? DS18B20_ABSENT : DS18B20_OK);
		bench_close(b);
	}
}

static void a_brown_out_in_the_conversion_is_told_from_a_temperature(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 2, W1_MODEL_A1, false);
	assert_int_equal(run(&b), 2);
	w1_sim_unplug(b.sim, 0, w1_sim_now(b.sim) + 100 * MS, w1_sim_now(b.sim) + 200 * MS);
	run(&b);
	for (unsigned i = 0; i < b.n; i++) {
		bool cut = memcmp(b.sample[i].rom, w1_sim_slave(b.sim, 0)->rom, 8) == 0;

		assert_int_equal(b.sample[i].quality, cut ? DS18B20_POWER_ON : DS18B20_OK);
		assert_int_equal(b.sample[i].temp_known, !cut);
	}
	run(&b); /* armed again */
	assert_int_equal(b.sample[0].quality, DS18B20_OK);
	assert_int_equal(b.sample[1].quality, DS18B20_OK);
	bench_close(&b);
}

static void eighty_five_degrees_that_are_real_are_accepted(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 1, W1_MODEL_A1, false);
	for (int k = 0; k < 3; k++) {
		w1_sim_slave(b.sim, 0)->temp_mc = k == 0 ? 21000 : 85000;
		assert_int_equal(run(&b), 1);
		assert_int_equal(b.sample[0].quality, DS18B20_OK);
	}
	assert_int_equal(b.sample[0].temp_mc, 85000);
	bench_close(&b);
}

static void every_wiring_fault_has_its_error(void **state)
{
	static const struct {
		enum w1_sim_wiring wiring;
		int error;
	} faults[] = {
		{ W1_SIM_SHORT_TO_GND, W1_ESHORT },
		{ W1_SIM_NO_PULLUP, W1_ESHORT },
		{ W1_SIM_SHORT_TO_VDD, W1_ENOPRESENCE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		for (int known = 0; known < 2; known++) {
			struct bench b;
			uint64_t start;

			bench_open(&b, 2, W1_MODEL_A1, false);
			if (known) {
				assert_int_equal(run(&b), 2);
			}
			w1_sim_set_wiring(b.sim, faults[i].wiring);
			start = w1_sim_now(b.sim);
			assert_int_equal(run(&b), faults[i].error);
			assert_true(w1_sim_now(b.sim) - start < W1_CYCLE_TIMEOUT_NS + 1000 * MS);
			assert_int_equal(b.n, known ? 2 : 0);
			for (unsigned k = 0; k < b.n; k++) {
				assert_int_not_equal(b.sample[k].quality, DS18B20_OK);
			}
			w1_sim_set_wiring(b.sim, W1_SIM_WIRING_OK);
			assert_int_equal(run(&b), 2); /* mended */
			assert_int_equal(b.sample[0].quality, DS18B20_OK);
			w1_sim_free(b.sim);
		}
	}
}

static void an_empty_bus_is_no_device(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 0, W1_MODEL_A1, false);
	assert_int_equal(run(&b), W1_ENOPRESENCE);
	assert_int_equal(b.n, 0);
	bench_close(&b);
}

static void a_bus_that_never_meets_its_timing_ends_in_bounded_time(void **state)
{
	struct bench b;
	uint64_t start;

	(void)state;
	bench_open(&b, 20, W1_MODEL_A1, false);
	assert_int_equal(run(&b), 20);
	w1_sim_set_preemption(b.sim, 300000);
	start = w1_sim_now(b.sim);
	run(&b);
	assert_true(w1_sim_now(b.sim) - start < W1_CYCLE_TIMEOUT_NS + 3000 * MS);
	for (unsigned i = 0; i < b.n; i++) {
		assert_false(b.sample[i].temp_known);
	}
	assert_true(w1_sim_released(b.sim));
	w1_sim_free(b.sim);
}

static void parasite_power_gets_its_strong_pullup_in_time(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 4, W1_MODEL_A1, true);
	for (int k = 0; k < 3; k++) {
		assert_int_equal(run(&b), 4);
		for (unsigned i = 0; i < 4; i++) {
			assert_int_equal(b.sample[i].quality, DS18B20_UNSEEN);
			assert_true(b.sample[i].temp_known);
			assert_int_equal(w1_sim_slave(b.sim, i)->brownouts, 0);
		}
	}
	assert_int_equal(b.cycle.device[0].power, W1_POWER_PARASITE);
	bench_close(&b);
}

static void single_sensors_may_have_a_resolution_of_their_own(void **state)
{
	struct w1_resolutions resolutions = { .all_bits = 12, .n_own = 1, .own[0].bits = 9 };
	struct bench b;

	(void)state;
	bench_open(&b, 3, W1_MODEL_A1, false);
	memcpy(resolutions.own[0].rom, w1_sim_slave(b.sim, 1)->rom, 8);
	w1_cycle_init(&b.cycle, w1_sim_line(b.sim), &resolutions, 0);
	assert_int_equal(run(&b), 3);
	for (unsigned i = 0; i < b.n; i++) {
		bool is_own = memcmp(b.sample[i].rom, resolutions.own[0].rom, 8) == 0;

		assert_int_equal(b.sample[i].resolution_bits, is_own ? 9 : 12);
	}
	bench_close(&b);
}

static void a_search_under_preemption_finds_nobody_who_is_not_there(void **state)
{
	unsigned found = 0, whole = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		const struct w1_sim_config config = { .seed = seed, .preempt_ppm = 1000 };
		struct w1_sim *sim = w1_sim_new(&config);
		struct w1_search search;
		struct w1_bus bus;
		unsigned here = 0;

		for (unsigned i = 0; i < 6; i++) {
			w1_sim_add(sim, W1_MODEL_A1, false);
		}
		w1_bus_init(&bus, w1_sim_line(sim), 0);
		w1_search_init(&search);
		while (w1_search_next(&search, &bus) == 1) {
			unsigned i = 0;

			while (i < 6 && memcmp(w1_sim_slave(sim, i)->rom, search.rom, 8) != 0) {
				i++;
			}
			assert_true(i < 6);
			here++;
		}
		assert_true(here <= 6);
		found += here;
		whole += here == 6;
		w1_sim_free(sim);
	}
	print_message(
		"preemption 1e-3 per operation: %u of 240 devices found, %u of 40 searches whole\n",
		found, whole);
	assert_true(whole > 30);
}

static void a_stuck_line_gives_no_bogus_devices(void **state)
{
	struct bench b;
	struct w1_search search;

	(void)state;
	bench_open(&b, 1, W1_MODEL_A1, false);
	w1_sim_set_wiring(b.sim, W1_SIM_SHORT_TO_GND);
	w1_search_init(&search);
	assert_int_equal(w1_search_next(&search, &b.cycle.bus), W1_ESHORT);
	w1_sim_free(b.sim);
}

/* The rise of a short wire is over before such a computer's first look; the low of a write-1 takes
 * it two calls, of which half a call at least is no part of the low. */
static void a_computer_with_slow_calls_reads_parasite_powered_sensors(void **state)
{
	const struct w1_sim_config config = { .seed = 3,
					      .set = { 3200, 3300 },
					      .get = { 3400, 3600 },
					      .reconfigure = { 6400, 7000 },
					      .clock = { 60, 100 } };
	struct w1_sim *sim = w1_sim_new(&config);
	struct thermometer_sample samples[W1_CYCLE_DEVICES];
	struct w1_cycle cycle;
	unsigned n;

	(void)state;
	for (int i = 0; i < 2; i++) {
		w1_sim_add(sim, W1_MODEL_A1, true);
	}
	w1_cycle_init(&cycle, w1_sim_line(sim), NULL, 10);
	assert_int_equal(w1_cycle_run(&cycle, samples, &n), 2);
	for (unsigned i = 0; i < n; i++) {
		assert_true(samples[i].temp_known);
	}
	w1_sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sensors_are_read_in_one_conversion_time),
		cmocka_unit_test(
			a_sensor_slower_than_the_data_sheet_gives_nothing_old_and_costs_the_others_nothing),
		cmocka_unit_test(a_sensor_that_becomes_slow_is_found),
		cmocka_unit_test(a_contact_that_opens_while_it_is_polled_ends_no_conversion),
		cmocka_unit_test(sixty_four_devices_are_all_found_and_read),
		cmocka_unit_test(a_lower_resolution_is_set_and_shortens_the_cycle),
		cmocka_unit_test(sensors_come_and_go_and_keep_their_places),
		cmocka_unit_test(a_stranger_without_a_temperature_keeps_no_place),
		cmocka_unit_test(
			a_sensor_that_vanishes_in_mid_cycle_is_absent_and_the_others_stand),
		cmocka_unit_test(a_sensor_that_vanishes_before_any_transaction_is_absent),
		cmocka_unit_test(a_brown_out_in_the_conversion_is_told_from_a_temperature),
		cmocka_unit_test(eighty_five_degrees_that_are_real_are_accepted),
		cmocka_unit_test(every_wiring_fault_has_its_error),
		cmocka_unit_test(an_empty_bus_is_no_device),
		cmocka_unit_test(a_bus_that_never_meets_its_timing_ends_in_bounded_time),
		cmocka_unit_test(parasite_power_gets_its_strong_pullup_in_time),
		cmocka_unit_test(single_sensors_may_have_a_resolution_of_their_own),
		cmocka_unit_test(a_search_under_preemption_finds_nobody_who_is_not_there),
		cmocka_unit_test(a_stuck_line_gives_no_bogus_devices),
		cmocka_unit_test(a_computer_with_slow_calls_reads_parasite_powered_sensors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
