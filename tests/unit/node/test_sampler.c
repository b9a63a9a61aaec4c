// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "userspace/node/sampler.h"

#define MS UINT64_C(1000000)
#define S (1000 * MS)
#define T0 (INT64_C(20800) * 86400 * 1000000)

static struct gnss_fix fix_at(uint64_t received_ns)
{
	struct gnss_fix fix = {
		.received_ns = received_ns,
		.position_known = true,
		.lat_e7 = -276004400,
		.lon_e7 = -485188400,
		.time_known = true,
		.utc_us = T0 + (int64_t)(received_ns / S) * 1000000,
		.tacc_ns = 40,
		.fix_type = 3,
		.gnss_fix_ok = true,
		.num_sv = 9,
	};

	return fix;
}

static struct thermometers_result result_of(int32_t temp_mc)
{
	struct thermometers_result result = { .n = 1 };

	memcpy(result.sample[0].rom, "\x28\x01\x02\x03\x04\x05\x06\x9e", 8);
	result.sample[0].temp_known = true;
	result.sample[0].temp_mc = temp_mc;
	return result;
}

/*
 * Runs the sampler in steps of 1 ms until `until`, with cycles of cycle_ns and fixes each fix_ns
 * from first_fix on (0: none); keeps up to max readings.
 */
static unsigned simulate(struct sampler *s, struct clock *clock, uint64_t cycle_ns,
			 uint64_t first_fix, uint64_t fix_ns, uint64_t from, uint64_t until,
			 struct reading *out, unsigned max)
{
	uint64_t cycle_ends = 0, next_fix = first_fix;
	int32_t temp_mc = 1000;
	unsigned n = 0;

	for (uint64_t now = from; now < until; now += MS) {
		if (cycle_ends != 0 && now >= cycle_ends) {
			struct thermometers_result result = result_of(temp_mc++);

			result.converted_ns = now;
			sampler_accept_result(s, &result);
			cycle_ends = 0;
		}
		if (next_fix != 0 && now >= next_fix) {
			struct gnss_fix fix = fix_at(now);
			struct clock_stamp stamp = { now, fix.utc_us, READING_TIME_GNSS, 40 };

			sampler_accept_fix(s, &fix);
			clock_feed(clock, &stamp);
			next_fix += fix_ns;
		}
		if (sampler_wants_cycle(s, now)) {
			sampler_cycle_started(s, now);
			cycle_ends = now + cycle_ns;
		}
		if (sampler_is_ready(s, now)) {
			assert_true(n < max);
			sampler_make(s, clock, now, &out[n++]);
		}
		/* Whoever waits until the deadline misses nothing but what comes in. */
		assert_true(sampler_deadline_ns(s, now) > now || sampler_wants_cycle(s, now + MS) ||
			    sampler_is_ready(s, now + MS));
	}
	return n;
}

static struct reading out[64];

static void each_reading_has_a_fix_of_its_own_and_its_time(void **state)
{
	struct sampler s;
	struct clock clock;
	unsigned n;

	(void)state;
	for (uint64_t phase = 0; phase < 1000; phase += 37) { /* of the fixes against the period */
		clock_init(&clock, 0);
		sampler_init(&s, 1000, 1000, 100 * S);
		s.has_bus = true;
		n = simulate(&s, &clock, 850 * MS, 100 * S + phase * MS, S, 100 * S, 120 * S, out,
			     64);
		assert_in_range(n, 18, 20);
		for (unsigned i = 1; i < n; i++) {
			assert_true(out[i].utc_us - out[i - 1].utc_us == 1000000);
			assert_int_equal(out[i].time_source, READING_TIME_GNSS);
			assert_int_equal(out[i].time_acc_ns, 40);
			assert_int_equal(out[i].fix_age_ms, 0);
			assert_int_equal(out[i].n_temperatures, 1);
			assert_int_equal(out[i].temperatures[0].temp_mc,
					 out[i - 1].temperatures[0].temp_mc + 1);
		}
	}
}

static void readings_come_on_the_grid_of_the_period(void **state)
{
	struct sampler s;
	struct clock clock;
	unsigned n;

	(void)state;
	clock_init(&clock, 0);
	sampler_init(&s, 10000, 1000, 0);
	s.has_bus = true;
	n = simulate(&s, &clock, 800 * MS, 0, 0, 0, 60 * S, out, 64);
	assert_int_equal(n, 6); /* at 1, 11, ... 51 s */
	for (unsigned i = 0; i < n; i++) {
		assert_true(out[i].boot_ns == (1 + 10 * (uint64_t)i) * S);
		assert_int_equal(out[i].time_source, READING_TIME_NONE);
		assert_int_equal(out[i].n_temperatures, 1);
		assert_false(reading_knows(&out[i], READING_LAT));
	}
}

static void a_period_of_zero_makes_a_reading_of_each_fix(void **state)
{
	struct sampler s;
	struct clock clock;
	unsigned n;

	(void)state;
	clock_init(&clock, 0);
	sampler_init(&s, 0, 1000, 0);
	s.has_bus = true;
	n = simulate(&s, &clock, 850 * MS, 500 * MS, S, 0, 30 * S, out, 64);
	assert_int_equal(n, 30);
	for (unsigned i = 0; i < n; i++) {
		assert_true(out[i].utc_us == T0 + (int64_t)i * 1000000);
	}
}

