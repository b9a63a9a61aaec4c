// SPDX-License-Identifier: BSD-2-Clause
/*
 * The 1-Wire master against the simulated bus, with preemption at any operation: what is accepted must be what
 * the device converted in this very cycle. GEOTHERM_W1_READS sets how many reads (make check-w1: 1,000,000).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gpio-w1/w1_cycle.h"
#include "userspace/sim/w1_sim_line.h"

#define READS_DEFAULT 4000
#define PREEMPT_PPM 10000	/* 1e-2 per operation, 1 us to 5 ms */

/* Makes whose nine bytes are those of a DS18B20 or DS18S20. Not here: MAX31826 and MAX31850 (other layouts). */
static const enum w1_model_id models[] = {
	W1_MODEL_A1, W1_MODEL_A2, W1_MODEL_A3, W1_MODEL_B1, W1_MODEL_B1V2, W1_MODEL_B2, W1_MODEL_C, W1_MODEL_D1,
	W1_MODEL_D2, W1_MODEL_E, W1_MODEL_F, W1_MODEL_G, W1_MODEL_H, W1_MODEL_DS18S20, W1_MODEL_DS1822,
	W1_MODEL_DS1825, W1_MODEL_DS28EA00,
};
#define N_MODELS (sizeof models / sizeof models[0])

struct tally {
	uint64_t reads, accepted, wrong, stale, typed[8];
	uint64_t retries, violations, given_up, preemptions, offences, copies;
};

static uint64_t wanted_reads(void)
{
	const char *text = getenv("GEOTHERM_W1_READS");

	return text != NULL ? strtoull(text, NULL, 10) : READS_DEFAULT;
}

/* Moves by more than a step of 1/16 degC between two cycles, so that the last value is never this one's. */
static int32_t moving(void *ctx, uint64_t now_ns)
{
	return (int32_t)((now_ns / 100000000 * 1237 + (uintptr_t)ctx * 7919) % 150000) - 40000;
}

/* The index of the device with this ROM; `devices` if there is none. */
static unsigned device_of(struct w1_sim *sim, unsigned devices, const uint8_t *rom)
{
	unsigned i = 0;

	while (i < devices && memcmp(w1_sim_slave(sim, i)->rom, rom, 8) != 0) {
		i++;
	}
	return i;
}

/* Did this device really convert to this value since then? */
static bool converted_to(struct w1_sim *sim, unsigned device, uint64_t since_ns, int16_t raw)
{
	uint64_t end = w1_sim_conversions(sim);

	for (uint64_t i = end; i > 0; i--) {
		const struct w1_sim_conversion *c = w1_sim_conversion(sim, i - 1);

		if (c == NULL || c->what.end_ns < since_ns) {
			return false;
		}
		if (c->device == device && c->what.start_ns >= since_ns && c->what.raw == raw) {
			return true;
		}
	}
	return false;
}

static void compare(struct w1_sim *sim, unsigned devices, uint64_t cycle_start, const struct thermometer_sample *s,
		    struct tally *t)
{
	unsigned device = device_of(sim, devices, s->rom);

	t->reads++;
	t->typed[s->quality]++;
	if (!s->temp_known) {
		assert_int_not_equal(s->quality, DS18B20_OK);
		return;
	}
	t->accepted++;
	if (device == devices || !converted_to(sim, device, 0, s->raw)) {
		t->wrong++;
	} else if (!converted_to(sim, device, cycle_start, s->raw)) {
		t->stale++;
	}
}

static void run_bus(uint64_t seed, unsigned devices, bool parasite, uint32_t ppm, bool trusting, unsigned cycles,
		    struct tally *t)
{
	const struct w1_sim_config config = { .seed = seed };
	struct w1_sim *sim = w1_sim_new(&config);
	struct thermometer_sample samples[W1_CYCLE_DEVICES];
	struct w1_cycle cycle;
	unsigned n;

