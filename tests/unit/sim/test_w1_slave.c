// SPDX-License-Identifier: BSD-2-Clause
/* One simulated device, fed with bare edges: what it takes for a bit, a reset, a loss of power. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <string.h>

#include "userspace/sim/w1_slave.h"

#define US 1000ull
#define MS 1000000ull

/* An ideal wire with one device: no capacitance, edges at exact times. */
struct bench {
	struct w1_slave s;
	uint64_t now;
};

static struct bench bench(enum w1_model_id model, uint64_t seed, bool parasite)
{
	struct bench b = { .now = 1000 * MS };

	w1_slave_init(&b.s, model, seed, parasite, b.now);
	return b;
}

/* Time passes; the wire follows the device's own pull while the master's is not on it. */
static void pass(struct bench *b, uint64_t ns, bool master_low)
{
	uint64_t until = b->now + ns;

	while (b->s.next_ns <= until) {
		uint64_t at = b->s.next_ns;

		w1_slave_run(&b->s, at);
		w1_slave_wire(&b->s, !master_low && !b->s.pulls, at);
	}
	b->now = until;
}

static void low(struct bench *b, uint64_t ns)
{
	w1_slave_wire(&b->s, false, b->now);
	pass(b, ns, true);
	w1_slave_wire(&b->s, !b->s.pulls, b->now);
}

static void reset(struct bench *b)
{
	low(b, 480 * US);
	pass(b, 480 * US, false);
}

static void write_bits(struct bench *b, uint64_t bits, int n)
{
	while (n-- > 0) {
		low(b, bits & 1 ? 6 * US : 60 * US);
		pass(b, bits & 1 ? 64 * US : 10 * US, false);
		bits >>= 1;
	}
}

/* The level 14 us after the fall. */
static bool read_bit(struct bench *b)
{
	bool bit;

	low(b, 6 * US);
	pass(b, 8 * US, false);
	bit = !b->s.pulls;
	pass(b, 56 * US, false);
	return bit;
}

static uint64_t read_bits(struct bench *b, int n)
{
	uint64_t bits = 0;

	for (int i = 0; i < n; i++) {
		bits |= (uint64_t)read_bit(b) << i;
	}
	return bits;
}

static void command(struct bench *b, uint8_t byte)
{
	reset(b);
	write_bits(b, 0xCC | byte << 8, 16);
}

static void every_seed_gives_times_within_the_data_sheet(void **state)
{
	(void)state;
	for (int model = 0; model < W1_MODEL_COUNT; model++) {
		for (uint64_t seed = 0; seed < 500; seed++) {
			struct w1_slave s;

			w1_slave_init(&s, (enum w1_model_id)model, seed, false, 0);
			assert_in_range(s.timing.reset_ns, 300 * US, 480 * US);
			assert_in_range(s.timing.presence_wait_ns, 15 * US, 60 * US);
			assert_in_range(s.timing.presence_ns, 60 * US, 240 * US);
			assert_in_range(s.timing.sample_ns, 15 * US, 60 * US);
			assert_in_range(s.timing.hold_ns, 15 * US, 60 * US);
			assert_in_range(s.timing.recovery_ns, 0, 1 * US);
			assert_in_range(s.timing.convert_ns, 10 * MS, 750 * MS);
			assert_true(s.timing.convert_ns <= s.model->conv_max_ms * MS);
			assert_in_range(s.timing.copy_ns, 2 * MS, 10 * MS);
			assert_true(s.timing.holdup_ns > 960 * US);
			assert_true(s.timing.starve_ns > 10 * US);
		}
	}
}

static void equal_seeds_make_equal_devices_and_others_differ(void **state)
{
	struct w1_slave a, b, c;

	(void)state;
	w1_slave_init(&a, W1_MODEL_A1, 5, false, 0);
	w1_slave_init(&b, W1_MODEL_A1, 5, false, 0);
	w1_slave_init(&c, W1_MODEL_A1, 6, false, 0);
	assert_memory_equal(&a.timing, &b.timing, sizeof(a.timing));
	assert_memory_equal(a.rom, b.rom, 8);
	assert_memory_not_equal(&a.timing, &c.timing, sizeof(a.timing));
	assert_memory_not_equal(a.rom, c.rom, 8);
}

