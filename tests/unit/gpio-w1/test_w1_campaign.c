// SPDX-License-Identifier: BSD-2-Clause
/*
 * The 1-Wire master against the simulated bus: every make, on any wire, under preemption, noise and
 * whatever happens to a sensor. What is accepted (DS18B20_OK) must be what that device converted in
 * this very cycle; so must every other value. GEOTHERM_W1_READS sets how many reads in all
 * (make check-w1: 1,000,000).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "gpio-w1/w1_cycle.h"
#include "userspace/sim/w1_random.h"
#include "w1_truth.h"

#define READS_DEFAULT 0

static const enum w1_model_id models[] = {
	W1_MODEL_A1,	 W1_MODEL_A2,	    W1_MODEL_A3,       W1_MODEL_B1,	  W1_MODEL_B1V2,
	W1_MODEL_B2,	 W1_MODEL_C,	    W1_MODEL_D1,       W1_MODEL_D2,	  W1_MODEL_E,
	W1_MODEL_F,	 W1_MODEL_G,	    W1_MODEL_H,	       W1_MODEL_DS18S20,  W1_MODEL_DS1822,
	W1_MODEL_DS1825, W1_MODEL_MAX31826, W1_MODEL_MAX31850, W1_MODEL_DS28EA00,
};
/* Those that work on parasite power. */
static const enum w1_model_id parasites[] = {
	W1_MODEL_A1, W1_MODEL_B1,      W1_MODEL_B1V2,	W1_MODEL_B2,
	W1_MODEL_E,  W1_MODEL_DS18S20, W1_MODEL_DS1822,
};
#define N_MODELS (sizeof models / sizeof models[0])
#define N_PARASITES (sizeof parasites / sizeof parasites[0])
#define QUALITIES DS18B20_QUALITY_COUNT

struct tally {
	uint64_t reads, accepted, wrong, stale, typed[QUALITIES];
	uint64_t retries, violations, given_up, preemptions, offences, copies;
};

static uint64_t wanted_reads(void)
{
	const char *text = getenv("GEOTHERM_W1_READS");

	return text != NULL ? strtoull(text, NULL, 10) : READS_DEFAULT;
}

static void compare(struct w1_sim *sim, unsigned devices, uint64_t cycle_start,
		    const struct thermometer_sample *s, struct tally *t)
{
	unsigned device = truth_device(sim, devices, s->rom);
	enum truth truth;

	t->reads++;
	t->typed[s->quality]++;
	if (!s->temp_known) {
		assert_false(ds18b20_has_value(s->quality));
		return;
	}
	truth = device == devices ? TRUTH_WRONG
				  : truth_of(sim, device, cycle_start, ds18b20_raw(s->temp_mc));
	t->accepted++;
	t->wrong += truth == TRUTH_WRONG;
	t->stale += truth == TRUTH_STALE;
}

struct weather {
	uint32_t preempt_ppm, noise_ppm;
	unsigned tries; /* for one transaction; 0: as always, which takes longer to simulate */
};

static void run_bus(uint64_t seed, unsigned devices, bool parasite, const struct weather *w,
		    unsigned cycles, struct tally *t)
{
	const struct w1_sim_config config = { .seed = seed };
	struct w1_sim *sim = w1_sim_new(&config);
	struct thermometer_sample samples[W1_CYCLE_DEVICES];
	struct w1_cycle cycle;
	unsigned n;

	for (unsigned i = 0; i < devices; i++) {
		enum w1_model_id model = parasite ? parasites[(seed / 7 + i) % N_PARASITES]
						  : models[(seed + i) % N_MODELS];

		assert_int_equal(w1_sim_add(sim, model, parasite), i);
		truth_move(sim, i);
	}
	/* The sensors are found on a quiet bus: no pass of 200 slots would ever come through this
	 * weather. */
	w1_cycle_init(&cycle, w1_sim_line(sim), NULL, cycles + 1);
	assert_int_equal(w1_cycle_run(&cycle, samples, &n), devices);
	w1_sim_set_preemption(sim, w->preempt_ppm);
	w1_sim_set_noise(sim, w->noise_ppm);
	cycle.bus.tries = w->tries != 0 ? w->tries : cycle.bus.tries;
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
		t->copies += w1_sim_slave(sim, i)->copies; /* nobody asked for one: a slip of 4E to
							      48 would */
	}
	w1_sim_free(sim);
}

