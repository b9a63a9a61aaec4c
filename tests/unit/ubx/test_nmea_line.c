// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "ubx/nmea_line.h"
#include "ubx_files.h"

static unsigned sentences(struct nmea_line *line, const char *text, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++) {
		n += nmea_line_feed(line, (uint8_t)text[i]);
	}
	return n;
}

static void only_a_whole_sentence_with_its_checksum_counts(void **state)
{
	static const struct {
		const char *text;
		unsigned n;
	} v[] = {
		{ "$GPTXT,01,01,02,PROTVER 14.00*1E\r\n", 1 },
		{ "$GPTXT,01,01,02,PROTVER 14.00*1e\n", 1 }, /* lower case, LF only */
		{ "noise$GPTXT,01,01,02,PROTVER 14.00*1E\r\n", 1 },
		{ "$GPRM$GPTXT,01,01,02,PROTVER 14.00*1E\r\n", 1 }, /* one cut off before it */
		{ "$GPTXT,01,01,02,PROTVER 14.00*1F\r\n", 0 },
		{ "$GPTXT,01,01,02,PROTVER 14.00*1E", 0 },
		{ "GPTXT,01,01,02,PROTVER 14.00*1E\r\n", 0 },
		{ "$GPTXT,01,01,02,PROTVER 14.00\r\n", 0 },
		{ "$*00\r\n", 0 }, /* no body, though its sum is right */
		{ "$GPTXT*G0\r\n", 0 },
		{ "\r\n\r\n", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct nmea_line line = { 0 };

		if (sentences(&line, v[i].text, strlen(v[i].text)) != v[i].n) {
			fail_msg("%s", v[i].text);
		}
	}
}

static void a_line_without_an_end_is_dropped_and_the_next_is_found(void **state)
{
	struct nmea_line line = { 0 };
	char endless[NMEA_LINE_MAX + 1];

	(void)state;
	memset(endless, 'A', sizeof(endless));
	endless[0] = '$';
	assert_int_equal(sentences(&line, endless, sizeof(endless)), 0);
	assert_int_equal(sentences(&line, "$GPTXT,01,01,02,PROTVER 14.00*1E\r\n", 34), 1);
}

static void every_sentence_of_a_real_u_blox_7_counts(void **state)
{
	static struct ubx_file file;
	struct nmea_line line = { 0 };
	unsigned lines = 0;

	(void)state;
	ubx_file_read(&file, "pynmeagps_pygpsdata-nmea2_ublox7.nmea");
	for (size_t i = 0; i < file.len; i++) {
		lines += file.bytes[i] == '$';
	}
	assert_int_equal(lines, 17);
	assert_int_equal(sentences(&line, (const char *)file.bytes, file.len), lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_whole_sentence_with_its_checksum_counts),
		cmocka_unit_test(a_line_without_an_end_is_dropped_and_the_next_is_found),
		cmocka_unit_test(every_sentence_of_a_real_u_blox_7_counts),
	};

	return cmocka_run_group_tests_name("nmea_line", tests, NULL, NULL);
}