static void a_low_is_a_reset_from_the_device_s_own_threshold_on(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct bench b = bench(W1_MODEL_A1, seed, false);

		low(&b, b.s.timing.reset_ns - 1);
		pass(&b, 1 * MS, false);
		assert_int_equal(b.s.resets, 0);
		low(&b, b.s.timing.reset_ns);
		assert_int_equal(b.s.resets, 1);
		assert_false(b.s.pulls);
		pass(&b, b.s.timing.presence_wait_ns - 1, false);
		assert_false(b.s.pulls);
		pass(&b, 1, false);
		assert_true(b.s.pulls);
		pass(&b, b.s.timing.presence_ns - 1, false);
		assert_true(b.s.pulls);
		pass(&b, 1, false);
		assert_false(b.s.pulls);
		assert_int_equal(b.s.state, W1_SLAVE_ROM_COMMAND);
	}
}

static void its_own_sampling_instant_decides_an_ambiguous_low(void **state)
{
	int ones = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct bench b = bench(W1_MODEL_A1, seed, false);

		reset(&b);
		low(&b, b.s.timing.sample_ns - 1); /* just back high when it looks */
		pass(&b, 100 * US, false);
		low(&b, b.s.timing.sample_ns + 1);
		pass(&b, 100 * US, false);
		low(&b, 25 * US); /* a stretched write-1: some see a 0 */
		pass(&b, 100 * US, false);
		assert_int_equal(b.s.count, 3);
		assert_int_equal(b.s.shift >> 5 & 3, 1);
		assert_int_equal(b.s.shift >> 7, b.s.timing.sample_ns > 25 * US);
		ones += b.s.shift >> 7;
	}
	assert_in_range(ones, 100, 190);
}

static void a_zero_is_held_for_its_own_time_after_the_fall(void **state)
{
	struct bench b = bench(W1_MODEL_A1, 3, false);

	(void)state;
	reset(&b);
	write_bits(&b, 0x33, 8);
	read_bits(&b, 8); /* 28: begins with three zeros; now the second byte */
	b.s.rom[1] = 0x00;
	low(&b, 2 * US);
	assert_true(b.s.pulls);
	pass(&b, b.s.timing.hold_ns - 2 * US - 1, false);
	assert_true(b.s.pulls);
	pass(&b, 1, false);
	assert_false(b.s.pulls);
}

static void a_spike_within_a_slot_is_not_a_slot(void **state)
{
	struct bench b = bench(W1_MODEL_A1, 3, false);

	(void)state;
	b.s.timing.sample_ns = 30 * US;
	reset(&b);
	low(&b, 5 * US);
	pass(&b, 5 * US, false);
	low(&b, 1 * US);
	pass(&b, 80 * US, false);
	assert_int_equal(b.s.count, 1);
	low(&b, 1 * US); /* but one by itself is: a 1 */
	pass(&b, 80 * US, false);
	assert_int_equal(b.s.count, 2);
}

static void a_recovery_below_its_own_need_joins_two_slots(void **state)
{
	struct bench b = bench(W1_MODEL_A1, 3, false);

	(void)state;
	b.s.timing.recovery_ns = 800;
	reset(&b);
	low(&b, 60 * US);
	pass(&b, 700, false);
	low(&b, 60 * US);
	pass(&b, 100 * US, false);
	assert_int_equal(b.s.count, 1);
	low(&b, 60 * US);
	pass(&b, 800, false);
	low(&b, 60 * US);
	pass(&b, 100 * US, false);
	assert_int_equal(b.s.count, 3);
}

static void a_stretched_bit_turns_alarm_search_into_skip_rom(void **state)
{
	struct bench b = bench(W1_MODEL_A1, 3, false);

	(void)state;
	reset(&b);
	for (int i = 0; i < 8; i++) {
		/* The sixth bit stretched to 61 us. */
		bool bit = 0xEC >> i & 1;

		low(&b, bit && i != 5 ? 6 * US : 61 * US);
		pass(&b, 60 * US, false);
	}
	assert_int_equal(b.s.state, W1_SLAVE_COMMAND);
	assert_int_equal(b.s.unknown_commands, 0);
}

static void a_long_low_in_mid_command_forgets_the_command(void **state)
{
	struct bench b = bench(W1_MODEL_A1, 3, false);

	(void)state;
	reset(&b);
	write_bits(&b, 0xCC, 8);
	write_bits(&b, 0x44, 5);
	low(&b, 481 * US); /* the sixth bit, preempted */
	pass(&b, 480 * US, false);
	write_bits(&b, 0x44 >> 6, 2); /* a master that did not notice */
	pass(&b, 1000 * MS, false);
	w1_slave_run(&b.s, b.now);
	assert_int_equal(b.s.conversions, 0);
	assert_int_equal(b.s.resets, 2);
}

