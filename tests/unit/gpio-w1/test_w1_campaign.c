// SPDX-License-Identifier: BSD-2-Clause
/*
 * The 1-Wire master against the simulated bus, with preemption at any operation: what is accepted
 * must be what the device converted in this very cycle. GEOTHERM_W1_READS sets how many reads of
 * each kind of preemption (make check-w1: 1,000,000).
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
#include "w1_truth.h"

#define READS_DEFAULT 4000

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
#define QUALITIES 9

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
		assert_int_not_equal(s->quality, DS18B20_OK);
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
	bool blind;
};

/*
 * The mutation: a clock that stands still while this computer is preempted, as CPU time does. With
 * it no slot is ever seen to be late.
 */
#define SET_OR_GET_MOST_NS 4000
#define SPIN_MOST_NS 500

static struct w1_line sighted;
static uint64_t unseen_ns;

static int blind_call(int (*op)(void *ctx))
{
	uint64_t from = sighted.ops->now_ns(sighted.ctx), took;
	int code = op(sighted.ctx);

	took = sighted.ops->now_ns(sighted.ctx) - from;
	unseen_ns += took > SET_OR_GET_MOST_NS ? took - SET_OR_GET_MOST_NS : 0;
	return code;
}

static int blind_low(void *ctx)
{
	(void)ctx;
	return blind_call(sighted.ops->drive_low);
}

static int blind_release(void *ctx)
{
	(void)ctx;
	return blind_call(sighted.ops->release);
}

static int blind_sample(void *ctx)
{
	(void)ctx;
	return blind_call(sighted.ops->sample);
}

static int blind_pullup(void *ctx, bool on)
{
	(void)ctx;
	return sighted.ops->strong_pullup(sighted.ctx, on);
}

static uint64_t blind_now(void *ctx)
{
	(void)ctx;
	return sighted.ops->now_ns(sighted.ctx) - unseen_ns;
}

static void blind_spin(void *ctx, uint64_t until_ns)
{
	uint64_t end;

	(void)ctx;
	sighted.ops->spin_until(sighted.ctx, until_ns + unseen_ns);
	end = sighted.ops->now_ns(sighted.ctx);
	if (end > until_ns + unseen_ns + SPIN_MOST_NS) {
		unseen_ns = end - until_ns - SPIN_MOST_NS;
	}
}

static void blind_sleep(void *ctx, uint64_t until_ns)
{
	(void)ctx;
	sighted.ops->sleep_until(sighted.ctx, until_ns + unseen_ns);
}

static const struct w1_line_ops blind_ops = {
	.drive_low = blind_low,
	.release = blind_release,
	.sample = blind_sample,
	.strong_pullup = blind_pullup,
	.now_ns = blind_now,
	.spin_until = blind_spin,
	.sleep_until = blind_sleep,
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
	if (w->blind) {
		sighted = cycle.bus.slots.line;
		unseen_ns = 0;
		cycle.bus.slots.line.ops = &blind_ops;
	}
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
	run_many("preemption 1e-2 per operation, 20 tries", &w, wanted_reads(), &t);
	nothing_false(&t);
	assert_true(t.violations > 0);
}

static void with_all_its_tries_most_reads_succeed_even_so(void **state)
{
	const struct weather w = { .preempt_ppm = 10000 };
	struct tally t = { 0 };

	(void)state;
	run_many("preemption 1e-2 per operation, 300 tries", &w, wanted_reads() / 50 + 1000, &t);
	nothing_false(&t);
	assert_true(t.accepted * 2 > t.reads);
}

static void at_a_tenth_of_that_preemption_nearly_all_reads_succeed(void **state)
{
	const struct weather w = { .preempt_ppm = 1000 };
	struct tally t = { 0 };

	(void)state;
	run_many("preemption 1e-3 per operation", &w, wanted_reads(), &t);
	nothing_false(&t);
	assert_true(t.accepted * 100 > t.reads * 98);
}

/*
 * Noise that makes one of several sensors, or one that can't be polled, miss its Convert T can't be
 * seen by any master: what the others answer is all there is to see.
 */
static void noise_is_never_taken_for_a_temperature(void **state)
{
	const struct weather w = { .noise_ppm = 300 },
			     both = { .preempt_ppm = 300, .noise_ppm = 300 };
	struct tally t = { 0 }, u = { 0 }, one = { 0 };

	(void)state;
	run_many("noise 3e-4 per slot and sample", &w, wanted_reads() / 10 + 2000, &t);
	assert_int_equal(t.wrong + t.copies, 0);
	assert_true(t.accepted * 100 > t.reads * 98);
	assert_true(t.stale * 200 < t.reads);
	run_many("noise and preemption 3e-4", &both, wanted_reads() / 10 + 2000, &u);
	assert_int_equal(u.wrong + u.copies, 0);
	assert_true(u.stale * 200 < u.reads);
	for (uint64_t seed = 0; one.reads < wanted_reads() / 10 + 2000; seed++) {
		/* Not a clone that can't be polled, nor one that calls itself parasite-powered and
		 * so is not polled. */
		if ((w1_model(models[seed % N_MODELS])->quirks &
		     (W1_QUIRK_POLL_NEVER | W1_QUIRK_POWER_LIES)) == 0) {
			run_bus(seed, 1, false, &w, 20, &one);
		}
	}
	print("noise 3e-4, one sensor that can be polled", &one);
	assert_int_equal(one.wrong + one.stale, 0);
}

static void without_the_bracketing_wrong_temperatures_are_accepted(void **state)
{
	const struct weather w = { .preempt_ppm = 10000, .tries = 30, .blind = true };
	struct tally t = { 0 };

	(void)state;
	run_many("preemption 1e-2, with a clock that does not show it", &w, 4000, &t);
	assert_true(t.wrong + t.stale > 0);
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
		cmocka_unit_test(without_the_bracketing_wrong_temperatures_are_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
