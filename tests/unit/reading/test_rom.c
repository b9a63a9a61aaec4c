// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "userspace/reading/rom.h"

static const uint8_t known[8] = { 0x28, 0xde, 0xdf, 0x12, 0x84, 0x00, 0x00, 0x3b };

static void a_name_is_the_family_and_the_serial_number_backwards(void **state)
{
	char name[ROM_NAME_SIZE];

	(void)state;
	assert_string_equal(rom_format(name, known), "28-00008412dfde");
}

static void a_name_gives_the_rom_with_its_crc(void **state)
{
	uint8_t rom[8];

	(void)state;
	assert_true(rom_parse("28-00008412dfde", rom));
	assert_memory_equal(rom, known, 8);
	memset(rom, 0, sizeof(rom));
	assert_true(rom_parse("28-00008412DFDE", rom));
	assert_memory_equal(rom, known, 8);
}

static void what_is_no_name_is_refused(void **state)
{
	static const char *const rows[] = { "",
					    "28-",
					    "28-00008412dfd",
					    "28-00008412dfdee",
					    "28:00008412dfde",
					    "28-00008412dfdg",
					    "2x-00008412dfde",
					    "28dedf128400003b" };
	uint8_t rom[8];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(rom_parse(rows[i], rom));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_the_family_and_the_serial_number_backwards),
		cmocka_unit_test(a_name_gives_the_rom_with_its_crc),
		cmocka_unit_test(what_is_no_name_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
