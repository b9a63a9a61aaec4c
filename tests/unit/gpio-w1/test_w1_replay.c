// SPDX-License-Identifier: BSD-2-Clause
/* The kernel master's transactions that mend themselves, on the simulated bus: its callers know
 * only single slots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "gpio-w1/w1_crc.h"
#include "userspace/sim/w1_sim_line.h"

#include "gpio-w1/kernel/w1_replay.c"

#define CONVERT_NS UINT64_C(800000000)

struct bench {
	struct w1_sim *sim;
	struct w1_line line;
	struct w1_replay bus;
};

static void bench_open(struct bench *b, uint32_t preempt_ppm, bool parasite)
{
	const struct w1_sim_config config = { .seed = 7, .preempt_ppm = preempt_ppm };

	memset(b, 0, sizeof *b);
	b->sim = w1_sim_new(&config);
	b->line = w1_sim_line(b->sim);
	w1_slots_init(&b->bus.slots, b->line);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(w1_sim_add(b->sim, W1_MODEL_A1, parasite), i);
	}
}

static void bench_close(struct bench *b)
{
	assert_true(w1_sim_released(b->sim));
	w1_sim_free(b->sim);
}

/* As w1_io.c does: a byte is eight slots. */
static void put(struct bench *b, uint8_t byte)
{
	for (int i = 0; i < 8; i++) {
		w1_replay_touch(&b->bus, byte >> i & 1);
	}
}

static uint8_t get(struct bench *b)
{
	uint8_t byte = 0;

	for (int i = 0; i < 8; i++) {
		byte |= (uint8_t)(w1_replay_touch(&b->bus, true) << i);
	}
	return byte;
}

static bool convert_all(struct bench *b)
{
	if (w1_replay_reset(&b->bus) != 0) {
		return false;
	}
	put(b, 0xCC);
	put(b, 0x44);
	w1_sim_advance(b->sim, CONVERT_NS);
	return true;
}

/* The raw temperature of one sensor with a right CRC, or false. */
static bool read_one(struct bench *b, unsigned device, int *raw)
{
	uint8_t bytes[9];

	if (w1_replay_reset(&b->bus) != 0) {
		return false;
	}
	put(b, 0x55);
	for (int i = 0; i < 8; i++) {
		put(b, w1_sim_slave(b->sim, device)->rom[i]);
	}
	put(b, 0xBE);
	for (int i = 0; i < 9; i++) {
		bytes[i] = get(b);
	}
	*raw = (int16_t)(bytes[0] | bytes[1] << 8);
	return w1_crc8(bytes, 9) == 0;
}

/* Each reading that has a right CRC is of the newest conversion. How many there were. */
static unsigned readings(struct bench *b, unsigned rounds)
{
	unsigned right = 0;

	for (unsigned round = 0; round < rounds; round++) {
		bool converted;

		for (unsigned i = 0; i < 3; i++) {
			w1_sim_slave(b->sim, i)->temp_mc =
				10000 + 500 * (int)(round * 3 + i) % 80000;
		}
		converted = convert_all(b);
		for (unsigned i = 0; i < 3; i++) {
			int raw;

			if (converted && read_one(b, i, &raw)) {
				assert_int_equal(raw, w1_slave_sixteenths(
							      w1_sim_slave(b->sim, i)->temp_mc +
							      w1_sim_slave(b->sim, i)->offset_mc));
				right++;
			}
		}
	}
	return right;
}

static void a_quiet_bus_is_read_without_a_replay(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 0, false);
	assert_int_equal(readings(&b, 20), 60);
	assert_int_equal(b.bus.replays, 0);
	assert_int_equal(b.bus.lost, 0);
	bench_close(&b);
}

static void preempted_slots_are_mended_and_no_reading_is_wrong_or_old(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 1000, false);
	assert_int_equal(readings(&b, 300), 900);
	print_message("900 readings, %llu replays, %llu lost\n", (unsigned long long)b.bus.replays,
		      (unsigned long long)b.bus.lost);
	assert_true(b.bus.replays > 50);
	bench_close(&b);
}

static void a_transaction_that_cannot_be_mended_fails_the_next_ones(void **state)
{
	struct bench b;
	unsigned right;

	(void)state;
	bench_open(&b, 6000, false);
	right = readings(&b, 100);
	print_message("300 asked for, %u given, %llu replays, %llu lost\n", right,
		      (unsigned long long)b.bus.replays, (unsigned long long)b.bus.lost);
	assert_true(b.bus.lost > 0);
	assert_true(right < 300);
	bench_close(&b);
}

static void a_lost_transaction_reads_ones_and_fails_five_resets(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 0, false);
	assert_int_equal(w1_replay_reset(&b.bus), 0);
	w1_sim_set_wiring(b.sim, W1_SIM_SHORT_TO_GND);
	assert_int_equal(w1_replay_touch(&b.bus, true), 1);
	assert_int_equal(b.bus.lost, 1);
	w1_sim_set_wiring(b.sim, W1_SIM_WIRING_OK);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(w1_replay_reset(&b.bus), 1);
		assert_int_equal(get(&b), 0xFF);
	}
	assert_int_equal(w1_replay_reset(&b.bus), 0);
	bench_close(&b);
}