	for (unsigned i = 0; i < devices; i++) {
		enum w1_model_id model = parasite ? W1_MODEL_A1 : models[(seed + i) % N_MODELS];
		struct w1_slave *s;

		assert_int_equal(w1_sim_add(sim, model, parasite), i);
		s = w1_sim_slave(sim, i);
		s->temp = moving;
		s->temp_ctx = (void *)(uintptr_t)(i + 1);
	}
	/* The sensors are found on a quiet bus: no pass of 200 slots would ever come through this weather. */
	w1_cycle_init(&cycle, w1_sim_line(sim), 0, cycles + 1);
	assert_int_equal(w1_cycle_run(&cycle, samples, &n), devices);
	w1_sim_set_preemption(sim, ppm);
	cycle.bus.slots.trusting = trusting;
	for (unsigned k = 0; k < cycles; k++) {
		uint64_t start = w1_sim_now(sim);

		w1_cycle_run(&cycle, samples, &n);
		assert_int_equal(n, devices);
		for (unsigned i = 0; i < n; i++) {
			compare(sim, devices, start, &samples[i], t);
		}
		assert_true(w1_sim_released(sim));
		w1_sim_advance(sim, 400000000);
	}
	t->retries += cycle.bus.retries;
	t->violations += w1_bus_violations(&cycle.bus);
	t->given_up += cycle.bus.given_up;
	t->preemptions += w1_sim_preemptions(sim);
	t->offences += w1_sim_judge_total(w1_sim_judge(sim));
	for (unsigned i = 0; i < devices; i++) {
		t->copies += w1_sim_slave(sim, i)->copies;	/* nobody asked for one: a slip of 4E to 48 would */
	}
	w1_sim_free(sim);
}

static void print(const char *what, const struct tally *t)
{
	print_message("%s: %" PRIu64 " reads, %" PRIu64 " accepted, %" PRIu64 " wrong, %" PRIu64 " stale; %" PRIu64
		      " preemptions, %" PRIu64 " violations seen, %" PRIu64 " retries, %" PRIu64 " given up\n", what,
		      t->reads, t->accepted, t->wrong, t->stale, t->preemptions, t->violations, t->retries, t->given_up);
	print_message("  typed:");
	for (int q = 0; q < 8; q++) {
		print_message(" %s %" PRIu64, ds18b20_quality_name((enum ds18b20_quality)q), t->typed[q]);
	}
	print_message("\n");
}

static void no_wrong_or_stale_temperature_is_accepted_under_preemption(void **state)
{
	struct tally t = { 0 };

	(void)state;
	for (uint64_t seed = 1; t.reads < wanted_reads(); seed++) {
		run_bus(seed, 1 + (unsigned)(seed % 5), seed % 7 == 0, PREEMPT_PPM, false, 20, &t);
	}
	print("preemption 1e-2 per operation", &t);
	assert_int_equal(t.wrong, 0);
	assert_int_equal(t.stale, 0);
	assert_int_equal(t.offences, 0);
	assert_int_equal(t.copies, 0);
	assert_true(t.accepted > 0);
	assert_true(t.violations > 0);
}

static void at_a_tenth_of_that_preemption_most_reads_succeed(void **state)
{
	struct tally t = { 0 };

	(void)state;
	for (uint64_t seed = 1; t.reads < 4000; seed++) {
		run_bus(seed, 1 + (unsigned)(seed % 5), seed % 7 == 0, PREEMPT_PPM / 10, false, 20, &t);
	}
	print("preemption 1e-3 per operation", &t);
	assert_int_equal(t.wrong + t.stale, 0);
	assert_int_equal(t.offences, 0);
	assert_true(t.accepted * 10 > t.reads * 9);
}

static void without_the_bracketing_wrong_temperatures_are_accepted(void **state)
{
	struct tally t = { 0 };

	(void)state;
	for (uint64_t seed = 1; t.reads < 4000; seed++) {
		run_bus(seed, 1 + (unsigned)(seed % 5), seed % 7 == 0, PREEMPT_PPM, true, 20, &t);
	}
	print("the same, trusting every slot", &t);
	assert_true(t.wrong + t.stale > 0);
}

static void on_a_quiet_bus_every_make_is_read_right_in_every_cycle(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < N_MODELS; seed++) {
		struct tally t = { 0 };

		run_bus(seed, 1, false, 0, false, 5, &t);
		if (t.accepted != 5) {
			print(w1_model(models[seed % N_MODELS])->name, &t);
		}
		assert_int_equal(t.accepted, 5);
		assert_int_equal(t.wrong + t.stale, 0);
		assert_int_equal(t.offences, 0);
	}
}

static void parasite_powered_sensors_are_read_right(void **state)
{
	struct tally t = { 0 };

	(void)state;
	run_bus(3, 6, true, 0, false, 10, &t);
	print("parasite power", &t);
	assert_int_equal(t.accepted, 60);
	assert_int_equal(t.wrong + t.stale, 0);
	assert_int_equal(t.offences, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_a_quiet_bus_every_make_is_read_right_in_every_cycle),
		cmocka_unit_test(parasite_powered_sensors_are_read_right),
		cmocka_unit_test(no_wrong_or_stale_temperature_is_accepted_under_preemption),
		cmocka_unit_test(at_a_tenth_of_that_preemption_most_reads_succeed),
		cmocka_unit_test(without_the_bracketing_wrong_temperatures_are_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
