// SPDX-License-Identifier: BSD-2-Clause
#define _DEFAULT_SOURCE /* timegm */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ubx/gnss_fix.h"
#include "ubx/ubx_msg.h"
#include "ubx_files.h"

#define S_US 1000000ll

static const struct gnss_limits open_limits = { .max_hacc_mm = UINT32_MAX,
						.min_utc_us = INT64_MIN,
						.max_utc_us = INT64_MAX };

/* A good 3D fix at 2026-11-23 12:34:56 UTC. */
static void good_pvt(uint8_t p[84])
{
	memset(p, 0, 84);
	ubx_msg_put(p, UBX_NAV_PVT_iTOW, 0, 131714000);
	ubx_msg_put(p, UBX_NAV_PVT_year, 0, 2026);
	ubx_msg_put(p, UBX_NAV_PVT_month, 0, 11);
	ubx_msg_put(p, UBX_NAV_PVT_day, 0, 23);
	ubx_msg_put(p, UBX_NAV_PVT_hour, 0, 12);
	ubx_msg_put(p, UBX_NAV_PVT_min, 0, 34);
	ubx_msg_put(p, UBX_NAV_PVT_sec, 0, 56);
	p[11] = 0xF7;
	ubx_msg_put(p, UBX_NAV_PVT_tAcc, 0, 30);
	ubx_msg_put(p, UBX_NAV_PVT_fixType, 0, 3);
	ubx_msg_put(p, UBX_NAV_PVT_gnssFixOK, 0, 1);
	ubx_msg_put(p, UBX_NAV_PVT_lat, 0, 474000000);
	ubx_msg_put(p, UBX_NAV_PVT_lon, 0, -85000000);
	ubx_msg_put(p, UBX_NAV_PVT_hAcc, 0, 2500);
}

static void time_equals_the_c_library_on_every_day_of_the_gps_era(void **state)
{
	struct tm start = { .tm_year = 80, .tm_mon = 0, .tm_mday = 6 };
	int64_t us;

	(void)state;
	for (time_t t = timegm(&start); t < 4102444800; t += 86400 + 3607) { /* until 2100 */
		struct tm c;

		gmtime_r(&t, &c);
		assert_true(gnss_utc_us(&(struct civil){ c.tm_year + 1900, c.tm_mon + 1, c.tm_mday,
							 c.tm_hour, c.tm_min, c.tm_sec },
					0, &us));
		assert_int_equal(us, (int64_t)t * S_US);
	}
}

static void instants_with_a_trap_are_right(void **state)
{
	static const struct {
		const char *what;
		struct civil date;
		int32_t nano;
		int64_t us;
	} v[] = {
		{ "negative nano: 23:59:59.9993 of the day before",
		  { 2027, 1, 1, 0, 0, 0 },
		  -700000,
		  1798761600 * S_US - 700 },
		{ "nano near one second",
		  { 2026, 12, 31, 23, 59, 59 },
		  995000000,
		  1798761599 * S_US + 995000 },
		{ "leap second of 2016: counted as the next minute's first",
		  { 2016, 12, 31, 23, 59, 60 },
		  0,
		  1483228800 * S_US },
		{ "the second after it", { 2017, 1, 1, 0, 0, 0 }, 0, 1483228800 * S_US },
		{ "29 February", { 2028, 2, 29, 0, 0, 0 }, 0, 1835395200 * S_US },
		{ "rounding up to the next us",
		  { 2026, 1, 1, 0, 0, 0 },
		  500,
		  1767225600 * S_US + 1 },
		{ "rounding to nothing", { 2026, 1, 1, 0, 0, 0 }, -499, 1767225600 * S_US },
		{ "rounding down below zero", { 2026, 1, 1, 0, 0, 0 }, -500, 1767225600 * S_US - 1 },
		{ "before 1970", { 1969, 12, 31, 23, 59, 59 }, 0, -1 * S_US },
	};
	int64_t us;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		print_message("  %s\n", v[i].what);
		assert_true(gnss_utc_us(&v[i].date, v[i].nano, &us));
		assert_int_equal(us, v[i].us);
	}
}