static void a_shorted_line_has_nobody_on_it(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 0, false);
	w1_sim_set_wiring(b.sim, W1_SIM_SHORT_TO_GND);
	assert_int_equal(w1_replay_reset(&b.bus), 1);
	assert_int_equal(get(&b), 0xFF); /* stock: zeros, and their CRC is right */
	bench_close(&b);
}

static void another_sensor_in_its_place_is_no_replay(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 0, false);
	assert_int_equal(w1_replay_reset(&b.bus), 0);
	put(&b, 0x33);
	for (int i = 0; i < 20; i++) {
		w1_replay_touch(&b.bus, true);
	}
	/* What was heard can't be heard again: the transaction is lost, not made up from two
	 * sensors. */
	for (unsigned i = 0; i < 3; i++) {
		for (int k = 1; k < 7; k++) {
			w1_sim_slave(b.sim, i)->rom[k] ^= 0xFF;
		}
	}
	assert_true(again(&b.bus) < 0);
	bench_close(&b);
}

static void a_command_that_needs_power_ends_in_a_strong_pull_up(void **state)
{
	struct bench b;
	int raw;

	(void)state;
	bench_open(&b, 0, true);
	assert_int_equal(w1_replay_reset(&b.bus), 0);
	put(&b, 0xCC);
	for (int i = 0; i < 7; i++) {
		w1_replay_touch(&b.bus, 0x44 >> i & 1);
	}
	assert_true(w1_replay_power(&b.bus, false));
	w1_sim_advance(b.sim, CONVERT_NS);
	b.line.ops->strong_pullup(b.line.ctx, false);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(read_one(&b, i, &raw));
		assert_int_equal(raw, w1_sim_slave(b.sim, i)->last.raw);
		assert_int_equal(w1_sim_slave(b.sim, i)->conversions, 1);
		assert_int_equal(w1_sim_slave(b.sim, i)->brownouts, 0);
	}
	bench_close(&b);
}

/* As w1_therm does it: Copy Scratchpad, on parasite power with its last bit driven high. */
static void copy_all(struct bench *b, bool power)
{
	if (w1_replay_reset(&b->bus) != 0) {
		return;
	}
	put(b, 0xCC);
	if (power) {
		for (int i = 0; i < 7; i++) {
			w1_replay_touch(&b->bus, 0x48 >> i & 1);
		}
		w1_replay_power(&b->bus, false);
	} else {
		put(b, 0x48);
	}
	w1_sim_advance(b->sim, 20000000);
	b->line.ops->release(b->line.ctx);
}

static void copy_scratchpad_is_never_sent_twice(void **state)
{
	(void)state;
	for (int power = 0; power < 2; power++) {
		uint64_t replays;
		struct bench b;

		bench_open(&b, 0, power);
		for (unsigned n = 1; n <= 2000; n++) {
			w1_sim_set_preemption(b.sim, 3000);
			copy_all(&b, power);
			w1_sim_set_preemption(b.sim, 0);
			for (unsigned i = 0; i < 3; i++) {
				assert_true(w1_sim_slave(b.sim, i)->copies <= n);
			}
		}
		/* The slots before it were repeated. */
		replays = b.bus.replays;
		print_message("2000 copies, %llu replays, %llu lost\n", (unsigned long long)replays,
			      (unsigned long long)b.bus.lost);
		assert_true(replays > 0);
		assert_true(b.bus.lost > 0);
		bench_close(&b);
	}
}

static void polls_after_a_copy_do_not_send_it_again(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 0, false);
	assert_int_equal(w1_replay_reset(&b.bus), 0);
	put(&b, 0xCC);
	put(&b, 0x48);
	w1_sim_set_preemption(b.sim, 20000);
	for (int i = 0; i < 50; i++) {
		w1_replay_touch(&b.bus, true);
	}
	w1_sim_set_preemption(b.sim, 0);
	assert_int_equal(b.bus.lost, 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(w1_sim_slave(b.sim, i)->copies, 1);
	}
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_bus_is_read_without_a_replay),
		cmocka_unit_test(preempted_slots_are_mended_and_no_reading_is_wrong_or_old),
		cmocka_unit_test(a_transaction_that_cannot_be_mended_fails_the_next_ones),
		cmocka_unit_test(a_lost_transaction_reads_ones_and_fails_five_resets),
		cmocka_unit_test(a_shorted_line_has_nobody_on_it),
		cmocka_unit_test(another_sensor_in_its_place_is_no_replay),
		cmocka_unit_test(a_command_that_needs_power_ends_in_a_strong_pull_up),
		cmocka_unit_test(copy_scratchpad_is_never_sent_twice),
		cmocka_unit_test(polls_after_a_copy_do_not_send_it_again),
	};

	return cmocka_run_group_tests_name("w1_replay", tests, NULL, NULL);
}