static void without_power_it_neither_answers_nor_remembers(void **state)
{
	struct bench b = bench(W1_MODEL_A1, 3, false);

	(void)state;
	b.s.temp_mc = 1000;
	command(&b, 0x44);
	pass(&b, 750 * MS, false);
	w1_slave_run(&b.s, b.now);
	assert_int_equal(b.s.scratchpad[0], 0x10);
	w1_slave_power(&b.s, false, b.now);
	reset(&b);
	assert_int_equal(b.s.resets, 1);
	w1_slave_power(&b.s, true, b.now + 2 * MS);
	assert_int_equal(b.s.scratchpad[0], 0x50);
	assert_int_equal(b.s.scratchpad[1], 0x05);
}

static void families_that_retain_keep_the_old_value_over_a_short_gap_only(void **state)
{
	static const enum w1_model_id models[] = { W1_MODEL_A2, W1_MODEL_G, W1_MODEL_H };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bench b = bench(models[i], 3, false);

		b.s.offset_mc = 0;
		b.s.temp_mc = 1000;
		command(&b, 0x44);
		pass(&b, 750 * MS, false);
		w1_slave_run(&b.s, b.now);
		w1_slave_power(&b.s, false, b.now);
		w1_slave_power(&b.s, true, b.now += 99 * MS);
		assert_int_equal(b.s.scratchpad[0], 0x10);
		w1_slave_power(&b.s, false, b.now);
		w1_slave_power(&b.s, true, b.now += 400 * MS);
		assert_int_equal(b.s.scratchpad[0], 0x50);
	}
}

static void a_parasite_device_loses_power_in_a_low_beyond_its_reserve(void **state)
{
	struct bench b = bench(W1_MODEL_A1, 3, true);

	(void)state;
	low(&b, 960 * US);
	assert_int_equal(b.s.power_ons, 1);
	pass(&b, 480 * US, false);
	low(&b, b.s.timing.holdup_ns);
	assert_int_equal(b.s.power_ons, 2);
	pass(&b, 480 * US, false);
	assert_int_equal(b.s.state, W1_SLAVE_ROM_COMMAND); /* and yet it shows presence */
}

static void a_parasite_conversion_needs_the_strong_pull_up_to_its_end(void **state)
{
	/* How long it is on, in percent of the conversion time; 0: never. */
	static const struct {
		unsigned percent;
		uint32_t conversions, brownouts;
	} rows[] = {
		{ 0, 0, 1 },
		{ 50, 0, 1 },
		{ 99, 0, 1 },
		{ 101, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b = bench(W1_MODEL_A1, 3, true);

		b.s.starved_gives_07ff = false;
		b.s.temp_mc = 1000;
		command(&b, 0x44);
		if (rows[i].percent > 0) {
			w1_slave_strong_pullup(&b.s, true, b.now);
			pass(&b, (uint64_t)b.s.timing.convert_ns * rows[i].percent / 100, false);
			w1_slave_strong_pullup(&b.s, false, b.now);
		}
		pass(&b, 1000 * MS, false);
		w1_slave_run(&b.s, b.now);
		assert_int_equal(b.s.conversions, rows[i].conversions);
		assert_int_equal(b.s.brownouts, rows[i].brownouts);
		assert_int_equal(b.s.scratchpad[0], rows[i].conversions ? 0x10 : 0x50);
	}
}

static void a_strong_pull_up_that_comes_too_late_is_a_brown_out(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct bench b = bench(W1_MODEL_A1, seed, true);
		uint64_t from;

		command(&b, 0x44);
		/* Work began as the last bit was sampled; the limit counts from the end of its low.
		 */
		from = b.s.busy_from_ns - b.s.timing.sample_ns + 60 * US + b.s.timing.starve_ns;
		b.now = from > b.now ? from : b.now;
		w1_slave_strong_pullup(&b.s, true, b.now);
		assert_int_equal(b.s.brownouts, 1);
	}
}