static void times_that_do_not_exist_are_refused(void **state)
{
	static const struct civil v[] = {
		{ 2026, 0, 1, 0, 0, 0 },  { 2026, 13, 1, 0, 0, 0 }, { 2026, 1, 0, 0, 0, 0 },
		{ 2026, 1, 32, 0, 0, 0 }, { 2026, 2, 29, 0, 0, 0 }, { 2100, 2, 29, 0, 0, 0 },
		{ 2026, 4, 31, 0, 0, 0 }, { 2026, 1, 1, 24, 0, 0 }, { 2026, 1, 1, 0, 60, 0 },
		{ 2026, 1, 1, 0, 0, 61 }, { 0, 1, 1, 0, 0, 0 },
	};
	int64_t us = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_false(gnss_utc_us(&v[i], 0, &us));
	}
	assert_false(gnss_utc_us(&(struct civil){ 2026, 1, 1, 0, 0, 0 }, 1000000000, &us));
	assert_false(gnss_utc_us(&(struct civil){ 2026, 1, 1, 0, 0, 0 }, INT32_MIN, &us));
	assert_int_equal(us, 42);
}

static void a_position_needs_fix_ok_type_and_accuracy(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		for (unsigned ok = 0; ok < 2; ok++) {
			for (uint32_t hacc = 9999; hacc <= 10001; hacc++) {
				const struct gnss_limits limits = { .max_hacc_mm = 10000,
								    .max_utc_us = INT64_MAX };
				struct gnss_fix fix;
				uint8_t p[84];

				good_pvt(p);
				ubx_msg_put(p, UBX_NAV_PVT_fixType, 0, type);
				ubx_msg_put(p, UBX_NAV_PVT_gnssFixOK, 0, ok);
				ubx_msg_put(p, UBX_NAV_PVT_hAcc, 0, hacc);
				assert_int_equal(gnss_fix_from_pvt(&fix, p, 84, 1, &limits),
						 type <= 5);
				if (type <= 5) {
					assert_int_equal(fix.position_known, ok && type >= 2 &&
										     type <= 4 &&
										     hacc <= 10000);
					assert_true(fix.time_known);
				}
			}
		}
	}
}

static void a_time_needs_all_three_valid_bits_and_no_other(void **state)
{
	(void)state;
	for (unsigned valid = 0; valid < 256; valid++) {
		struct gnss_fix fix;
		uint8_t p[84];

		good_pvt(p);
		p[11] = (uint8_t)valid;
		assert_true(gnss_fix_from_pvt(&fix, p, 84, 1, &open_limits));
		assert_int_equal(fix.time_known, (valid & 7) == 7);
		assert_int_equal(fix.valid, valid & 7);
		assert_int_equal(fix.utc_us, (valid & 7) == 7 ? 1795437296 * S_US : 0);
	}
}

/* aided-time-no-fix.ubx: valid = 7 from the receiver's own clock, three hours wrong; then a fix. */
static void a_time_without_a_fix_needs_an_accuracy_of_satellites(void **state)
{
	static const enum gnss_time_doubt wanted[] = { GNSS_TIME_NO_FIX, GNSS_TIME_NO_FIX,
						       GNSS_TIME_KNOWN };
	static const struct {
		unsigned type, ok;
		uint32_t tacc_ns;
		bool known;
	} v[] = {
		{ 0, 0, 10000000, true },    { 0, 0, 10000001, false },
		{ 0, 0, UINT32_MAX, false }, { 1, 1, UINT32_MAX, false },
		{ 2, 1, UINT32_MAX, true },  { 3, 0, UINT32_MAX, false },
		{ 3, 0, 30, true },	     { 5, 1, UINT32_MAX, true },
		{ 5, 0, 2000000000, false },
	};
	static struct ubx_file file;
	size_t at = 0, size;
	unsigned n = 0;

	(void)state;
	ubx_file_read(&file, "aided-time-no-fix.ubx");
	for (; (size = ubx_next_frame(file.bytes, file.len, &at)) != 0; at += size) {
		struct gnss_fix fix;

		assert_true(
			gnss_fix_from_pvt(&fix, file.bytes + at + 6, size - 8, 1, &open_limits));
		assert_int_equal(fix.time_doubt, wanted[n++]);
		assert_int_equal(fix.time_known, n == 3);
		assert_true(fix.time_known || fix.utc_us == 0);
	}
	assert_int_equal(n, 3);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct gnss_fix fix;
		uint8_t p[84];

		good_pvt(p);
		ubx_msg_put(p, UBX_NAV_PVT_fixType, 0, v[i].type);
		ubx_msg_put(p, UBX_NAV_PVT_gnssFixOK, 0, v[i].ok);
		ubx_msg_put(p, UBX_NAV_PVT_tAcc, 0, v[i].tacc_ns);
		assert_true(gnss_fix_from_pvt(&fix, p, 84, 1, &open_limits));
		assert_int_equal(fix.time_known, v[i].known);
	}
}

