// SPDX-License-Identifier: BSD-2-Clause
/* What a node says will never come: written and read, and everything else refused in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "userspace/reading/gap_list.h"

#define EXAMPLE                                                                                    \
	"{\"epoch\":\"5f3c2a1908f7e6d4\",\"gaps\":[{\"first\":42,\"last\":44,\"cause\":\"full\"}," \
	"{\"first\":50,\"last\":50,\"cause\":\"power\"}]}"
#define IN(gaps) "{\"epoch\":\"5f3c2a1908f7e6d4\",\"gaps\":" gaps "}"
#define GAP(first, last, cause) IN("[{\"first\":" first ",\"last\":" last ",\"cause\":" cause "}]")

static void the_protocols_example_is_written_and_read(void **state)
{
	struct gap_list list = { .epoch = UINT64_C(0x5f3c2a1908f7e6d4),
				 .n = 2,
				 .gaps = { { 42, 44, "full" }, { 50, 50, "power" } } },
			read;
	char out[GAP_LIST_JSON_MAX], err[160];
	int n = gap_list_encode(&list, out, sizeof(out));

	(void)state;
	assert_int_equal(n, strlen(EXAMPLE));
	assert_string_equal(out, EXAMPLE);
	assert_int_equal(gap_list_decode(out, (size_t)n, &read, err, sizeof(err)), 0);
	assert_memory_equal(&read, &list, sizeof(list));
}

static void the_longest_list_fits_and_one_byte_less_is_too_small(void **state)
{
	struct gap_list list = { .epoch = UINT64_MAX, .n = GAP_LIST_MAX }, read;
	char out[GAP_LIST_JSON_MAX], err[160];
	int n;

	(void)state;
	for (unsigned i = 0; i < list.n; i++) {
		list.gaps[i] = (struct gap_list_gap){ GAP_LIST_SEQ_MAX, GAP_LIST_SEQ_MAX,
						      "abcdefghijklmn-" };
	}
	n = gap_list_encode(&list, out, sizeof(out));
	assert_true(n > 0);
	assert_int_equal(gap_list_encode(&list, out, (size_t)n), -ENOSPC);
	assert_int_equal(gap_list_encode(&list, out, (size_t)n + 1), n);
	assert_int_equal(gap_list_decode(out, (size_t)n, &read, err, sizeof(err)), 0);
	assert_memory_equal(&read, &list, sizeof(list));
}

static void a_list_that_breaks_a_rule_is_not_written(void **state)
{
	const struct gap_list good = { .epoch = 1, .n = 1, .gaps = { { 1, 1, "full" } } };
	struct gap_list bad[8];
	char out[GAP_LIST_JSON_MAX];

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		bad[i] = good;
	}
	bad[0].epoch = 0;
	bad[1].n = 0;
	bad[2].n = GAP_LIST_MAX + 1;
	bad[3].gaps[0].first = 0;
	bad[4].gaps[0].first = 2;
	bad[5].gaps[0].last = (uint64_t)GAP_LIST_SEQ_MAX + 1;
	strcpy(bad[6].gaps[0].cause, "No\"");
	memset(bad[7].gaps[0].cause, 'a', GAP_LIST_CAUSE_SIZE);
	assert_true(gap_list_encode(&good, out, sizeof(out)) > 0);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(gap_list_encode(&bad[i], out, sizeof(out)), -EINVAL);
	}
}

static void what_is_no_list_is_refused_in_words(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "byte 0" },
		{ "{", "byte 1" },
		{ "\xff", "byte 0" },
		{ EXAMPLE "]", "end of file expected" },
		{ "[]", "an object" },
		{ "17", "byte 2" },
		{ "{}", "epoch: expected 16" },
		{ "{\"epoch\":7,\"gaps\":[]}", "epoch: expected 16" },
		{ "{\"epoch\":\"5F3C2A1908F7E6D4\"}", "epoch: expected 16 lowercase" },
		{ "{\"epoch\":\"0000000000000000\"}", "other than 0" },
		{ "{\"epoch\":\"5f3c2a1908f7e6d4\",\"epoch\":\"5f3c2a1908f7e6d4\"}", "duplicate" },
		{ "{\"epoch\":\"5f3c2a1908f7e6d4\"}", "gaps: expected an array" },
		{ IN("{}"), "gaps: expected an array" },
		{ IN("[]"), "an array of 1 to 64" },
		{ IN("[7]"), "gap 0: first" },
		{ GAP("0", "1", "\"full\""), "gap 0: first: expected a number from 1" },
		{ GAP("-1", "1", "\"full\""), "gap 0: first" },
		{ GAP("1.0", "1", "\"full\""), "gap 0: first" },
		{ GAP("NaN", "1", "\"full\""), "invalid token" },
		{ GAP("9223372036854775808", "1", "\"full\""), "too big" },
		{ GAP("2", "1", "\"full\""),
		  "gap 0: last: expected a number from first to 9223372036854775806" },
		{ GAP("1", "9223372036854775807", "\"full\""), "gap 0: last" },
		{ GAP("1", "\"1\"", "\"full\""), "gap 0: last" },
		{ GAP("1", "1", "\"\""), "gap 0: cause" },
		{ GAP("1", "1", "\"Full\""), "gap 0: cause: expected 1 to 15 of a-z and -" },
		{ GAP("1", "1", "\"abcdefghijklmnop\""), "gap 0: cause" },
		{ GAP("1", "1", "7"), "gap 0: cause" },
		{ IN("[{\"first\":1,\"last\":1,\"cause\":\"full\"},{\"first\":1}]"),
		  "gap 1: last" },
	};
	struct gap_list list;
	char err[160];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(gap_list_decode(cases[i].text, strlen(cases[i].text), &list, err,
						 sizeof(err)),
				 -EBADMSG);
		if (strstr(err, cases[i].says) == NULL) {
			fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].text, err,
				 cases[i].says);
		}
	}
}

static void more_than_a_list_may_hold_is_too_many(void **state)
{
	char text[8192], *at = text, err[160];
	struct gap_list list;

	(void)state;
	at += sprintf(at, "{\"epoch\":\"5f3c2a1908f7e6d4\",\"gaps\":[");
	for (unsigned i = 0; i <= GAP_LIST_MAX; i++) {
		at += sprintf(at, "%s{\"first\":1,\"last\":1,\"cause\":\"full\"}",
			      i > 0 ? "," : "");
	}
	strcpy(at, "]}");
	assert_int_equal(gap_list_decode(text, strlen(text), &list, err, sizeof(err)), -E2BIG);
	assert_non_null(strstr(err, "at most 64"));
}

static void labels_that_are_not_known_are_ignored(void **state)
{
	static const char text[] =
		"{\"later\":{\"a\":[1]},\"gaps\":[{\"n\":null,\"cause\":\"x\",\"last\":7,\"first\":7}],"
		"\"epoch\":\"5f3c2a1908f7e6d4\"}";
	struct gap_list list;
	char err[160];

	(void)state;
	assert_int_equal(gap_list_decode(text, sizeof(text) - 1, &list, err, sizeof(err)), 0);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.gaps[0].last, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_protocols_example_is_written_and_read),
		cmocka_unit_test(the_longest_list_fits_and_one_byte_less_is_too_small),
		cmocka_unit_test(a_list_that_breaks_a_rule_is_not_written),
		cmocka_unit_test(what_is_no_list_is_refused_in_words),
		cmocka_unit_test(more_than_a_list_may_hold_is_too_many),
		cmocka_unit_test(labels_that_are_not_known_are_ignored),
	};

	return cmocka_run_group_tests_name("gap_list", tests, NULL, NULL);
}