static void print(const char *what, const struct tally *t)
{
	print_message("%s: %" PRIu64 " reads, %" PRIu64 " accepted, %" PRIu64 " wrong, %" PRIu64
		      " stale; %" PRIu64 " preemptions, %" PRIu64 " violations seen, %" PRIu64
		      " retries, %" PRIu64 " given up\n",
		      what, t->reads, t->accepted, t->wrong, t->stale, t->preemptions,
		      t->violations, t->retries, t->given_up);
	print_message("  typed:");
	for (int q = 0; q < QUALITIES; q++) {
		print_message(" %s %" PRIu64, ds18b20_quality_name((enum ds18b20_quality)q),
			      t->typed[q]);
	}
	print_message("\n");
}

static void run_many(const char *what, const struct weather *w, uint64_t reads, struct tally *t)
{
	for (uint64_t seed = 1; t->reads < reads; seed++) {
		run_bus(seed, 1 + (unsigned)(seed % 5), seed % 7 == 0, w, 20, t);
	}
	print(what, t);
}

static void nothing_false(const struct tally *t)
{
	assert_int_equal(t->wrong, 0);
	assert_int_equal(t->stale, 0);
	assert_int_equal(t->offences, 0);
	assert_int_equal(t->copies, 0);
	assert_true(t->accepted > 0);
}

static void no_wrong_or_stale_temperature_is_accepted_under_preemption(void **state)
{
	const struct weather w = { .preempt_ppm = 10000, .tries = 20 };
	struct tally t = { 0 };

	(void)state;
	run_many("preemption 1e-2 per operation, 20 tries", &w, wanted_reads() / 10 + 4000, &t);
	nothing_false(&t);
	assert_true(t.violations > 0);
}

static void with_all_its_tries_most_reads_succeed_even_so(void **state)
{
	const struct weather w = { .preempt_ppm = 10000 };
	struct tally t = { 0 };

	(void)state;
	run_many("preemption 1e-2 per operation, all its tries", &w, wanted_reads() / 50 + 1000,
		 &t);
	nothing_false(&t);
	assert_true(t.accepted * 2 > t.reads);
}

static void at_a_tenth_of_that_preemption_nearly_all_reads_succeed(void **state)
{
	const struct weather w = { .preempt_ppm = 1000 };
	struct tally t = { 0 };

	(void)state;
	run_many("preemption 1e-3 per operation", &w, wanted_reads() / 10 + 4000, &t);
	nothing_false(&t);
	assert_true(t.accepted * 100 > t.reads * 98);
}

static void noise_is_never_taken_for_a_temperature(void **state)
{
	const struct weather w = { .noise_ppm = 300 },
			     both = { .preempt_ppm = 300, .noise_ppm = 300 };
	struct tally t = { 0 }, u = { 0 };

	(void)state;
	run_many("noise 3e-4 per slot and sample", &w, wanted_reads() / 50 + 2000, &t);
	assert_int_equal(t.wrong + t.stale + t.copies, 0);
	assert_true(t.accepted * 100 > t.reads * 98);
	run_many("noise and preemption 3e-4", &both, wanted_reads() / 50 + 2000, &u);
	assert_int_equal(u.wrong + u.stale + u.copies, 0);
}

/* --- faults of single sensors, and wires --- */

struct fault_kind {
	const char *name;
	uint32_t rc_ns, preempt_ppm;
	unsigned devices; /* 0: 1 to 5 */
	enum { ALL_MAKES, GENUINE, LAGGING, PARASITES } makes;
	void (*fault)(struct w1_sim *sim, unsigned device, uint64_t start, struct w1_random *r);
	enum w1_proof proof;
	unsigned answered_percent; /* at least, DS18B20_OK and the values of other qualities */
	const char *unshowable; /* why false values cannot be told by any command of the datasheet
				 */
};

