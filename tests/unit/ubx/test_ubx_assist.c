// SPDX-License-Identifier: BSD-2-Clause
#define _DEFAULT_SOURCE /* gmtime_r */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <time.h>

#include "ubx/ubx_assist.h"
#include "ubx/ubx_msg.h"

static const struct ubx_assist known = {
	.position_known = true,
	.time_known = true,
	.at_ns = 5000000000ull,
	.lat_e7 = 474000000,
	.lon_e7 = -85000000,
	.height_mm = 450000,
	.pos_acc_mm = 2500,
	.utc_us = 1795437296250000ll,
	.time_acc_us = 200000,
};

static void aid_ini_has_place_and_time_as_the_specification_wants(void **state)
{
	uint8_t p[UBX_AID_INI_SIZE];

	(void)state;
	/* 10 s later: 2026-11-23 12:35:06.25 */
	assert_int_equal(ubx_assist_make(p, &known, 15000000000ull), 48);
	assert_int_equal(ubx_msg_get(p, UBX_AID_INI_lat, 0), 474000000);
	assert_int_equal(ubx_msg_get(p, UBX_AID_INI_lon, 0), -85000000);
	assert_int_equal(ubx_msg_get(p, UBX_AID_INI_alt, 0), 45000);
	assert_int_equal(ubx_msg_get(p, UBX_AID_INI_posAcc, 0), 250 + 30000); /* 30 m/s for 10 s */
	assert_int_equal(ubx_msg_get(p, UBX_AID_INI_wnoOrDate, 0), 2611);
	assert_int_equal(ubx_msg_get(p, UBX_AID_INI_towOrTime, 0), 23123506);
	assert_int_equal(ubx_msg_get(p, UBX_AID_INI_towNs, 0), 250000000);
	assert_int_equal(ubx_msg_get(p, UBX_AID_INI_tAccMs, 0), 251); /* 200 + 1 (100 ppm) + 50 for
									 the way */
	assert_int_equal(p[44] | p[45] << 8, 0x423);
}

static void dates_of_aid_ini_are_right_on_every_day(void **state)
{
	(void)state;
	for (int64_t s = 1600000000; s < 4102444800; s += 86400 * 3 + 4321) {
		struct ubx_assist a = known;
		uint8_t p[UBX_AID_INI_SIZE];
		time_t t = (time_t)s;
		struct tm c;

		a.utc_us = s * 1000000;
		assert_int_equal(ubx_assist_make(p, &a, a.at_ns), 48);
		gmtime_r(&t, &c);
		assert_int_equal(ubx_msg_get(p, UBX_AID_INI_wnoOrDate, 0),
				 (c.tm_year - 100) * 100 + c.tm_mon + 1);
		assert_int_equal(ubx_msg_get(p, UBX_AID_INI_towOrTime, 0),
				 c.tm_mday * 1000000 + c.tm_hour * 10000 + c.tm_min * 100 +
					 c.tm_sec);
	}
}

static void stale_or_absent_knowledge_is_not_sent(void **state)
{
	struct ubx_assist a = known;
	uint8_t p[UBX_AID_INI_SIZE];

	(void)state;
	assert_int_equal(ubx_assist_make(p, &a, a.at_ns + 9990 * 1000000000ull), 48);
	assert_int_equal(ubx_assist_make(p, &a, a.at_ns + 10010 * 1000000000ull), 0); /* 300 km at
											 30 m/s */
	a.time_known = false;
	assert_int_equal(ubx_assist_make(p, &a, a.at_ns), 48);
	assert_int_equal(p[44] | p[45] << 8, 0x21);
	a.position_known = false;
	assert_int_equal(ubx_assist_make(p, &a, a.at_ns), 0);
}

static void the_time_of_a_fix_is_claimed_no_better_than_its_age_is_known(void **state)
{
	struct gnss_fix fix = { .position_known = true,
				.time_known = true,
				.utc_us = known.utc_us,
				.age_min_ns = 50000000,
				.age_max_ns = 250000000 };
	struct ubx_assist a = { 0 };

	(void)state;
	ubx_assist_from_fix(&a, &fix);
	assert_int_equal(a.time_acc_us, 251000);
	fix.age_max_ns = UINT64_MAX;
	ubx_assist_from_fix(&a, &fix);
	assert_int_equal(a.time_acc_us, 65536000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aid_ini_has_place_and_time_as_the_specification_wants),
		cmocka_unit_test(dates_of_aid_ini_are_right_on_every_day),
		cmocka_unit_test(stale_or_absent_knowledge_is_not_sent),
		cmocka_unit_test(the_time_of_a_fix_is_claimed_no_better_than_its_age_is_known),
	};

	return cmocka_run_group_tests_name("ubx_assist", tests, NULL, NULL);
}
