// SPDX-License-Identifier: BSD-2-Clause
/* The simulated receiver by itself: fix, time, kinds of receiver, recordings, and its command. */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ublox7_bench.h"
#include "userspace/sim/ublox7_pty.h"
#include "userspace/sim/ublox7_recording.h"

static void without_a_fix_time_is_the_rollover_week_and_not_valid(void **state)
{
	struct ublox7_config c = quiet();
	struct bench *b;
	const uint8_t *pvt;
	size_t n;

	(void)state;
	c.ttff_ms = 10000;
	c.utc_page_ms = 20000;
	b = bench_start(&c);
	pvt = bench_request(b, 1, 7, NULL, 0, &n);
	assert_int_equal(pvt[20], 0);
	assert_int_equal(pvt[21] & 1, 0);
	assert_int_equal(pvt[11] & 7, 0);
	assert_int_equal(pvt[4] | pvt[5] << 8, 2012);
	run_ms(b, 12000);
	pvt = bench_request(b, 1, 7, NULL, 0, &n);
	assert_int_equal(pvt[20], 3);
	assert_int_equal(pvt[11] & 7, 3); /* the firmware's leap seconds: 2 s too late */
	run_ms(b, 20000);
	pvt = bench_request(b, 1, 7, NULL, 0, &n);
	assert_int_equal(pvt[11] & 7, 7);
}

static void true_time_is_told_and_the_unresolved_is_two_seconds_off(void **state)
{
	struct ublox7_world w = { .seed = 3 };
	int64_t gps = ublox7_gps_us(UTC_US);

	(void)state;
	ublox7_world_epoch(&w, gps, 1691);
	int second = w.epoch.sec + (w.epoch.nano + 5000000) / 1000000000;

	assert_int_equal(w.epoch.year, 2026);
	assert_int_equal(w.epoch.month, 11);
	assert_int_equal(w.epoch.day, 23);
	assert_int_equal(w.epoch.hour, 12);
	assert_int_equal(w.epoch.min, 34);
	assert_int_equal(second, 56);
	assert_int_equal(w.epoch.week, 2446);
	w.utc_at_us = (uint64_t)gps + 1000000;
	ublox7_world_epoch(&w, gps, 1691);
	assert_int_equal(w.epoch.sec, 58);
	assert_int_equal(w.epoch.leap_s, 16);
}

static void after_1024_weeks_time_jumps_back(void **state)
{
	struct ublox7_world w = { .seed = 3 };

	(void)state;
	ublox7_world_epoch(&w, ublox7_gps_us(1958000000ll * 1000000), 1691); /* 2032-01-18 */
	assert_int_equal(w.epoch.year, 2012);
	ublox7_world_epoch(&w, ublox7_gps_us(1958000000ll * 1000000), 2446);
	assert_int_equal(w.epoch.year, 2032);
}

static void doubtful_fixes_come_as_often_as_asked(void **state)
{
	struct ublox7_world w = { .seed = 3, .doubtful_ppm = 250000 };
	unsigned doubtful = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		ublox7_world_epoch(&w, ublox7_gps_us(UTC_US) + i * 1000000ll, 1691);
		assert_true(w.epoch.at.fix_type == 2 || w.epoch.at.fix_type == 3);
		doubtful += !w.epoch.at.fix_ok;
	}
	assert_in_range(doubtful, 2200, 2800);
}

static void a_recording_is_played_as_it_was_received(void **state)
{
	struct ublox7_config c = quiet();
	struct ublox7_point *track;
	char err[200] = "";
	long points = ublox7_recording_read("tests/data/ubx/navisys-gr8013.log", &track, err,
					    sizeof(err));
	struct bench *b;
	const uint8_t *pvt;
	size_t n;

	(void)state;
	assert_int_equal(points, 35); /* its NAV-PVT frames, one a second */
	c.track = track;
	c.track_len = (size_t)points;
	b = bench_start(&c);
	for (long i = 0; i < 2 * points; i++) {
		ublox7_world_epoch(&b->u.world, (int64_t)b->u.world.track_begin_us + i * 1000000,
				   1691);
		assert_memory_equal(&b->u.world.epoch.at, &track[i % points], sizeof(*track));
	}
	pvt = bench_request(b, 1, 7, NULL, 0, &n);
	assert_int_equal((int32_t)u32(pvt + 24), b->u.world.epoch.at.lon_e7);
	assert_int_equal((int32_t)u32(pvt + 28), b->u.world.epoch.at.lat_e7);
	free(track);
}