static uint64_t later(struct w1_random *r, uint64_t start, unsigned within_ms)
{
	return start + (uint64_t)w1_random_between(r, 0, within_ms * 1000) * 1000;
}

static void contact_opens(struct w1_sim *sim, unsigned device, uint64_t start, struct w1_random *r)
{
	uint64_t at = later(r, start, 900);

	w1_sim_plan(sim, device, W1_SIM_CONTACT_OPEN, at, later(r, at, 40));
}

static void convert_is_missed(struct w1_sim *sim, unsigned device, uint64_t start,
			      struct w1_random *r)
{
	uint64_t at = later(r, start, 25);

	w1_sim_plan(sim, device, W1_SIM_CONTACT_OPEN, at, later(r, at + 5000000, 25));
}

static void is_plugged_late(struct w1_sim *sim, unsigned device, uint64_t start,
			    struct w1_random *r)
{
	w1_sim_plan(sim, device, W1_SIM_UNPLUGGED, start, later(r, start, 900));
}

static void loses_its_power(struct w1_sim *sim, unsigned device, uint64_t start,
			    struct w1_random *r)
{
	uint64_t at = later(r, start, 900);

	w1_sim_plan(sim, device, W1_SIM_UNPLUGGED, at, later(r, at + 1000000, 500));
}

static void supply_dips(struct w1_sim *sim, unsigned device, uint64_t start, struct w1_random *r)
{
	uint64_t at = later(r, start, 800);

	w1_sim_plan(sim, device, W1_SIM_DIP, at, at + w1_random_between(r, 20, 1000) * 1000u);
}

static void noise_bursts(struct w1_sim *sim, unsigned device, uint64_t start, struct w1_random *r)
{
	uint64_t at = later(r, start, 900);

	(void)device;
	w1_sim_burst(sim, w1_random_between(r, 10000, 400000), at, later(r, at, 20));
}

static void second_master(struct w1_sim *sim, unsigned device, uint64_t start, struct w1_random *r)
{
	(void)device;
	w1_sim_second_master(sim, later(r, start, 1000));
}

#define KEEPS "the supply dips, the conversion stops, and the scratchpad stays as it was"

static const struct fault_kind kinds[] = {
	{ .name = "RC 3.5 us",
	  .rc_ns = 3500,
	  .devices = 3,
	  .makes = GENUINE,
	  .answered_percent = 99 },
	{ .name = "RC 4.7 us",
	  .rc_ns = 4700,
	  .devices = 3,
	  .makes = GENUINE,
	  .answered_percent = 99 },
	{ .name = "RC 6 us", .rc_ns = 6000, .devices = 3, .makes = GENUINE, .answered_percent = 99 },
	{ .name = "RC 7 us", .rc_ns = 7000, .devices = 3, .makes = GENUINE, .answered_percent = 99 },
	{ .name = "RC 7 us, every make", .rc_ns = 7000, .answered_percent = 99 },
	{ .name = "RC 8 us", .rc_ns = 8000, .devices = 3, .makes = GENUINE },
	{ .name = "RC 10 us", .rc_ns = 10000, .devices = 3, .makes = GENUINE },
	{ .name = "RC 5 us, preemption 3e-3", .rc_ns = 5000, .preempt_ppm = 3000 },
	{ .name = "parasite, RC 3 us", .rc_ns = 3000, .devices = 3, .makes = PARASITES },
	{ .name = "parasite, RC 5 us", .rc_ns = 5000, .devices = 3, .makes = PARASITES },
	{ .name = "12 on parasite power",
	  .devices = 12,
	  .makes = PARASITES,
	  .answered_percent = 99 },
	{ .name = "20 sensors", .devices = 20, .makes = GENUINE, .answered_percent = 99 },
	{ .name = "F beside D1", .devices = 2, .makes = LAGGING, .answered_percent = 99 },
	{ .name = "data contact opens", .fault = contact_opens },
	{ .name = "Convert T is missed", .fault = convert_is_missed },
	{ .name = "plugged in late", .makes = GENUINE, .fault = is_plugged_late },
	{ .name = "loses its power", .makes = GENUINE, .fault = loses_its_power },
	{ .name = "loses its power, every make", .fault = loses_its_power, .unshowable = KEEPS },
	{ .name = "dips of 20 us to 1 ms", .fault = supply_dips, .unshowable = KEEPS },
	{ .name = "dips, strict", .fault = supply_dips, .proof = W1_PROOF_STRICT },
	{ .name = "loses its power, strict", .fault = loses_its_power, .proof = W1_PROOF_STRICT },
	{ .name = "every make, strict", .proof = W1_PROOF_STRICT, .answered_percent = 99 },
	{ .name = "parasite, strict",
	  .makes = PARASITES,
	  .devices = 3,
	  .proof = W1_PROOF_STRICT,
	  .answered_percent = 99 },
	{ .name = "a second master", .devices = 3, .makes = GENUINE, .fault = second_master },
	{ .name = "noise bursts", .fault = noise_bursts },
};

