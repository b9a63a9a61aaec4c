// SPDX-License-Identifier: BSD-2-Clause
/* A reading as one line: what is known, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "gpio-w1/ds18b20.h"
#include "userspace/reading/reading_line.h"

static void expect(const struct reading *r, const char *wanted)
{
	FILE *out = tmpfile();
	char line[512] = "";

	assert_non_null(out);
	reading_line_print(out, r);
	rewind(out);
	assert_non_null(fgets(line, sizeof(line), out));
	assert_string_equal(line, wanted);
	assert_int_equal(fgetc(out), EOF);
	fclose(out);
}

static void a_line_tells_what_is_known(void **state)
{
	struct reading r;

	(void)state;
	reading_init(&r);
	strcpy(r.device, "urn:dev:mac:b827ebfffe123456");
	r.epoch = UINT64_C(0x5f3c2a1908f7e6d4);
	r.seq = 17;
	r.utc_us = INT64_C(1795459200000007);
	r.time_source = READING_TIME_GNSS;
	r.n_temperatures = 2;
	r.temperatures[0] =
		(struct thermometer_sample){ .rom = { 0x28, 0xd2, 0xe7, 0x9b, 0x06, 0, 0, 0x9b },
					     .temp_known = true,
					     .temp_mc = -63 };
	r.temperatures[1] = (struct thermometer_sample){ .rom = { 0x28, 1, 2, 3, 4, 5, 6, 7 },
							 .quality = DS18B20_ABSENT };
	reading_scalar_put(&r, READING_LAT, -276004400);
	reading_scalar_put(&r, READING_LON, -5);
	strcpy(r.note, "no\nreceiver\x1b[m");
	expect(&r,
	       "2026-11-23T18:40:00.000007Z (gnss)  urn:dev:mac:b827ebfffe123456  5f3c2a1908f7e6d4.17  "
	       "28-0000069be7d2 -0.063 \u00b0C  28-060504030201 absent  -27.6004400,-0.0000005  (no\\u000areceiver\\u001b[m)\n");
}

static void a_line_says_what_is_unknown(void **state)
{
	struct reading r;

	(void)state;
	reading_init(&r);
	strcpy(r.device, "urn:dev:a");
	r.epoch = 1;
	r.seq = 1;
	expect(&r,
	       "time unknown                 urn:dev:a  0000000000000001.1  no thermometer  position unknown\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_tells_what_is_known),
		cmocka_unit_test(a_line_says_what_is_unknown),
	};

	return cmocka_run_group_tests_name("reading_line", tests, NULL, NULL);
}