static void a_file_that_is_no_recording_is_named(void **state)
{
	struct ublox7_point *track;
	char err[200] = "";

	(void)state;
	assert_true(ublox7_recording_read("tests/data/no-such-file", &track, err, sizeof(err)) < 0);
	assert_string_equal(err, "tests/data/no-such-file: No such file or directory");
	assert_true(ublox7_recording_read("LICENSE", &track, err, sizeof(err)) < 0);
	assert_string_equal(err, "LICENSE: no valid UBX-NAV-PVT frame in it");
	assert_null(track);
}

static void a_drive_moves_as_its_velocity_says(void **state)
{
	struct ublox7_world w = { .seed = 9 };
	int64_t t = ublox7_gps_us(UTC_US);

	(void)state;
	for (int i = 0; i < 1000; i++, t += 1000000) {
		ublox7_world_epoch(&w, t, 1691);
		struct ublox7_point a = w.epoch.at;

		ublox7_world_epoch(&w, t + 1000000, 1691);
		/* 1e-7 degree of latitude is 11.12 mm */
		double north = (w.epoch.at.lat_e7 - a.lat_e7) * 11.1195;

		assert_true(north - a.vel_mm_s[0] < 400 && a.vel_mm_s[0] - north < 400);
	}
}

static void later_and_cloned_receivers_differ_where_they_should(void **state)
{
	struct ublox7_config c = quiet();
	struct bench *b;
	const uint8_t *answer;
	size_t n;

	(void)state;
	c.kind = UBLOX7_IS_8;
	b = bench_start(&c);
	assert_non_null(bench_request(b, 1, 7, NULL, 0, &n));
	assert_int_equal(n, 92);
	answer = bench_request(b, 0x0A, 4, NULL, 0, &n);
	assert_string_equal((const char *)answer + 40, "PROTVER=18.00");
	c.kind = UBLOX7_NO_VERSION;
	b = bench_start(&c);
	assert_null(bench_request(b, 0x0A, 4, NULL, 0, &n));
	assert_non_null(bench_request(b, 1, 7, NULL, 0, &n));
	c.kind = UBLOX7_NMEA_ONLY;
	b = bench_start(&c);
	assert_int_equal(outcome(b, 0x08, NULL, 0), SILENT);
	run_ms(b, 2000);
	assert_true(has_sent(b, "$GPRMC"));
}

static void jamming_is_told_only_with_the_monitor_on(void **state)
{
	static const uint8_t on[8] = { 0xF3, 0xAC, 0x62, 0xAD, 0x1E, 0x53, 0, 0 };
	struct ublox7_config c = quiet();
	struct bench *b;
	const uint8_t *hw;
	size_t n;

	(void)state;
	c.jam_ind = 200;
	c.antenna = 4;
	b = bench_start(&c);
	hw = bench_request(b, 0x0A, 9, NULL, 0, &n);
	assert_int_equal(hw[22] >> 2 & 3, 0);
	assert_int_equal(hw[45], 200);
	assert_int_equal(hw[20], 4);
	assert_int_equal(outcome(b, 0x39, on, 8), ACK);
	hw = bench_request(b, 0x0A, 9, NULL, 0, &n);
	assert_int_equal(hw[22] >> 2 & 3, 3);
}

static void time_since_start_begins_anew_with_a_reset(void **state)
{
	static const uint8_t hardware_reset[4] = { 0, 0, 0, 0 };
	struct bench *b = bench_start_default();
	const uint8_t *status;
	size_t n;

	(void)state;
	run_ms(b, 30000);
	status = bench_request(b, 1, 3, NULL, 0, &n);
	assert_true(u32(status + 12) >= 30000);
	assert_int_equal(outcome(b, 0x04, hardware_reset, 4), SILENT);
	status = bench_request(b, 1, 3, NULL, 0, &n);
	assert_true(u32(status + 12) < 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_fix_time_is_the_rollover_week_and_not_valid),
		cmocka_unit_test(true_time_is_told_and_the_unresolved_is_two_seconds_off),
		cmocka_unit_test(after_1024_weeks_time_jumps_back),
		cmocka_unit_test(doubtful_fixes_come_as_often_as_asked),
		cmocka_unit_test(a_recording_is_played_as_it_was_received),
		cmocka_unit_test(a_file_that_is_no_recording_is_named),
		cmocka_unit_test(a_drive_moves_as_its_velocity_says),
		cmocka_unit_test(later_and_cloned_receivers_differ_where_they_should),
		cmocka_unit_test(jamming_is_told_only_with_the_monitor_on),
		cmocka_unit_test(time_since_start_begins_anew_with_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
