// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "userspace/reading/hex.h"

static void each_character_is_its_digit_or_none(void **state)
{
	(void)state;
	for (int c = -128; c < 128; c++) {
		if (c <= 0 || strchr("0123456789abcdefABCDEF", c) == NULL) {
			assert_int_equal(hex_digit((char)c), -1);
		}
	}
	for (int i = 0; i < 16; i++) {
		assert_int_equal(hex_digit("0123456789abcdef"[i]), i);
		assert_int_equal(hex_digit("0123456789ABCDEF"[i]), i);
	}
}

static void bytes_come_back_from_their_text(void **state)
{
	uint8_t all[256], back[256];
	char text[513];

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		all[i] = (uint8_t)i;
	}
	assert_ptr_equal(hex_format(text, all, sizeof(all)), text);
	assert_int_equal(strlen(text), 512);
	assert_memory_equal(text + 2 * 0xa5, "a5", 2);
	assert_true(hex_parse(text, back, sizeof(back)));
	assert_memory_equal(all, back, sizeof(all));
}

static void a_text_that_ends_early_or_holds_another_character_is_refused(void **state)
{
	uint8_t bytes[2];

	(void)state;
	assert_true(hex_parse("a1B2", bytes, 2));
	assert_memory_equal(bytes, "\xa1\xb2", 2);
	assert_false(hex_parse("a1b", bytes, 2));
	assert_false(hex_parse("a1", bytes, 2));
	assert_false(hex_parse("", bytes, 1));
	assert_false(hex_parse("g0", bytes, 1));
	assert_false(hex_parse("0g", bytes, 1));
	assert_false(hex_parse("+1", bytes, 1));
}

static void the_canonical_form_is_lower_case_and_all_of_the_text(void **state)
{
	uint8_t bytes[2];

	(void)state;
	assert_true(hex_parse_canonical("a1b2", bytes, 2));
	assert_memory_equal(bytes, "\xa1\xb2", 2);
	assert_false(hex_parse_canonical("a1B2", bytes, 2));
	assert_false(hex_parse_canonical("a1b2c", bytes, 2));
	assert_false(hex_parse_canonical("a1b", bytes, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_character_is_its_digit_or_none),
		cmocka_unit_test(bytes_come_back_from_their_text),
		cmocka_unit_test(the_canonical_form_is_lower_case_and_all_of_the_text),
		cmocka_unit_test(a_text_that_ends_early_or_holds_another_character_is_refused),
	};

	return cmocka_run_group_tests_name("hex", tests, NULL, NULL);
}
