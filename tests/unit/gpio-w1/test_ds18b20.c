// SPDX-License-Identifier: BSD-2-Clause
/* ROM codes, scratchpads and the CRC: vectors of datasheets, application notes and of a survey of
 * clones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gpio-w1/ds18b20.h"
#include "gpio-w1/w1_crc.h"

#define BITS (DS18B20_SCRATCHPAD_SIZE * 8)

static size_t bytes_of(const char *hex, uint8_t *out)
{
	size_t n = 0;

	while (*hex != '\0') {
		char pair[3] = { hex[0], hex[1], '\0' };

		out[n++] = (uint8_t)strtoul(pair, NULL, 16);
		hex += 2;
		hex += *hex == ' ';
	}
	return n;
}

static void scratchpad(uint8_t sp[9], unsigned raw, unsigned th, unsigned tl, unsigned cfg,
		       unsigned b6)
{
	const uint8_t bytes[8] = { (uint8_t)raw, (uint8_t)(raw >> 8),
				   (uint8_t)th,	 (uint8_t)tl,
				   (uint8_t)cfg, 0xff,
				   (uint8_t)b6,	 0x10 };

	memcpy(sp, bytes, 8);
	sp[8] = w1_crc8(sp, 8);
}

static void every_known_rom_code_passes_its_crc(void **state)
{
	static const char *const roms[] = {
		"02 1C B8 01 00 00 00 A2", /* AN27 */
		"28 13 9B BB 0B 00 00 1F", "28 CA D6 10 10 00 00 FE", /* A1 */
		"28 19 00 00 B7 5B 00 41", /* A2 */
		"28 3E 43 87 00 00 00 18", "28 CA BA 61 00 00 00 A3",
		"28 06 64 2B 00 00 00 46", /* A3 */
		"28 AA 3C 61 55 14 01 F0", "28 AB 9C B1 33 14 01 81", /* B1 */
		"28 E4 FA 2F 57 23 0B AF", /* B1v2 */
		"28 FF 7C 5A 61 16 04 EE", /* B2 */
		"28 FF 64 1D CD 96 F2 01", /* C */
		"28 48 1B 77 91 17 02 55", "28 90 FE 79 97 00 03 20", /* D1, D2 */
		"28 00 74 28 59 43 0F 7A", "28 03 60 00 00 01 24 D0", /* E, F */
		"28 C7 9E A3 59 83 D9 74", "28 0C 80 53 5C AA 8E A2", /* G, H */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(roms) / sizeof(roms[0]); i++) {
		uint8_t rom[8];

		assert_int_equal(bytes_of(roms[i], rom), 8);
		assert_int_equal(w1_crc8(rom, 8), 0);
	}
}

static void every_known_scratchpad_passes_its_crc(void **state)
{
	static const char *const scratchpads[] = {
		"50 05 4B 46 7F FF 0C 10 1C", "50 05 7F 80 7F FF 0C 10 93",
		"50 05 55 00 7F FF 0C 10 21", "50 05 4B 46 7F FF 10 10 BD",
		"50 05 55 AA 7F FF 0C 10 AF", "50 05 00 00 1F FF 0C 10 74",
		"65 01 55 00 7F FF 7F 10 9C", "64 01 55 00 5F FF 5F 10 6E",
		"68 01 55 00 1F FF 1F 10 2A", "D6 01 4B 46 7F FF 0A 10 43",
		"50 05 FF FF F0 FF FF FF 5C",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(scratchpads) / sizeof(scratchpads[0]); i++) {
		uint8_t sp[9];

		assert_int_equal(bytes_of(scratchpads[i], sp), 9);
		assert_int_equal(w1_crc8(sp, 9), 0);
	}
}

static void the_two_wrong_vectors_of_the_literature_are_refused(void **state)
{
	uint8_t rom[8], sp[9];
	struct ds18b20_value value;

	(void)state;
	bytes_of("28 9B 9E CB 03 00 00 1F", rom);
	assert_int_not_equal(w1_crc8(rom, 8), 0);
	rom[7] = 0x0b;
	assert_int_equal(w1_crc8(rom, 8), 0);
	bytes_of("90 01 55 05 7F 7E 81 66 27", sp);
	assert_int_equal(ds18b20_decode(0x28, sp, &value), DS18B20_CRC_FAILED);
	sp[8] = 0x96;
	assert_int_equal(ds18b20_decode(0x28, sp, &value), DS18B20_OK);
	assert_int_equal(value.temp_mc, 25000);
}

