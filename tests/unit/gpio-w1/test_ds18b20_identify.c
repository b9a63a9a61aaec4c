// SPDX-License-Identifier: BSD-2-Clause
/* Each make of the simulated parts is told from the others, and none of them is worn by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gpio-w1/ds18b20_identify.h"
#include "userspace/sim/w1_sim_line.h"

static struct w1_sim *sim;

static void identify(enum w1_model_id model, bool parasite, uint64_t seed,
		     struct ds18b20_identity *identity)
{
	const struct w1_sim_config config = { .seed = seed };
	struct ds18b20_evidence evidence;
	struct w1_bus bus;
	struct w1_slave *slave;
	uint8_t before[3];

	sim = w1_sim_new(&config);
	assert_int_equal(w1_sim_add(sim, model, parasite), 0);
	slave = w1_sim_slave(sim, 0);
	slave->temp_mc = 21437; /* a low nibble that is neither that of power-on nor 0 */
	memcpy(before, &slave->scratchpad[2], 3);
	w1_bus_init(&bus, w1_sim_line(sim), 0);
	assert_int_equal(ds18b20_examine(&bus, slave->rom, &evidence), 0);
	ds18b20_identify(&evidence, identity);
	slave = w1_sim_slave(sim, 0);
	assert_memory_equal(&slave->scratchpad[2], before, 3); /* put back */
	assert_int_equal(slave->copies, 0);
	assert_int_equal(slave->unknown_commands, 0);
	assert_int_equal(w1_sim_judge_total(w1_sim_judge(sim)), 0);
	w1_sim_free(sim);
}

static void every_family_is_named(void **state)
{
	unsigned right = 0, doubted = 0, all = 0;

	(void)state;
	for (int model = W1_MODEL_A1; model <= W1_MODEL_H; model++) {
		const struct w1_model *m = w1_model((enum w1_model_id)model);

		for (uint64_t seed = 1; seed <= 8; seed++) {
			struct ds18b20_identity identity;

			identify((enum w1_model_id)model, false, seed, &identity);
			all++;
			if (identity.verdict == DS18B20_INCONCLUSIVE &&
			    (m->quirks & W1_QUIRK_POWER_LIES) != 0) {
				doubted++; /* says that it has no power of its own */
				continue;
			}
			right += strcmp(identity.family, m->name) == 0;
			assert_string_equal(identity.family, m->name);
			assert_int_equal(identity.verdict,
					 model == W1_MODEL_A1 ? DS18B20_GENUINE : DS18B20_CLONE);
		}
	}
	print_message("%u of %u parts named right, %u inconclusive\n", right, all, doubted);
	assert_int_equal(right + doubted, all);
	assert_true(doubted <= 8);
}

static void a_genuine_part_passes_every_check(void **state)
{
	struct ds18b20_identity identity;

	(void)state;
	identify(W1_MODEL_A1, false, 77, &identity);
	assert_int_equal(identity.passed, DS18B20_CHECK_COUNT);
	assert_string_equal(ds18b20_verdict_text(identity.verdict), "consistent with genuine");
}

static void parasite_power_and_other_parts_are_inconclusive(void **state)
{
	struct ds18b20_identity identity;

	(void)state;
	identify(W1_MODEL_A1, true, 3, &identity);
	assert_int_equal(identity.verdict, DS18B20_INCONCLUSIVE);
	identify(W1_MODEL_DS1822, false, 3, &identity);
	assert_int_equal(identity.verdict, DS18B20_INCONCLUSIVE);
}

static void a_computer_that_is_often_kept_away_names_a_genuine_part_too(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		const struct w1_sim_config config = { .seed = seed,
						      .preempt_ppm = 1000,
						      .preempt_min_ns = 10000,
						      .preempt_max_ns = 100000 };
		struct ds18b20_evidence evidence;
		struct ds18b20_identity identity;
		struct w1_bus bus;

		sim = w1_sim_new(&config);
		assert_int_equal(w1_sim_add(sim, W1_MODEL_A1, false), 0);
		w1_sim_slave(sim, 0)->temp_mc = 21437;
		w1_bus_init(&bus, w1_sim_line(sim), 0);
		assert_int_equal(ds18b20_examine(&bus, w1_sim_slave(sim, 0)->rom, &evidence), 0);
		ds18b20_identify(&evidence, &identity);
		assert_int_equal(identity.passed, DS18B20_CHECK_COUNT);
		assert_true(w1_bus_violations(&bus) > 0);
		w1_sim_free(sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_family_is_named),
		cmocka_unit_test(a_genuine_part_passes_every_check),
		cmocka_unit_test(parasite_power_and_other_parts_are_inconclusive),
		cmocka_unit_test(a_computer_that_is_often_kept_away_names_a_genuine_part_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