static enum w1_model_id make_of(const struct fault_kind *k, uint64_t number)
{
	switch (k->makes) {
	case GENUINE:
		return W1_MODEL_A1;
	case LAGGING:
		return number % 2 ? W1_MODEL_D1 : W1_MODEL_F;
	case PARASITES:
		return parasites[number % N_PARASITES];
	default:
		return models[number % N_MODELS];
	}
}

struct kind_tally {
	unsigned reads, ok, other, false_ok, false_other;
	uint64_t offences, copies;
};

static void run_kind(const struct fault_kind *k, uint64_t seed, struct kind_tally *t)
{
	const struct w1_sim_config config = { .seed = seed, .rc_ns = k->rc_ns };
	unsigned devices = k->devices ? k->devices : 1 + (unsigned)(seed % 5), n;
	static struct thermometer_sample samples[W1_CYCLE_DEVICES];
	static struct w1_cycle cycle;
	struct w1_sim *sim = w1_sim_new(&config);
	struct w1_random r;

	w1_random_init(&r, seed);
	for (unsigned i = 0; i < devices; i++) {
		w1_sim_add(sim, make_of(k, seed + i), k->makes == PARASITES);
		truth_move(sim, i);
	}
	w1_cycle_init(&cycle, w1_sim_line(sim), NULL, 10);
	cycle.proof = k->proof;
	w1_sim_set_preemption(sim, k->preempt_ppm);
	for (unsigned c = 0; c < 12; c++) {
		uint64_t start = w1_sim_now(sim);

		if (k->fault != NULL) {
			k->fault(sim, w1_random_between(&r, 0, devices - 1), start, &r);
		}
		w1_cycle_run(&cycle, samples, &n);
		t->reads += n > devices ? n : devices;
		for (unsigned i = 0; i < n; i++) {
			const struct thermometer_sample *s = &samples[i];
			unsigned device = truth_device(sim, devices, s->rom);
			bool right = device < devices && s->temp_known &&
				     truth_of(sim, device, start, ds18b20_raw(s->temp_mc)) ==
					     TRUTH_RIGHT;

			t->ok += s->quality == DS18B20_OK;
			t->other += s->temp_known && s->quality != DS18B20_OK;
			t->false_ok += s->quality == DS18B20_OK && !right;
			t->false_other += s->temp_known && s->quality != DS18B20_OK && !right;
		}
		w1_sim_advance(sim, later(&r, 200000000, 300));
	}
	t->offences += w1_sim_judge_total(w1_sim_judge(sim));
	for (unsigned i = 0; i < devices; i++) {
		t->copies += w1_sim_slave(sim, i)->copies;
	}
	w1_sim_free(sim);
}