static void temperatures_are_those_of_the_datasheet(void **state)
{
	static const struct {
		unsigned raw;
		int32_t mc;
	} rows[] = {
		/* table 1 */
		{ 0x07d0, 125000 }, { 0x0191, 25063 },	{ 0x00a2, 10125 },
		{ 0x0008, 500 },    { 0x0000, 0 },	{ 0xfff8, -500 },
		{ 0xff5e, -10125 }, { 0xfe6f, -25063 }, { 0xfc90, -55000 },
	};
	struct ds18b20_value value;
	uint8_t sp[9];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scratchpad(sp, rows[i].raw, 0x4b, 0x46, 0x7f, 0x10 - (rows[i].raw & 15));
		assert_int_equal(ds18b20_decode(0x28, sp, &value), DS18B20_OK);
		assert_int_equal(value.temp_mc, rows[i].mc);
		assert_int_equal(value.raw, (int16_t)rows[i].raw);
		assert_int_equal(value.resolution_bits, 12);
	}
}

static void a_ds18s20_is_read_to_a_sixteenth_by_its_count_remain(void **state)
{
	static const struct {
		unsigned half, remain;
		int raw;
	} rows[] = {
		{ 0x0032, 12, 25 * 16 },  { 0x0032, 4, 25 * 16 + 8 }, { 0x0033, 4, 25 * 16 + 8 },
		{ 0x0001, 4, 8 },	  { 0xffff, 12, -16 },	      { 0xffce, 12, -25 * 16 },
		{ 0xff92, 12, -55 * 16 },
	};
	struct ds18b20_value value;
	uint8_t sp[9];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scratchpad(sp, rows[i].half, 0x4b, 0x46, 0xff, rows[i].remain);
		assert_int_equal(ds18b20_decode(0x10, sp, &value), DS18B20_OK);
		assert_int_equal(value.raw, rows[i].raw);
	}
	scratchpad(sp, 0x00aa, 0x4b, 0x46, 0xff, 0x0c);
	assert_int_equal(ds18b20_decode(0x10, sp, &value), DS18B20_POWER_ON);
	sp[7] = 0; /* COUNT_PER_C 0: what would be a division by zero */
	sp[8] = w1_crc8(sp, 8);
	assert_int_equal(ds18b20_decode(0x10, sp, &value), DS18B20_BAD_SCRATCHPAD);
}

static void every_raw_value_is_the_nearest_to_its_millidegrees(void **state)
{
	(void)state;
	for (int raw = INT16_MIN; raw <= INT16_MAX; raw++) {
		int32_t x10 = raw * 625;

		assert_int_equal(ds18b20_raw((x10 + (x10 < 0 ? -5 : 5)) / 10), raw);
	}
}

static void undefined_bits_below_the_resolution_are_masked(void **state)
{
	struct ds18b20_value value;
	uint8_t sp[9];

	(void)state;
	for (unsigned bits = 9; bits <= 12; bits++) {
		for (unsigned low = 0; low < 16; low++) {
			scratchpad(sp, 0x0190 | low, 0, 0, 0x1f | (bits - 9) << 5, 1);
			assert_int_equal(ds18b20_decode(0x28, sp, &value), DS18B20_OK);
			assert_int_equal(value.raw, 0x0190 | (low >> (12 - bits) << (12 - bits)));
			assert_int_equal(value.resolution_bits, bits);
		}
	}
}

static void zeros_and_ones_are_no_temperature_though_zeros_pass_the_crc(void **state)
{
	struct ds18b20_value value;
	uint8_t sp[9] = { 0 };

	(void)state;
	assert_int_equal(w1_crc8(sp, 9), 0);
	assert_int_equal(ds18b20_decode(0x28, sp, &value), DS18B20_BAD_SCRATCHPAD);
	memset(sp, 0xff, sizeof(sp));
	assert_int_equal(ds18b20_decode(0x28, sp, &value), DS18B20_BAD_SCRATCHPAD);
}

