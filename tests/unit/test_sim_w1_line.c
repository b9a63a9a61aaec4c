// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test_sim_w1_master.h"

static void no_offence(struct w1_sim *sim)
{
	const struct w1_sim_judge *j = w1_sim_judge(sim);

	for (unsigned i = 0; i < j->n_kept; i++) {
		print_error("%s: %llu ns at %llu\n", w1_sim_offence_text(j->kept[i].kind),
			    (unsigned long long)j->kept[i].width_ns, (unsigned long long)j->kept[i].time_ns);
	}
	assert_int_equal(w1_sim_judge_total(j), 0);
}

static struct w1_sim *bus(uint64_t seed)
{
	struct w1_sim *sim = w1_sim_new(&(struct w1_sim_config){ .seed = seed });

	assert_non_null(sim);
	return sim;
}

static void an_empty_bus_gives_no_presence(void **state)
{
	struct w1_sim *sim = bus(1);
	struct master m = master_on(sim);

	(void)state;
	assert_false(m_reset(&m));
	assert_int_equal(m_sample(&m), 1);
	no_offence(sim);
	w1_sim_free(sim);
}

static void one_device_is_searched_matched_converted_and_read(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct w1_sim *sim = bus(seed);
		struct master m = master_on(sim);
		struct w1_slave *s = w1_sim_slave(sim, (unsigned)w1_sim_add(sim, W1_MODEL_A1, false));
		uint8_t roms[2][8], sp[9];
		uint64_t took;

		s->temp_mc = 25063;
		assert_int_equal(m_search(&m, 0xF0, roms, 2), 1);
		assert_memory_equal(roms[0], s->rom, 8);
		assert_true(m_scratchpad(&m, s->rom, sp));
		assert_memory_equal(sp, "\x50\x05\x4B\x46\x7F\xFF\x0C\x10\x1C", 9);
		took = m_convert(&m, s->rom);
		assert_in_range(took, 584 * MS, 616 * MS);
		assert_true(m_scratchpad(&m, s->rom, sp));
		assert_memory_equal(sp, "\x91\x01\x4B\x46\x7F\xFF\x0F\x10", 8);
		assert_int_equal(w1_sim_conversions(sim), 1);
		assert_int_equal(w1_sim_conversion(sim, 0)->what.raw, 0x0191);
		no_offence(sim);
		w1_sim_free(sim);
	}
}

static void the_demo_bus_has_two_thermometers_that_move_slowly(void **state)
{
	struct w1_sim *sim = w1_sim_new_demo(7);
	struct master m = master_on(sim);
	uint8_t roms[3][8], sp[9];
	int last[2] = { 0, 0 }, moved = 0;

	(void)state;
	assert_int_equal(m_search(&m, 0xF0, roms, 3), 2);
	for (int round = 0; round < 200; round++) {
		m_command(&m, NULL, 0x44);
		m_sleep(&m, 750 * MS);
		for (int i = 0; i < 2; i++) {
			int raw;

			assert_true(m_scratchpad(&m, roms[i], sp));
			raw = (int16_t)(sp[0] | sp[1] << 8);
			assert_in_range(raw + 1000, 1000, 1000 + 25 * 16);
			if (round > 0) {
				assert_true(abs(raw - last[i]) <= 8);
				moved += raw != last[i];
			}
			last[i] = raw;
		}
		w1_sim_advance(sim, 10000 * MS);
	}
	assert_true(moved > 50);
	no_offence(sim);
	w1_sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_bus_gives_no_presence),
		cmocka_unit_test(one_device_is_searched_matched_converted_and_read),
		cmocka_unit_test(the_demo_bus_has_two_thermometers_that_move_slowly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