static void whatever_happens_to_a_sensor_no_false_temperature_is_accepted(void **state)
{
	(void)state;
	print_message("%-28s %8s %8s %8s %9s %12s\n", "kind", "reads", "ok", "other", "false ok",
		      "false other");
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		const struct fault_kind *k = &kinds[i];
		struct kind_tally t = { 0 };

		for (uint64_t seed = 1; t.reads < wanted_reads() / 30 + 400; seed++) {
			run_kind(k, seed, &t);
		}
		print_message("%-28s %8u %8u %8u %9u %12u  %s\n", k->name, t.reads, t.ok, t.other,
			      t.false_ok, t.false_other,
			      t.false_ok > 0 && k->unshowable ? k->unshowable : "");
		if (k->unshowable == NULL) {
			assert_int_equal(t.false_ok, 0);
		}
		assert_int_equal(t.copies, 0);
		assert_true((t.ok + t.other) * 100 >= t.reads * k->answered_percent);
	}
}

/*
 * Two parts of one ROM code answer with the wired AND of what they hold. It is told from a sensor's
 * unless it equals one part's answer.
 */
static void two_sensors_of_one_rom_code_are_no_sensor(void **state)
{
	unsigned accepted = 0, neither = 0, told = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= wanted_reads() / 100 + 60; seed++) {
		const struct w1_sim_config config = { .seed = seed };
		static struct thermometer_sample samples[W1_CYCLE_DEVICES];
		static struct w1_cycle cycle;
		struct w1_sim *sim = w1_sim_new(&config);
		unsigned n;

		for (unsigned i = 0; i < 2; i++) {
			w1_sim_add(sim, W1_MODEL_A1, false);
			w1_sim_slave(sim, i)->temp_mc =
				(int32_t)(seed * 7919 % 50000) + (int32_t)(i * (seed % 97) * 103);
		}
		memcpy(w1_sim_slave(sim, 1)->rom, w1_sim_slave(sim, 0)->rom, 8);
		w1_cycle_init(&cycle, w1_sim_line(sim), NULL, 10);
		for (unsigned c = 0; c < 5; c++) {
			w1_cycle_run(&cycle, samples, &n);
			assert_int_equal(n, 1);
			told += samples[0].quality == DS18B20_DUPLICATE;
			if (samples[0].temp_known) {
				int16_t raw = ds18b20_raw(samples[0].temp_mc);

				accepted++;
				neither += raw != w1_sim_slave(sim, 0)->last.raw &&
					   raw != w1_sim_slave(sim, 1)->last.raw;
			}
		}
		w1_sim_free(sim);
	}
	print_message("one ROM code twice: %u told, %u accepted as one of the two, %u as neither\n",
		      told, accepted - neither, neither);
	assert_int_equal(neither, 0);
	assert_true(told > accepted);
}

static void on_a_quiet_bus_every_make_is_read_right_in_every_cycle(void **state)
{
	const struct weather quiet = { 0 };

	(void)state;
	for (uint64_t seed = 0; seed < N_MODELS; seed++) {
		struct tally t = { 0 };

		run_bus(seed, 1, false, &quiet, 5, &t);
		if (t.accepted != 5) {
			print(w1_model(models[seed % N_MODELS])->name, &t);
		}
		assert_int_equal(t.accepted, 5);
		nothing_false(&t);
	}
}

static void parasite_powered_sensors_are_read_right(void **state)
{
	const struct weather quiet = { 0 };
	struct tally t = { 0 };

	(void)state;
	run_bus(3, N_PARASITES, true, &quiet, 10, &t);
	print("parasite power", &t);
	assert_int_equal(t.accepted, N_PARASITES * 10);
	nothing_false(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_a_quiet_bus_every_make_is_read_right_in_every_cycle),
		cmocka_unit_test(parasite_powered_sensors_are_read_right),
		cmocka_unit_test(no_wrong_or_stale_temperature_is_accepted_under_preemption),
		cmocka_unit_test(with_all_its_tries_most_reads_succeed_even_so),
		cmocka_unit_test(at_a_tenth_of_that_preemption_nearly_all_reads_succeed),
		cmocka_unit_test(noise_is_never_taken_for_a_temperature),
		cmocka_unit_test(whatever_happens_to_a_sensor_no_false_temperature_is_accepted),
		cmocka_unit_test(two_sensors_of_one_rom_code_are_no_sensor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
