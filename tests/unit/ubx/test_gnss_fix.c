// SPDX-License-Identifier: BSD-2-Clause
#define _DEFAULT_SOURCE /* timegm */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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
		{ 5, 0, 2000000000, false }, { 0, 0, 0, false }, /* a field not filled in */
		{ 3, 1, 0, true },
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
		assert_true(fix.tacc_ns != 0);
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

/* The Fletcher checksum of a frame with this payload, in 16 bits. */
static unsigned checksum(const uint8_t p[84])
{
	static const uint8_t head[] = { 0x01, 0x07, 84, 0 };
	uint8_t a = 0, b = 0;

	for (size_t i = 0; i < sizeof(head) + 84; i++) {
		a = (uint8_t)(a + (i < sizeof(head) ? head[i] : p[i - sizeof(head)]));
		b = (uint8_t)(b + a);
	}
	return (unsigned)(a | b << 8);
}

/* What two flipped bits that the checksum does not see make of an epoch; with the one before. */
static void of_damage_that_the_checksum_misses_most_shows(void **state)
{
	struct gnss_limits limits = { .max_hacc_mm = 100000, .max_utc_us = INT64_MAX };
	unsigned missed = 0, positions[2] = { 0 }, far[2] = { 0 }, times[2] = { 0 };
	struct gnss_fix before, truth;
	uint8_t p[84];

	(void)state;
	good_pvt(p);
	assert_true(gnss_fix_from_pvt(&before, p, 84, 1000000000, &limits));
	ubx_msg_put(p, UBX_NAV_PVT_iTOW, 0, 131715000);
	ubx_msg_put(p, UBX_NAV_PVT_sec, 0, 57);
	assert_true(gnss_fix_from_pvt(&truth, p, 84, 2000000000, &limits));
	for (unsigned i = 0; i < 84 * 8; i++) {
		for (unsigned j = 0; j < i; j++) {
			struct gnss_fix fix;
			uint8_t bad[84];

			memcpy(bad, p, 84);
			bad[i / 8] ^= (uint8_t)(1u << i % 8);
			bad[j / 8] ^= (uint8_t)(1u << j % 8);
			if (checksum(bad) != checksum(p)) {
				continue;
			}
			missed++;
			if (!gnss_fix_from_pvt(&fix, bad, 84, 2000000000, &limits)) {
				continue;
			}
			for (unsigned doubted = 0; doubted < 2; doubted++) {
				int64_t lat = llabs((int64_t)fix.lat_e7 - truth.lat_e7),
					lon = llabs((int64_t)fix.lon_e7 - truth.lon_e7);

				positions[doubted] += fix.position_known && lat + lon > 200;
				far[doubted] += fix.position_known && lat + lon > 50000;
				times[doubted] += fix.time_known &&
						  llabs(fix.utc_us - truth.utc_us) > 10000;
				gnss_fix_doubt(&fix, &before);
			}
		}
	}
	print_message(
		"%u pairs of flipped bits pass the checksum: position wrong %u, by 0.5 km and "
		"more %u, time wrong %u; beside the epoch before: %u, %u, %u\n",
		missed, positions[0], far[0], times[0], positions[1], far[1], times[1]);
	assert_true(missed > 1000 && far[0] > 100 && times[0] > 40);
	assert_true(positions[1] * 4 < positions[0]);
	assert_int_equal(far[1], 0);
	assert_int_equal(times[1], 0);
}

/* iTOW beyond a week, as damage makes it: two of the same distance in iTOW as in UTC. */
static void an_impossible_itow_leads_to_no_distance(void **state)
{
	struct gnss_fix before = { .received_ns = 1,
				   .position_known = true,
				   .time_known = true,
				   .itow_ms = 2 * 604800000u - 1,
				   .utc_us = 1795437296000000 };
	struct gnss_fix fix = before;

	(void)state;
	fix.received_ns += 1000000000;
	fix.itow_ms = 0;
	fix.utc_us -= INT64_C(604799999) * 1000;
	gnss_fix_doubt(&fix, &before);
	assert_false(fix.time_known);
	assert_true(fix.position_known);
}

static void what_can_follow_is_not_doubted(void **state)
{
	static const struct {
		const char *what;
		int32_t lat_e7, lon_e7, later_lat_e7, later_lon_e7, speed_mm_s;
		unsigned later_ms, utc_ms;
		bool position, time;
	} rows[] = {
		{ "a car", 474000000, 85000000, 474003000, 85000000, 40000, 1000, 1000, true,
		  true },
		{ "a jet at 500 m/s", 474000000, 85000000, 474045000, 85000000, 500000, 1000, 1000,
		  true, true },
		{ "a ship at 89 degrees", 890000000, 0, 890000000, 120000, 20000, 1000, 1000, true,
		  true },
		{ "over the date line", 474000000, 1799999000, 474000000, -1799999000, 30000, 1000,
		  1000, true, true },
		{ "a kilometre in a second", 474000000, 85000000, 474090000, 85000000, 0, 1000,
		  1000, false, true },
		{ "after a tunnel of two minutes", 474000000, 85000000, 474900000, 85000000, 30000,
		  120000, 120000, true, true },
		{ "after a month", 474000000, 85000000, -474000000, -85000000, 30000, 2592000000u,
		  2592000000u, true, true },
		{ "a second too many", 474000000, 85000000, 474000000, 85000000, 0, 1000, 2000,
		  true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gnss_fix before = { .received_ns = 5000000000,
					   .position_known = true,
					   .time_known = true,
					   .itow_ms = 604799000,
					   .utc_us = 1795437296000000,
					   .hacc_mm = 3000,
					   .lat_e7 = rows[i].lat_e7,
					   .lon_e7 = rows[i].lon_e7,
					   .speed_mm_s = rows[i].speed_mm_s };
		struct gnss_fix fix = before;

		fix.received_ns += rows[i].later_ms * 1000000ull;
		fix.itow_ms = (uint32_t)((fix.itow_ms + (uint64_t)rows[i].later_ms) % 604800000);
		fix.utc_us += rows[i].utc_ms * 1000ll;
		fix.lat_e7 = rows[i].later_lat_e7;
		fix.lon_e7 = rows[i].later_lon_e7;
		gnss_fix_doubt(&fix, &before);
		if (fix.position_known != rows[i].position ||
		    (fix.time_known != rows[i].time && rows[i].later_ms < 604800000)) {
			fail_msg("%s: position %d, time %d", rows[i].what, fix.position_known,
				 fix.time_known);
		}
	}
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
		cmocka_unit_test(of_damage_that_the_checksum_misses_most_shows),
		cmocka_unit_test(an_impossible_itow_leads_to_no_distance),
		cmocka_unit_test(what_can_follow_is_not_doubted),
	};

	return cmocka_run_group_tests_name("gnss_fix", tests, NULL, NULL);
}