static void a_period_of_zero_without_a_receiver_still_makes_readings(void **state)
{
	struct sampler s;
	struct clock clock;

	(void)state;
	clock_init(&clock, 0);
	sampler_init(&s, 0, 1000, 0);
	assert_int_equal(simulate(&s, &clock, 850 * MS, 0, 0, 0, 41 * S, out, 64), 4);
}

static void without_a_bus_readings_come_without_temperatures(void **state)
{
	struct sampler s;
	struct clock clock;

	(void)state;
	clock_init(&clock, 0);
	sampler_init(&s, 1000, 1000, 0);
	assert_int_equal(simulate(&s, &clock, 0, 0, 0, 0, 10 * S + 1, out, 64), 10);
	assert_int_equal(out[9].n_temperatures, 0);
	assert_false(reading_knows(&out[9], READING_W1_VIOLATIONS));
}

static void a_bus_that_hangs_delays_a_reading_only_so_long(void **state)
{
	struct sampler s;
	struct clock clock;
	unsigned n;

	(void)state;
	clock_init(&clock, 0);
	sampler_init(&s, 1000, 1000, 0);
	s.has_bus = true;
	n = simulate(&s, &clock, 1000 * S, 0, 0, 0, 20 * S, out, 64);
	assert_true(n >= 15);
	assert_true(out[0].boot_ns <= SAMPLER_CYCLE_WAIT_NS);
	assert_int_equal(out[n - 1].n_temperatures, 0);
}

static void a_period_shorter_than_a_cycle_is_kept_and_no_temperature_is_told_twice(void **state)
{
	struct sampler s;
	struct clock clock;
	unsigned n, with = 0;

	(void)state;
	clock_init(&clock, 0);
	sampler_init(&s, 200, 1000, 0);
	s.has_bus = true;
	n = simulate(&s, &clock, 850 * MS, 100 * MS, S, 0, 10 * S, out, 64);
	assert_in_range(n, 49, 50);
	for (unsigned i = 1; i < n; i++) {
		with += out[i].n_temperatures;
		assert_true(out[i].utc_us > out[i - 1].utc_us);
	}
	assert_in_range(with, 8, 11);
}

static void a_fix_that_is_old_has_its_age_and_the_clock_dates_the_reading(void **state)
{
	const struct gnss_fix fix = fix_at(100 * S);
	const struct clock_stamp stamp = { 100 * S, fix.utc_us, READING_TIME_GNSS, 40 };
	struct sampler s;
	struct clock clock;
	struct reading r;

	(void)state;
	clock_init(&clock, 0);
	clock_feed(&clock, &stamp);
	sampler_init(&s, 200, 1000, 100 * S);
	sampler_accept_fix(&s, &fix);
	sampler_make(&s, &clock, 100 * S + 200 * MS, &r);
	assert_int_equal(r.fix_age_ms, 0);
	assert_true(r.boot_ns == 100 * S);
	sampler_make(&s, &clock, 100 * S + 400 * MS, &r);
	assert_int_equal(r.fix_age_ms, 400);
	assert_true(r.utc_us == fix.utc_us + 400000);
	assert_true(r.boot_ns == 100 * S + 400 * MS);
	assert_int_equal(r.lat_e7, -276004400);
	sampler_accept_fix(&s, NULL);
	sampler_make(&s, &clock, 105 * S, &r);
	assert_false(reading_knows(&r, READING_LAT));
	assert_true(r.utc_us == fix.utc_us + 5000000);
}

static void a_fix_without_position_or_time_says_so_in_its_raw_facts(void **state)
{
	struct gnss_fix fix = fix_at(100 * S);
	struct sampler s;
	struct clock clock;
	struct reading r;

	(void)state;
	fix.position_known = false;
	fix.time_known = false;
	fix.fix_type = 0;
	fix.gnss_fix_ok = false;
	clock_init(&clock, 0);
	sampler_init(&s, 1000, 1000, 100 * S);
	sampler_accept_fix(&s, &fix);
	sampler_make(&s, &clock, 101 * S, &r);
	assert_int_equal(r.time_source, READING_TIME_NONE);
	assert_true(reading_knows(&r, READING_FIX_TYPE));
	assert_int_equal(r.fix_type, 0);
	assert_false(reading_knows(&r, READING_LAT));
}

static void what_was_slept_through_is_not_made_up_for(void **state)
{
	struct sampler s;
	struct clock clock;
	struct reading r;

	(void)state;
	clock_init(&clock, 0);
	sampler_init(&s, 10000, 1000, 0);
	assert_true(sampler_is_ready(&s, 3600 * S));
	sampler_make(&s, &clock, 3600 * S, &r);
	assert_false(sampler_is_ready(&s, 3600 * S + MS));
	assert_true(s.due_ns == 3601 * S); /* still on the grid */
}