static void impossible_values_are_refused(void **state)
{
	struct ds18b20_value value;
	uint8_t sp[9];

	(void)state;
	scratchpad(sp, 0x07d1, 0, 0, 0x7f, 0x0f);
	assert_int_equal(ds18b20_decode(0x28, sp, &value), DS18B20_OUT_OF_RANGE);
	scratchpad(sp, 0xfc8f, 0, 0, 0x7f, 0x01);
	assert_int_equal(ds18b20_decode(0x28, sp, &value), DS18B20_OUT_OF_RANGE);
	scratchpad(sp, 0x07ff, 0, 0, 0x7f, 0x0c); /* too little power */
	assert_int_equal(ds18b20_decode(0x28, sp, &value), DS18B20_NOT_CONVERTED);
	scratchpad(sp, 0x1190, 0, 0, 0x7f, 0x10); /* sign bits differ */
	assert_int_equal(ds18b20_decode(0x28, sp, &value), DS18B20_BAD_SCRATCHPAD);
	scratchpad(sp, 0x0190, 0, 0, 0x5e, 0x10); /* no such configuration */
	assert_int_equal(ds18b20_decode(0x28, sp, &value), DS18B20_BAD_SCRATCHPAD);
}

static void relatives_of_family_3b_are_read_each_in_its_way(void **state)
{
	static const uint8_t max31826[9] = { 0x91, 0x01, 0xff, 0xff, 0xf0, 0xff, 0xff, 0xff, 0 };
	static const uint8_t max31850[9] = { 0x04, 0x19, 0x90, 0x19, 0xf0, 0xff, 0xff, 0xff, 0 };
	struct ds18b20_value value;
	uint8_t sp[9];

	(void)state;
	scratchpad(sp, 0x0191, 0x4b, 0x46, 0x73, 0x0f); /* DS1825, address 3 */
	assert_int_equal(ds18b20_decode(0x3b, sp, &value), DS18B20_OK);
	assert_int_equal(value.raw, 0x0191);
	memcpy(sp, max31826, 9);
	sp[8] = w1_crc8(sp, 8);
	assert_int_equal(ds18b20_decode(0x3b, sp, &value), DS18B20_OK);
	assert_int_equal(value.raw, 0x0191);
	memcpy(sp, max31850, 9);
	sp[8] = w1_crc8(sp, 8);
	assert_int_equal(ds18b20_decode(0x3b, sp, &value), DS18B20_OK);
	assert_int_equal(value.temp_mc, 400250); /* a thermocouple may be hot */
	sp[0] |= 1; /* open, or shorted */
	sp[2] |= 1;
	sp[8] = w1_crc8(sp, 8);
	assert_int_equal(ds18b20_decode(0x3b, sp, &value), DS18B20_SENSOR_FAULT);
	sp[2] &= 0xfe; /* a fault of no kind: no such part */
	sp[8] = w1_crc8(sp, 8);
	assert_int_equal(ds18b20_decode(0x3b, sp, &value), DS18B20_BAD_SCRATCHPAD);
}

enum byte6_rule { UNKNOWN, FOLLOWS, FIXED };

static enum ds18b20_quality judge_85(unsigned byte6, enum byte6_rule rule, bool armed, bool seen)
{
	struct ds18b20_past past = { .armed = armed,
				     .byte6_follows = rule == FOLLOWS,
				     .byte6_fixed = rule == FIXED,
				     .alarm = { 0x7e, 0x81 } };
	struct ds18b20_value value;
	uint8_t sp[9];

	scratchpad(sp, 0x0550, 0x7e, 0x81, 0x7f, byte6);
	return ds18b20_judge(&past, 0x28, seen, sp, ds18b20_decode(0x28, sp, &value));
}

static void eighty_five_degrees_are_told_from_power_on(void **state)
{
	(void)state;
	/* genuine: converted, and not */
	assert_int_equal(judge_85(0x10, FOLLOWS, true, true), DS18B20_OK);
	assert_int_equal(judge_85(0x0c, FOLLOWS, true, true), DS18B20_POWER_ON);
	/* a clone whose byte 6 is fixed; not seen converting, without the sentinel, or of which
	 * nothing else was read yet */
	assert_int_equal(judge_85(0x0c, FIXED, true, true), DS18B20_OK);
	assert_int_equal(judge_85(0x0c, FIXED, true, false), DS18B20_POWER_ON);
	assert_int_equal(judge_85(0x0c, FIXED, false, true), DS18B20_POWER_ON);
	assert_int_equal(judge_85(0x0c, UNKNOWN, true, true), DS18B20_POWER_ON);
	assert_int_equal(judge_85(0x20, FIXED, true, true), DS18B20_OK); /* family G */
}