/* years.ubx: each with valid = 7, a fix and 30 ns. */
static void a_date_outside_the_limits_is_named_and_not_known(void **state)
{
	/* from 2026-01-01, for 1024 weeks */
	const struct gnss_limits limits = { .max_hacc_mm = UINT32_MAX,
					    .min_utc_us = 1767225600 * S_US,
					    .max_utc_us = 1767225600 * S_US + GNSS_ROLLOVER_US };
	static struct ubx_file file;
	size_t at = 0, size;
	unsigned n = 0, known = 0;

	(void)state;
	ubx_file_read(&file, "years.ubx");
	for (; (size = ubx_next_frame(file.bytes, file.len, &at)) != 0; at += size) {
		struct gnss_fix fix;

		assert_true(gnss_fix_from_pvt(&fix, file.bytes + at + 6, size - 8, 1, &limits));
		assert_true(fix.position_known);
		assert_int_equal(fix.time_doubt,
				 fix.time_known ? GNSS_TIME_KNOWN : GNSS_TIME_IMPLAUSIBLE);
		known += fix.time_known;
		n++;
	}
	assert_int_equal(n, 15);
	assert_int_equal(known, 2); /* 2026 and 2038 */
}

/* A real u-blox 7: three of its epochs are (2, not OK) or (3, not OK). */
static void epochs_of_a_real_u_blox_7_without_fix_ok_are_no_fix(void **state)
{
	static struct ubx_file file;
	size_t at = 0, size;
	unsigned fixes = 0, doubtful = 0;

	(void)state;
	ubx_file_read(&file, "gr701w-derived-pvt84.ubx");
	for (; (size = ubx_next_frame(file.bytes, file.len, &at)) != 0; at += size) {
		struct gnss_fix fix;

		assert_int_equal(size, 92);
		assert_true(
			gnss_fix_from_pvt(&fix, file.bytes + at + 6, size - 8, 1, &open_limits));
		assert_int_equal(fix.position_known, fix.gnss_fix_ok && fix.fix_type >= 2);
		fixes += fix.position_known;
		doubtful += !fix.gnss_fix_ok && fix.fix_type >= 2;
	}
	assert_int_equal(fixes, 52);
	assert_int_equal(doubtful, 3);
}

static void a_time_before_the_build_is_the_receivers_mistake(void **state)
{
	/* 2032-01-18 of a receiver whose week count has rolled over reads 2012-06-03 (V14
	 * section 6.6). */
	const struct gnss_limits limits = { .max_hacc_mm = UINT32_MAX,
					    .min_utc_us = 1795437296 * S_US,
					    .max_utc_us = INT64_MAX };
	struct gnss_fix fix;
	uint8_t p[84];

	(void)state;
	good_pvt(p);
	assert_true(gnss_fix_from_pvt(&fix, p, 84, 1, &limits));
	assert_true(fix.time_known);
	ubx_msg_put(p, UBX_NAV_PVT_nano, 0, -1000);
	assert_true(gnss_fix_from_pvt(&fix, p, 84, 1, &limits));
	assert_false(fix.time_known);
	ubx_msg_put(p, UBX_NAV_PVT_year, 0, 2012);
	assert_true(gnss_fix_from_pvt(&fix, p, 84, 1, &limits));
	assert_false(fix.time_known);
	assert_true(fix.position_known); /* the place is none the worse for it */
}

static void impossible_values_are_no_fix_at_all(void **state)
{
	struct gnss_fix fix = { .itow_ms = 77 };
	uint8_t p[84];

	(void)state;
	good_pvt(p);
	ubx_msg_put(p, UBX_NAV_PVT_lat, 0, 900000001);
	assert_false(gnss_fix_from_pvt(&fix, p, 84, 1, &open_limits));
	good_pvt(p);
	ubx_msg_put(p, UBX_NAV_PVT_lon, 0, -1800000001);
	assert_false(gnss_fix_from_pvt(&fix, p, 84, 1, &open_limits));
	good_pvt(p);
	assert_false(gnss_fix_from_pvt(&fix, p, 83, 1, &open_limits));
	assert_false(gnss_fix_from_pvt(&fix, p, 0, 1, &open_limits));
	assert_int_equal(fix.itow_ms, 77);
}