static void what_a_starved_conversion_leaves_depends_on_the_make(void **state)
{
	static const struct {
		enum w1_model_id model;
		bool gives_07ff;
		uint8_t byte0, byte1;
		bool hung;
	} rows[] = {
		{ W1_MODEL_A1, false, 0x50, 0x05, false },
		{ W1_MODEL_A1, true, 0xFF, 0x07, false },
		{ W1_MODEL_A2, false, 0x10, 0x00, false }, /* the value before */
		{ W1_MODEL_G, false, 0x10, 0x00, true }, /* and the wire with it */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b = bench(rows[i].model, 3, true);

		b.s.starved_gives_07ff = rows[i].gives_07ff;
		b.s.offset_mc = 0;
		b.s.temp_mc = 1000;
		command(&b, 0x44);
		w1_slave_strong_pullup(&b.s, true, b.now);
		pass(&b, 750 * MS, false);
		w1_slave_strong_pullup(&b.s, false, b.now);
		assert_int_equal(b.s.conversions, 1);
		command(&b, 0x44);
		pass(&b, 1000 * MS, false);
		w1_slave_run(&b.s, b.now);
		assert_int_equal(b.s.scratchpad[0], rows[i].byte0);
		assert_int_equal(b.s.scratchpad[1], rows[i].byte1);
		assert_int_equal(b.s.hung, rows[i].hung);
		assert_int_equal(b.s.pulls, rows[i].hung);
	}
}

static void an_interrupted_copy_on_parasite_power_ruins_the_eeprom(void **state)
{
	struct bench b = bench(W1_MODEL_A1, 3, true);

	(void)state;
	command(&b, 0x48);
	pass(&b, 20 * MS, false);
	w1_slave_run(&b.s, b.now);
	assert_memory_equal(b.s.eeprom, "\xFF\xFF\xFF", 3);
}

static void a_read_during_the_end_of_a_conversion_is_torn_but_has_a_good_crc(void **state)
{
	struct bench b = bench(W1_MODEL_A1, 3, false);
	uint8_t sp[9];

	(void)state;
	b.s.temp_mc = 256000 / 16; /* 0x0100 */
	command(&b, 0x44);
	b.s.busy_until_ns = b.now + 3 * MS; /* ends within the second byte of the read below */
	reset(&b);
	write_bits(&b, 0xBECC, 16);
	for (int i = 0; i < 9; i++) {
		sp[i] = (uint8_t)read_bits(&b, 8);
		if (i == 0) {
			b.s.busy_until_ns = b.now;
		}
	}
	assert_int_equal(sp[0], 0x50);
	assert_int_equal(sp[1], 0x01);
	assert_int_equal(w1_model_crc8(0, sp, 9), 0);
}

static void temperatures_are_rounded_to_the_nearest_sixteenth(void **state)
{
	static const struct {
		int32_t mc;
		int raw;
	} rows[] = {
		{ 125000, 0x7D0 }, { 85000, 0x550 }, { 25063, 0x191 }, { 10125, 0xA2 },
		{ 500, 8 },	   { 0, 0 },	     { -500, -8 },     { -10125, -162 },
		{ -25062, -401 },  { -55000, -880 }, { 31, 0 },	       { 32, 1 },
		{ -31, 0 },	   { -32, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(w1_slave_sixteenths(rows[i].mc), rows[i].raw);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_seed_gives_times_within_the_data_sheet),
		cmocka_unit_test(equal_seeds_make_equal_devices_and_others_differ),
		cmocka_unit_test(a_low_is_a_reset_from_the_device_s_own_threshold_on),
		cmocka_unit_test(its_own_sampling_instant_decides_an_ambiguous_low),
		cmocka_unit_test(a_zero_is_held_for_its_own_time_after_the_fall),
		cmocka_unit_test(a_spike_within_a_slot_is_not_a_slot),
		cmocka_unit_test(a_recovery_below_its_own_need_joins_two_slots),
		cmocka_unit_test(a_stretched_bit_turns_alarm_search_into_skip_rom),
		cmocka_unit_test(a_long_low_in_mid_command_forgets_the_command),
		cmocka_unit_test(without_power_it_neither_answers_nor_remembers),
		cmocka_unit_test(families_that_retain_keep_the_old_value_over_a_short_gap_only),
		cmocka_unit_test(a_parasite_device_loses_power_in_a_low_beyond_its_reserve),
		cmocka_unit_test(a_parasite_conversion_needs_the_strong_pull_up_to_its_end),
		cmocka_unit_test(a_strong_pull_up_that_comes_too_late_is_a_brown_out),
		cmocka_unit_test(what_a_starved_conversion_leaves_depends_on_the_make),
		cmocka_unit_test(an_interrupted_copy_on_parasite_power_ruins_the_eeprom),
		cmocka_unit_test(a_read_during_the_end_of_a_conversion_is_torn_but_has_a_good_crc),
		cmocka_unit_test(temperatures_are_rounded_to_the_nearest_sixteenth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