static void a_shorter_period_does_not_wait_for_the_end_of_the_longer_one(void **state)
{
	struct sampler s;
	struct clock clock;
	unsigned n;

	(void)state;
	clock_init(&clock, 0);
	sampler_init(&s, 3600000, 1000, 0);
	s.has_bus = true;
	assert_int_equal(simulate(&s, &clock, 800 * MS, 0, 0, 0, 10 * S, out, 64), 1);
	sampler_set_period(&s, 5000, 10 * S);
	n = simulate(&s, &clock, 800 * MS, 0, 0, 10 * S, 21 * S, out, 64);
	assert_int_equal(n, 2); /* at 15 and 20 s */
	assert_true(out[0].boot_ns == 15 * S);
	assert_int_equal(out[0].n_temperatures, 1);
	sampler_set_period(&s, 0, 21 * S);
	assert_int_equal(simulate(&s, &clock, 800 * MS, 0, 0, 21 * S, 32 * S, out, 64), 1);
	sampler_set_period(&s, 3600000, 32 * S); /* longer: what is due stays due */
	assert_int_equal(simulate(&s, &clock, 800 * MS, 0, 0, 32 * S, 45 * S, out, 64), 1);
}

static void the_time_of_a_fix_that_no_reading_can_have_is_not_taken(void **state)
{
	struct gnss_fix fix = fix_at(100 * S);
	struct sampler s;
	struct clock clock;
	struct reading r;

	(void)state;
	clock_init(&clock, 0);
	sampler_init(&s, 1000, 1000, 100 * S);
	fix.utc_us = READING_UTC_MAX_US;
	sampler_accept_fix(&s, &fix);
	sampler_make(&s, &clock, 101 * S, &r);
	assert_int_equal(r.time_source, READING_TIME_NONE);
	assert_true(reading_knows(&r, READING_LAT));
}

static void a_full_bus_is_in_the_reading_sensor_by_sensor(void **state)
{
	struct thermometers_result result = { .n = THERMOMETERS_MAX };
	struct sampler s;
	struct clock clock;
	struct reading r;

	(void)state;
	for (unsigned i = 0; i < THERMOMETERS_MAX; i++) {
		result.sample[i].rom[1] = (uint8_t)i;
		result.sample[i].temp_known = true;
		result.sample[i].temp_mc = (int32_t)i;
	}
	clock_init(&clock, T0);
	sampler_init(&s, 10000, 1000, S);
	sampler_accept_result(&s, &result);
	sampler_make(&s, &clock, 2 * S, &r);
	assert_int_equal(r.n_temperatures, READING_TEMPERATURES_MAX);
	for (unsigned i = 0; i < r.n_temperatures; i++) {
		assert_int_equal(r.temperatures[i].rom[1], i);
		assert_int_equal(r.temperatures[i].temp_mc, i);
	}
}

/* Ten sensors with strict proof; three buses; twelve on parasite power. */
static void a_cycle_that_takes_long_begins_in_time(void **state)
{
	static const uint64_t takes[] = { 7700 * MS, 2400 * MS, 9600 * MS };
	struct sampler s;
	struct clock clock;
	unsigned n;

	(void)state;
	for (size_t i = 0; i < sizeof(takes) / sizeof(takes[0]); i++) {
		clock_init(&clock, T0);
		sampler_init(&s, 10000, 1000, 100 * S);
		s.has_bus = true;
		n = simulate(&s, &clock, takes[i], 0, 0, 100 * S, 200 * S, out, 64);
		assert_true(n >= 9);
		for (unsigned k = 2; k < n; k++) {
			assert_int_equal(out[k].n_temperatures, 1);
			/* of the cycle before it, which was over less than a second before */
			assert_int_equal(out[k].temperatures[0].temp_mc,
					 out[k - 1].temperatures[0].temp_mc + 1);
			assert_true(out[k].boot_ns - out[k - 1].boot_ns == 10 * S);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reading_has_a_fix_of_its_own_and_its_time),
		cmocka_unit_test(readings_come_on_the_grid_of_the_period),
		cmocka_unit_test(a_period_of_zero_makes_a_reading_of_each_fix),
		cmocka_unit_test(a_period_of_zero_without_a_receiver_still_makes_readings),
		cmocka_unit_test(without_a_bus_readings_come_without_temperatures),
		cmocka_unit_test(a_cycle_that_takes_long_begins_in_time),
		cmocka_unit_test(a_bus_that_hangs_delays_a_reading_only_so_long),
		cmocka_unit_test(
			a_period_shorter_than_a_cycle_is_kept_and_no_temperature_is_told_twice),
		cmocka_unit_test(a_fix_that_is_old_has_its_age_and_the_clock_dates_the_reading),
		cmocka_unit_test(a_fix_without_position_or_time_says_so_in_its_raw_facts),
		cmocka_unit_test(what_was_slept_through_is_not_made_up_for),
		cmocka_unit_test(a_shorter_period_does_not_wait_for_the_end_of_the_longer_one),
		cmocka_unit_test(the_time_of_a_fix_that_no_reading_can_have_is_not_taken),
		cmocka_unit_test(a_full_bus_is_in_the_reading_sensor_by_sensor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
