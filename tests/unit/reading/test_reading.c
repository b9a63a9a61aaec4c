// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "random_reading.h"

static void a_fresh_reading_knows_nothing(void **state)
{
	struct reading r;

	(void)state;
	memset(&r, 0x55, sizeof(r));
	reading_init(&r);
	assert_int_equal(r.known, 0);
	assert_int_equal(r.time_source, READING_TIME_NONE);
	assert_true(r.time_acc_ns == UINT64_MAX);
	assert_int_equal(r.n_temperatures, 0);
	assert_string_equal(r.device, "");
}

static void a_scalar_holds_its_whole_range_and_not_one_more(void **state)
{
	(void)state;
	for (unsigned i = 0; i < READING_SCALAR_COUNT; i++) {
		enum reading_scalar id = (enum reading_scalar)i;
		const struct reading_scalar_info *info = &reading_scalars[i];
		unsigned bits = 8 * info->size;
		int64_t min = info->is_signed ? -(INT64_C(1) << (bits - 1)) : 0;
		int64_t max = info->is_signed ? -(min + 1) : (int64_t)(UINT64_MAX >> (64 - bits));
		struct reading r;

		reading_init(&r);
		assert_false(reading_knows(&r, id));
		assert_int_equal(reading_scalar_put(&r, id, min), 0);
		assert_true(reading_knows(&r, id));
		assert_true(r.known == UINT64_C(1) << i);
		assert_true(reading_scalar_get(&r, id) == min);
		assert_int_equal(reading_scalar_put(&r, id, max), 0);
		assert_true(reading_scalar_get(&r, id) == max);
		if (info->size < 8) {
			assert_int_equal(reading_scalar_put(&r, id, max + 1), -ERANGE);
			assert_int_equal(reading_scalar_put(&r, id, min - 1), -ERANGE);
			assert_true(reading_scalar_get(&r, id) == max);
		}
	}
}

static void a_scalar_touches_no_neighbour(void **state)
{
	struct reading r;

	(void)state;
	reading_init(&r);
	r.lat_e7 = 1;
	r.lon_e7 = 2;
	r.height_mm = 3;
	assert_int_equal(reading_scalar_put(&r, READING_LON, -1), 0);
	assert_int_equal(r.lat_e7, 1);
	assert_int_equal(r.lon_e7, -1);
	assert_int_equal(r.height_mm, 3);
}

static void scalar_names_are_unlike_each_other(void **state)
{
	(void)state;
	for (unsigned i = 0; i < READING_SCALAR_COUNT; i++) {
		for (unsigned j = 0; j < i; j++) {
			assert_string_not_equal(reading_scalars[i].name, reading_scalars[j].name);
		}
	}
}

static void equality_sees_every_known_field_and_no_unknown_one(void **state)
{
	struct reading a, b;
	uint64_t seed = 9;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		random_reading(&seed, &a);
		b = a;
		assert_true(reading_equal(&a, &b));
		for (unsigned i = 0; i < READING_SCALAR_COUNT; i++) {
			uint8_t *low = (uint8_t *)&b + reading_scalars[i].offset;

			*low ^= 1;
			assert_int_equal(reading_equal(&a, &b),
					 !reading_knows(&a, (enum reading_scalar)i));
			*low ^= 1;
			b.known ^= UINT64_C(1) << i;
			assert_false(reading_equal(&a, &b));
			b.known ^= UINT64_C(1) << i;
		}
	}