static void what_a_sensor_cannot_show_is_a_quality_of_its_own(void **state)
{
	static const struct {
		bool armed, plain, seen;
		enum ds18b20_quality quality;
	} rows[] = {
		{ true, false, true, DS18B20_OK },	  { true, false, false, DS18B20_UNSEEN },
		{ false, true, true, DS18B20_UNGUARDED }, { false, true, false, DS18B20_UNSEEN },
		{ false, false, true, DS18B20_POWER_ON },
	};
	struct ds18b20_value value;
	uint8_t sp[9];

	(void)state;
	scratchpad(sp, 0x0191, 0x7e, 0x81, 0x7f, 0x0f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ds18b20_past past = { .armed = rows[i].armed,
					     .plain = rows[i].plain,
					     .alarm = { 0x7e, 0x81 } };

		assert_int_equal(ds18b20_judge(&past, 0x28, rows[i].seen, sp,
					       ds18b20_decode(0x28, sp, &value)),
				 rows[i].quality);
		assert_int_equal(ds18b20_has_value(rows[i].quality), i < 4);
	}
	assert_false(ds18b20_has_value(DS18B20_NOT_CONVERTED));
	assert_false(ds18b20_has_value(DS18B20_DUPLICATE));
}

/* What cannot be trusted says nothing of the sensor's power. */
static void a_wrong_crc_does_not_disarm_a_sensor(void **state)
{
	struct ds18b20_past past = { .armed = true, .alarm = { 0x7e, 0x81 } };
	struct ds18b20_value value;
	uint8_t sp[9];

	(void)state;
	scratchpad(sp, 0x0191, 0x4b, 0x46, 0x7f, 0x0f);
	sp[8] ^= 1;
	assert_int_equal(ds18b20_judge(&past, 0x28, true, sp, ds18b20_decode(0x28, sp, &value)),
			 DS18B20_CRC_FAILED);
	assert_true(past.armed);
}

static void the_sentinel_differs_from_the_eeprom(void **state)
{
	uint8_t first[2], next[2], other[2], sp[9];

	(void)state;
	ds18b20_sentinel((const uint8_t[]){ 0x4b, 0x46 }, first);
	ds18b20_sentinel(first, next);
	assert_memory_not_equal(first, next, 2);
	ds18b20_other_sentinel(first, other);
	ds18b20_sentinel(other, next);
	assert_memory_not_equal(other, next, 2);
	/* every bit of the CRC moves */
	scratchpad(sp, 0x0191, first[0], first[1], 0x7f, 0x0f);
	first[0] = sp[8];
	scratchpad(sp, 0x0191, other[0], other[1], 0x7f, 0x0f);
	assert_int_equal(first[0] ^ sp[8], 0xff);
}