/* The positions and times of a real recording, and the same cut to 84 bytes as a u-blox 7
 * sends it (byte 22 and bytes 78 to 83 are reserved there): gpsd's numbers. */
static void a_recording_gives_the_positions_and_times_that_gpsd_gives(void **state)
{
	static struct ubx_file file;
	static char line[8192];
	FILE *chk = fopen("tests/data/ubx/navisys-gr8013.log.chk", "r");
	json_t *tpvs = json_object();
	size_t at = 0, size;
	unsigned epochs = 0;

	(void)state;
	assert_non_null(chk);
	while (fgets(line, sizeof(line), chk)) {
		if (strncmp(line, "{\"class\":\"TPV\"", 14) == 0) {
			json_t *tpv = json_loads(line, 0, NULL);

			json_object_set_new(tpvs, json_string_value(json_object_get(tpv, "time")),
					    tpv);
		}
	}
	fclose(chk);
	ubx_file_read(&file, "navisys-gr8013.log");
	for (; (size = ubx_next_frame(file.bytes, file.len, &at)) != 0; at += size) {
		const uint8_t *p = file.bytes + at + 6;
		struct gnss_fix fix, fix7;
		uint8_t seven[84];
		char text[40];
		const json_t *tpv;
		struct tm c;
		time_t t;

		if (ubx_msg_find(p[-4], p[-3]) != UBX_NAV_PVT) {
			continue;
		}
		assert_true(gnss_fix_from_pvt(&fix, p, size - 8, 5, &open_limits));
		assert_true(fix.position_known && fix.time_known);
		/* gpsd rounds to ms and these are within 0.2 ms of the second */
		t = (time_t)((fix.utc_us + 500) / S_US);
		gmtime_r(&t, &c);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.000Z", &c);
		tpv = json_object_get(tpvs, text);
		assert_non_null(tpv);
		assert_true(fabs(fix.lat_e7 * 1e-7 -
				 json_number_value(json_object_get(tpv, "lat"))) < 1e-9);
		assert_true(fabs(fix.lon_e7 * 1e-7 -
				 json_number_value(json_object_get(tpv, "lon"))) < 1e-9);
		assert_true(fabs(fix.hmsl_mm * 1e-3 -
				 json_number_value(json_object_get(tpv, "altMSL"))) < 1e-4);
		assert_true(fabs(fix.height_mm * 1e-3 -
				 json_number_value(json_object_get(tpv, "altHAE"))) < 1e-4);
		memcpy(seven, p, 84);
		seven[22] = 0;
		memset(seven + 78, 0, 6);
		assert_true(gnss_fix_from_pvt(&fix7, seven, 84, 5, &open_limits));
		assert_int_equal(fix7.utc_us, fix.utc_us);
		assert_int_equal(fix7.lat_e7, fix.lat_e7);
		assert_int_equal(fix7.lon_e7, fix.lon_e7);
		assert_int_equal(fix7.hmsl_mm, fix.hmsl_mm);
		assert_int_equal(fix7.pdop_e2, fix.pdop_e2);
		assert_int_equal(fix7.num_sv, fix.num_sv);
		epochs++;
	}
	assert_int_equal(epochs, 35);
	json_decref(tpvs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_equals_the_c_library_on_every_day_of_the_gps_era),
		cmocka_unit_test(instants_with_a_trap_are_right),
		cmocka_unit_test(times_that_do_not_exist_are_refused),
		cmocka_unit_test(a_position_needs_fix_ok_type_and_accuracy),
		cmocka_unit_test(a_time_needs_all_three_valid_bits_and_no_other),
		cmocka_unit_test(a_time_without_a_fix_needs_an_accuracy_of_satellites),
		cmocka_unit_test(a_date_outside_the_limits_is_named_and_not_known),
		cmocka_unit_test(epochs_of_a_real_u_blox_7_without_fix_ok_are_no_fix),
		cmocka_unit_test(a_time_before_the_build_is_the_receivers_mistake),
		cmocka_unit_test(impossible_values_are_no_fix_at_all),
		cmocka_unit_test(a_recording_gives_the_positions_and_times_that_gpsd_gives),
	};

	return cmocka_run_group_tests_name("gnss_fix", tests, NULL, NULL);
}