#define DIFFERS(change)                              \
	do {                                         \
		b = a;                               \
		change;                              \
		assert_false(reading_equal(&a, &b)); \
	} while (0)
	a.n_temperatures = 1;
	random_temperature(&seed, &a.temperatures[0]);
	a.temperatures[0].temp_known = a.temperatures[0].scratchpad_known = true;
	a.time_source = READING_TIME_GNSS;
	DIFFERS(b.device[5] ^= 1);
	DIFFERS(b.epoch ^= 1);
	DIFFERS(b.seq ^= 1);
	DIFFERS(b.utc_us ^= 1);
	DIFFERS(b.time_source = READING_TIME_NTP);
	DIFFERS(b.time_acc_ns ^= 1);
	DIFFERS(b.boot_ns ^= 1);
	DIFFERS(b.host[0]++);
	DIFFERS(b.version[0]++);
	DIFFERS(b.note[0]++);
	DIFFERS(b.n_temperatures = 0);
	DIFFERS(b.temperatures[0].rom[3] ^= 1);
	DIFFERS(b.temperatures[0].scratchpad[8] ^= 1);
	DIFFERS(b.temperatures[0].scratchpad_known = false);
	DIFFERS(b.temperatures[0].temp_known = false);
	DIFFERS(b.temperatures[0].temp_mc ^= 1);
	DIFFERS(b.temperatures[0].resolution_bits ^= 1);
	DIFFERS(b.temperatures[0].retries ^= 1);
	DIFFERS(b.temperatures[0].quality ^= 1);
#undef DIFFERS
	a.temperatures[0].temp_known = a.temperatures[0].scratchpad_known = false;
	a.time_source = READING_TIME_NONE;
	b = a;
	b.temperatures[0].temp_mc ^= 1;
	b.temperatures[0].scratchpad[0] ^= 1;
	b.utc_us ^= 1;
	assert_true(reading_equal(&a, &b));
}

static void a_device_is_a_dev_urn_that_a_senml_name_can_hold(void **state)
{
	static const char *const good[] = {
		"urn:dev:mac:b827ebfffe123456",
		"urn:dev:x",
		"urn:dev:ops:32473-Pi.7_left",
	};
	static const char *const not_good[] = {
		"",
		"urn:dev:",
		"urn:de",
		"URN:dev:x",
		"urn:mac:x",
		"urn:dev:a/b",
		"urn:dev:a b",
		"urn:dev:a?",
		"urn:dev:a#",
		"urn:dev:a\n",
		"urn:dev:\xc3\xa9",
		"urn:dev:a%20",
		"urn:dev:a\"",
	};
	char longest[READING_DEVICE_SIZE + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(reading_device_check(good[i]), 0);
	}
	for (size_t i = 0; i < sizeof(not_good) / sizeof(not_good[0]); i++) {
		assert_int_equal(reading_device_check(not_good[i]), -EINVAL);
	}
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "urn:dev:", 8);
	longest[READING_DEVICE_SIZE - 1] = '\0';
	assert_int_equal(reading_device_check(longest), 0);
	longest[READING_DEVICE_SIZE - 1] = 'a';
	longest[READING_DEVICE_SIZE] = '\0';
	assert_int_equal(reading_device_check(longest), -EINVAL);
}

static void a_mac_names_a_device_by_its_eui64(void **state)
{
	char device[READING_DEVICE_SIZE];

	(void)state;
	/* RFC 9039 4.1: ff:fe in the middle, no bit inverted */
	reading_device_from_mac((const uint8_t[]){ 0xb8, 0x27, 0xeb, 0x12, 0x34, 0x56 }, device);
	assert_string_equal(device, "urn:dev:mac:b827ebfffe123456");
	assert_int_equal(reading_device_check(device), 0);
}

static void time_sources_have_names(void **state)
{
	(void)state;
	assert_string_equal(reading_time_source_name(READING_TIME_NONE), "none");
	assert_string_equal(reading_time_source_name(READING_TIME_GNSS), "gnss");
	assert_string_equal(reading_time_source_name(READING_TIME_NTP), "ntp");
	assert_string_equal(reading_time_source_name(READING_TIME_HOST), "host");
	assert_string_equal(reading_time_source_name(READING_TIME_SERVER), "server");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fresh_reading_knows_nothing),
		cmocka_unit_test(a_scalar_holds_its_whole_range_and_not_one_more),
		cmocka_unit_test(a_scalar_touches_no_neighbour),
		cmocka_unit_test(scalar_names_are_unlike_each_other),
		cmocka_unit_test(equality_sees_every_known_field_and_no_unknown_one),
		cmocka_unit_test(a_device_is_a_dev_urn_that_a_senml_name_can_hold),
		cmocka_unit_test(a_mac_names_a_device_by_its_eui64),
		cmocka_unit_test(time_sources_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