/* By public reports: five zeros in the configuration; a DS1820 with a count of its own. */
static void real_parts_with_other_constants_are_read(void **state)
{
	static const struct {
		uint8_t family, sp[8];
		int32_t temp_mc;
	} rows[] = {
		{ 0x28, { 0xad, 0x01, 0x4b, 0x00, 0x60, 0xff, 0x03, 0x10 }, 26813 },
		{ 0x28, { 0xad, 0x01, 0x4b, 0x00, 0x40, 0xff, 0x03, 0x10 }, 26750 },
		{ 0x28, { 0x91, 0x01, 0x4b, 0x46, 0xff, 0xff, 0x0f, 0x10 }, 25063 },
		{ 0x10, { 0x32, 0x00, 0x4b, 0x46, 0xff, 0xff, 0x20, 0x47 }, 25313 }, /* .299 */
		{ 0x10, { 0x32, 0x00, 0x4b, 0x46, 0xff, 0xff, 0x04, 0x10 }, 25500 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ds18b20_value value;
		uint8_t sp[9];

		memcpy(sp, rows[i].sp, 8);
		sp[8] = w1_crc8(sp, 8);
		assert_int_equal(ds18b20_decode(rows[i].family, sp, &value), DS18B20_OK);
		assert_int_equal(value.temp_mc, rows[i].temp_mc);
	}
}

static void a_lost_sentinel_is_a_power_on_whatever_the_temperature(void **state)
{
	struct ds18b20_past past = { .armed = true, .alarm = { 0x7e, 0x81 } };
	struct ds18b20_value value;
	uint8_t sp[9];

	(void)state;
	scratchpad(sp, 0x0191, 0x4b, 0x46, 0x7f, 0x0f);
	assert_int_equal(ds18b20_judge(&past, 0x28, true, sp, ds18b20_decode(0x28, sp, &value)),
			 DS18B20_POWER_ON);
	assert_false(past.armed);
}

struct floor {
	unsigned patterns, crc, unknown, follows;
};

static void count_pattern(const uint8_t good[9], const uint8_t mask[9],
			  const struct ds18b20_past *past, struct floor *f)
{
	uint8_t sp[9];
	struct ds18b20_value value;
	struct ds18b20_past without = *past, with = *past;

	f->patterns++;
	for (int i = 0; i < 9; i++) {
		sp[i] = good[i] ^ mask[i];
	}
	if (w1_crc8(sp, 9) != 0) {
		return;
	}
	f->crc++;
	without.byte6_follows = false;
	with.byte6_follows = true;
	f->unknown += ds18b20_judge(&without, 0x28, true, sp, ds18b20_decode(0x28, sp, &value)) ==
		      DS18B20_OK;
	f->follows += ds18b20_judge(&with, 0x28, true, sp, ds18b20_decode(0x28, sp, &value)) ==
		      DS18B20_OK;
}

static void four_bit_errors(const uint8_t good[9], const struct ds18b20_past *past, struct floor *f)
{
	for (int a = 0; a < BITS; a++) {
		for (int b = a + 1; b < BITS; b++) {
			for (int c = b + 1; c < BITS; c++) {
				for (int d = c + 1; d < BITS; d++) {
					uint8_t mask[9] = { 0 };

					mask[a / 8] ^= (uint8_t)(1 << a % 8);
					mask[b / 8] ^= (uint8_t)(1 << b % 8);
					mask[c / 8] ^= (uint8_t)(1 << c % 8);
					mask[d / 8] ^= (uint8_t)(1 << d % 8);
					count_pattern(good, mask, past, f);
				}
			}
		}
	}
}

static void of_four_bit_errors_few_go_undetected(void **state)
{
	static const unsigned raws[] = { 0x0191, 0x00a2, 0xff5e, 0x0158,
					 0x0007, 0xfffd, 0x02bc, 0x006f };
	struct floor f = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(raws) / sizeof(raws[0]); i++) {
		struct ds18b20_past past = { .armed = true, .alarm = { 0x7e, 0x81 } };
		uint8_t sp[9];

		scratchpad(sp, raws[i], 0x7e, 0x81, 0x7f, 0x10 - (raws[i] & 15));
		ds18b20_remember(&past, sp);
		four_bit_errors(sp, &past, &f);
	}
	print_message(
		"4-bit errors: %u patterns, %u pass the CRC (%.2e); accepted: %u (%.2e) with byte 6 unknown, "
		"%u (%.2e) where it follows byte 0\n",
		f.patterns, f.crc, (double)f.crc / f.patterns, f.unknown,
		(double)f.unknown / f.patterns, f.follows, (double)f.follows / f.patterns);
	assert_int_equal(f.crc, 8 * 8182);
	assert_true(f.unknown * 10000.0 <= 1.5 * f.patterns);
	assert_true(f.follows * 100000.0 <= 1.3 * f.patterns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_known_rom_code_passes_its_crc),
		cmocka_unit_test(every_known_scratchpad_passes_its_crc),
		cmocka_unit_test(the_two_wrong_vectors_of_the_literature_are_refused),
		cmocka_unit_test(temperatures_are_those_of_the_datasheet),
		cmocka_unit_test(a_ds18s20_is_read_to_a_sixteenth_by_its_count_remain),
		cmocka_unit_test(every_raw_value_is_the_nearest_to_its_millidegrees),
		cmocka_unit_test(undefined_bits_below_the_resolution_are_masked),
		cmocka_unit_test(zeros_and_ones_are_no_temperature_though_zeros_pass_the_crc),
		cmocka_unit_test(impossible_values_are_refused),
		cmocka_unit_test(relatives_of_family_3b_are_read_each_in_its_way),
		cmocka_unit_test(eighty_five_degrees_are_told_from_power_on),
		cmocka_unit_test(what_a_sensor_cannot_show_is_a_quality_of_its_own),
		cmocka_unit_test(a_wrong_crc_does_not_disarm_a_sensor),
		cmocka_unit_test(the_sentinel_differs_from_the_eeprom),
		cmocka_unit_test(real_parts_with_other_constants_are_read),
		cmocka_unit_test(a_lost_sentinel_is_a_power_on_whatever_the_temperature),
		cmocka_unit_test(of_four_bit_errors_few_go_undetected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
