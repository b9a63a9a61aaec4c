// SPDX-License-Identifier: BSD-2-Clause
/* The older program's records: what is read of them, as which Reading, and how they are written. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random_reading.h"
#include "userspace/reading/legacy_reading.h"
#include "userspace/reading/legacy_text.h"
#include "userspace/reading/senml.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ARRIVED_US INT64_C(1795459200000000)
#define RMC "$GPRMC,152032.00,A,2736.02640,S,04831.13040,W,0.052,77.52,171116,,,A*5F"

static struct legacy_record record;
static struct legacy_error err;

static int parse(const char *text)
{
	/* A copy of just that size: a read past it is the sanitizer's. */
	size_t size = strlen(text);
	char *copy = test_malloc(size + 1);
	int rc;

	memcpy(copy, text, size);
	memset(&record, 0x55, sizeof(record));
	rc = legacy_text_parse(copy, size, &record, &err);
	test_free(copy);
	return rc;
}

static void a_full_record_is_read_with_the_line_break_in_its_middle(void **state)
{
	(void)state;
	assert_int_equal(parse("SENSOR_A/202481588596741/25.437/0/" RMC "\r\n/1479396032.57"), 0);
	assert_int_equal(record.form, LEGACY_RECORD);
	assert_string_equal(record.sensor, "SENSOR_A");
	assert_true(record.mac == UINT64_C(202481588596741));
	assert_true(record.temp_known);
	assert_int_equal(record.temp_mc, 25437);
	assert_false(record.flow_known);
	assert_int_equal(record.gps, LEGACY_GPS_POSITION);
	assert_int_equal(record.lat_e7, -276004400);
	assert_int_equal(record.lon_e7, -485188400);
	assert_true(record.speed_known);
	assert_int_equal(record.speed_mm_s, 27); /* 0.052 kn */
	assert_true(record.heading_known);
	assert_int_equal(record.heading_e5, 7752000);
	assert_true(record.time_us == INT64_C(1479396032570000));
}

static void the_other_forms_are_read(void **state)
{
	(void)state;
	assert_int_equal(parse("202481588596741"), 0);
	assert_int_equal(record.form, LEGACY_BOOT);
	assert_true(record.mac == UINT64_C(202481588596741));
	assert_int_equal(parse("202481588596741\r\n"), 0);
	assert_int_equal(record.form, LEGACY_BOOT);

	assert_int_equal(parse("5C:CF:7F:53:BA:34/25.4/1.0/-27.60044, -48.51884"), 0);
	assert_int_equal(record.form, LEGACY_OLDER);
	assert_true(record.mac == UINT64_C(0x5ccf7f53ba34));
	assert_int_equal(record.temp_mc, 25400);
	assert_true(record.flow_known);
	assert_int_equal(record.flow_milli, 1000);
	assert_int_equal(record.gps, LEGACY_GPS_POSITION);
	assert_int_equal(record.lat_e7, -276004400);
	assert_int_equal(record.lon_e7, -485188400);
	assert_false(record.speed_known);
}

static void temp_and_flow_are_read_as_python_prints_them(void **state)
{
	static const struct {
		const char *temp;
		bool known;
		int32_t mc;
	} temps[] = {
		{ "-1", false, 0 },
		{ "-1.0", true, -1000 },
		{ "0.0", true, 0 },
		{ "-0.062", true, -62 },
		{ "85.0", true, 85000 },
		{ "1e-05", true, 0 },
		{ "25.4373333333", true, 25437 },
		{ "-10", true, -10000 },
		{ "125", true, 125000 },
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < COUNT(temps); i++) {
		snprintf(text, sizeof(text), "A/1/%s/0//1479396032.57", temps[i].temp);
		assert_int_equal(parse(text), 0);
		assert_int_equal(record.temp_known, temps[i].known);
		assert_int_equal(record.temp_mc, temps[i].mc);
	}
	assert_int_equal(parse("A/1/20.0/12.5//1479396032.57"), 0);
	assert_true(record.flow_known);
	assert_int_equal(record.flow_milli, 12500);
}

static void gps_may_be_anything(void **state)
{
	static const struct {
		const char *gps;
		enum legacy_gps kind;
		const char *text;
	} cases[] = {
		{ "", LEGACY_GPS_NONE, "" },
		{ "\r\n", LEGACY_GPS_NONE, "" },
		{ RMC, LEGACY_GPS_POSITION, "" },
		{ "$GPRMC,152032.00,V,,,,,,,171116,,,N*7B\r\n", LEGACY_GPS_VOID, "" },
		{ "$GNRMC,152032.00,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*50",
		  LEGACY_GPS_POSITION, "" },
		/* a digit changed: the checksum is wrong, so it is only a text */
		{ "$GPRMC,152032.00,A,2736.02641,S,04831.13040,W,0.052,77.52,171116,,,A*5F",
		  LEGACY_GPS_TEXT,
		  "$GPRMC,152032.00,A,2736.02641,S,04831.13040,W,0.052,77.52,171116" },
		{ "$GPRMC,152032.00,A,2736.026", LEGACY_GPS_TEXT, "$GPRMC,152032.00,A,2736.026" },
		{ "$GPRMC,*67", LEGACY_GPS_VOID, "" },
		/* right checksums, wrong angles */
		{ "$GPRMC,1,A,9100.0,N,01131.0,E,,,,*0A", LEGACY_GPS_TEXT,
		  "$GPRMC,1,A,9100.0,N,01131.0,E,,,,*0A" },
		{ "$GPRMC,1,A,4860.0,N,01131.0,E,,,,*08", LEGACY_GPS_TEXT,
		  "$GPRMC,1,A,4860.0,N,01131.0,E,,,,*08" },
		{ "test", LEGACY_GPS_TEXT, "test" },
		{ "a/b//c", LEGACY_GPS_TEXT, "a/b//c" },
		{ "caf\xc3\xa9 '\x01", LEGACY_GPS_TEXT, "caf?? '?" },
		{ "91.0, 0.0", LEGACY_GPS_TEXT, "91.0, 0.0" },
		{ "-27.60044, -48.51884", LEGACY_GPS_POSITION, "" },
	};
	char text[300];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(text, sizeof(text), "A/1/20.0/0/%s/1479396032.57", cases[i].gps);
		assert_int_equal(parse(text), 0);
		if (record.gps != cases[i].kind ||
		    strncmp(record.gps_text, cases[i].text, sizeof(record.gps_text) - 1) != 0) {
			fail_msg("%s: %d \"%s\"", cases[i].gps, (int)record.gps, record.gps_text);
		}
		assert_true(record.time_us == INT64_C(1479396032570000));
	}
	assert_int_equal(
		parse("A/1/20.0/0/$GNRMC,152032.00,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*50/1"),
		0);
	assert_int_equal(record.lat_e7, 481173000);
	assert_int_equal(record.lon_e7, 115166667);
}

static void what_is_no_record_is_refused_with_byte_and_field(void **state)
{
	static const struct {
		const char *text;
		const char *field;
		size_t byte;
	} cases[] = {
		{ "", "record", 0 },
		{ "hello", "record", 0 },
		{ "-5", "record", 0 },
		{ "281474976710656", "record", 0 }, /* 2^48 */
		{ "12 34", "record", 0 },
		{ "/", "record", 1 },
		{ "A/1/20.0/0/1479396032.57", "record", 24 },
		{ "5C:CF:7F:53:BA:34/25.4/1.0", "record", 26 },
		{ "/1/20.0/0//1479396032.57", "SENSOR", 0 },
		{ "A B/1/20.0/0//1479396032.57", "SENSOR", 1 },
		{ "0123456789012345678901234567890X/1/20.0/0//1479396032.57", "SENSOR", 0 },
		{ "A//20.0/0//1479396032.57", "MAC", 2 },
		{ "A/0x10/20.0/0//1479396032.57", "MAC", 2 },
		{ "A/281474976710656/20.0/0//1479396032.57", "MAC", 2 },
		{ "A/1//0//1479396032.57", "TEMP", 4 },
		{ "A/1/None/0//1479396032.57", "TEMP", 4 },
		{ "A/1/nan/0//1479396032.57", "TEMP", 4 },
		{ "A/1/inf/0//1479396032.57", "TEMP", 4 },
		{ "A/1/1e300/0//1479396032.57", "TEMP", 4 },
		{ "A/1/2048/0//1479396032.57", "TEMP", 4 },
		{ "A/1/1'); DROP TABLE dados; --/0//1479396032.57", "TEMP", 4 },
		{ "A/1/20.0///1479396032.57", "FLOW", 9 },
		{ "A/1/20.0/x//1479396032.57", "FLOW", 9 },
		{ "A/1/20.0/0//", "TIME", 12 },
		{ "A/1/20.0/0//now", "TIME", 12 },
		{ "A/1/20.0/0//0", "TIME", 12 },
		{ "A/1/20.0/0//-5.0", "TIME", 12 },
		{ "A/1/20.0/0//4294967297", "TIME", 12 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (parse(cases[i].text) != -EBADMSG || strcmp(err.field, cases[i].field) != 0 ||
		    err.byte != cases[i].byte || strlen(err.expected) == 0) {
			fail_msg("%s: %s, byte %zu", cases[i].text, err.field, err.byte);
		}
	}
}

static void random_bytes_do_no_harm(void **state)
{
	static const char alphabet[] = "///0123456789.-+eE$*,:\r\n'\"GPRMCANSW\x80";
	uint64_t seed = 1;
	struct reading reading;

	(void)state;
	for (unsigned i = 0; i < 30000; i++) {
		size_t size = (size_t)random_below(&seed, 700);
		char *text = test_malloc(size + 1);

		for (size_t j = 0; j < size; j++) {
			text[j] = i % 2 == 0 ? (char)random_u64(&seed)
					     : alphabet[random_below(&seed, sizeof(alphabet) - 1)];
		}
		if (legacy_text_parse(text, size, &record, &err) == 0) {
			legacy_to_reading(&record, ARRIVED_US, &reading);
			assert_int_equal(reading_device_check(reading.device), 0);
		} else if (size > LEGACY_TEXT_MAX) {
			assert_string_equal(err.field, "record");
		}
		test_free(text);
	}
}

static void the_same_record_has_the_same_key_and_another_time_another(void **state)
{
	struct reading a, b;

	(void)state;
	assert_int_equal(parse("SENSOR_A/202481588596741/25.437/0//1479396032.57"), 0);
	legacy_to_reading(&record, ARRIVED_US, &a);
	legacy_to_reading(&record, ARRIVED_US + 1, &b);
	assert_true(reading_equal(&a, &b));
	assert_string_equal(a.device, "urn:dev:mac:b827ebfffe297005");
	assert_true(a.epoch == READING_EPOCH_LEGACY);
	assert_true(a.seq == UINT64_C(1479396032570000));
	assert_true(a.utc_us == INT64_C(1479396032570000));
	assert_int_equal(a.time_source, READING_TIME_HOST);
	assert_int_equal(parse("SENSOR_A/202481588596741/25.437/0//1479396032.58"), 0);
	legacy_to_reading(&record, ARRIVED_US, &b);
	assert_true(b.seq != a.seq);
}

static void a_reading_says_what_the_record_could_not_prove(void **state)
{
	struct reading r;
	uint8_t rom[8] = { 0x28, 0xd2, 0xe7, 0x9b, 0x06, 0x00, 0x00 };

	(void)state;
	rom[7] = w1_crc8(rom, 7);
	assert_int_equal(parse("28-0000069be7d2/1/25.437/0/" RMC "\r\n/1479396032.57"), 0);
	legacy_to_reading(&record, ARRIVED_US, &r);
	assert_int_equal(r.n_temperatures, 1);
	assert_memory_equal(r.temperatures[0].rom, rom, 8);
	assert_true(r.temperatures[0].temp_known);
	assert_int_equal(r.temperatures[0].temp_mc, 25437);
	assert_int_equal(r.temperatures[0].quality, DS18B20_NOT_CONVERTED);
	assert_false(r.temperatures[0].scratchpad_known);
	assert_string_equal(r.note, "");
	assert_true(reading_knows(&r, READING_LAT) && reading_knows(&r, READING_LON));
	assert_int_equal(r.lat_e7, -276004400);
	assert_false(reading_knows(&r, READING_FLOW));
	assert_false(reading_knows(&r, READING_FIX_OK));

	/* a name that is no ROM: family 0 and a hash, always the same; the name in the note */
	assert_int_equal(parse("SENSOR_A/1/-1/2.5/garage/1479396032.57"), 0);
	legacy_to_reading(&record, ARRIVED_US, &r);
	assert_int_equal(r.temperatures[0].rom[0], 0);
	assert_int_equal(r.temperatures[0].rom[7], w1_crc8(r.temperatures[0].rom, 7));
	assert_false(r.temperatures[0].temp_known);
	assert_int_equal(r.temperatures[0].quality, DS18B20_ABSENT);
	assert_string_equal(r.note, "SENSOR_A flow=2.5 gps=garage");
	assert_false(reading_knows(&r, READING_LAT));

	/* a clock that was never set numbers the record but does not date it */
	assert_int_equal(parse("SENSOR_A/1/20.0/0//34.12"), 0);
	legacy_to_reading(&record, ARRIVED_US, &r);
	assert_int_equal(r.seq, 34120000);
	assert_int_equal(r.time_source, READING_TIME_NONE);

	/* no TIME at all: its arrival */
	assert_int_equal(parse("202481588596741"), 0);
	legacy_to_reading(&record, ARRIVED_US, &r);
	assert_string_equal(r.note, "started");
	assert_true(r.utc_us == ARRIVED_US && r.seq == (uint64_t)ARRIVED_US);
	assert_int_equal(r.time_source, READING_TIME_SERVER);
	assert_int_equal(r.n_temperatures, 0);
}

static void every_parsed_record_can_go_on_as_senml(void **state)
{
	static const char *const texts[] = {
		"SENSOR_A/202481588596741/25.437/0/" RMC "\r\n/1479396032.57",
		"202481588596741",
		"5C:CF:7F:53:BA:34/25.4/1.0/-27.60044, -48.51884",
		"\"\\/1/-1/0/\"\\/34.12",
		"0123456789012345678901234567890/281474976710655/-55.0/123456.789/"
		"0123456789012345678901234567890123456789012345678901234567890123456789/4294967296",
	};
	static char pack[SENML_READING_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct senml_error senml_err;
		struct reading r, back;
		int n;

		assert_int_equal(parse(texts[i]), 0);
		legacy_to_reading(&record, ARRIVED_US, &r);
		n = senml_encode(SENML_JSON, &r, 1, pack, sizeof(pack), NULL);
		assert_true(n > 0);
		assert_int_equal(senml_decode(SENML_JSON, pack, (size_t)n, &back, 1, &senml_err),
				 1);
		assert_true(reading_equal(&r, &back));
	}
}

static void a_reading_is_written_as_the_older_program_would(void **state)
{
	struct reading r;
	char text[LEGACY_TEXT_MAX];

	(void)state;
	reading_init(&r);
	strcpy(r.device, "urn:dev:mac:b827ebfffe4d5e85");
	r.time_source = READING_TIME_GNSS;
	r.utc_us = INT64_C(1479396032570000);
	r.n_temperatures = 2;
	memcpy(r.temperatures[0].rom, (const uint8_t[]){ 0x28, 1, 0, 0, 0, 0, 0, 0 }, 8);
	memcpy(r.temperatures[1].rom, (const uint8_t[]){ 0x28, 0xd2, 0xe7, 0x9b, 0x06, 0, 0, 0 },
	       8);
	r.temperatures[1].temp_known = true;
	r.temperatures[1].temp_mc = 25437;
	assert_int_equal(legacy_from_reading(&r, &record), 0);
	assert_int_equal(legacy_text_format(&record, text, sizeof(text)), 55);
	assert_string_equal(text, "28-0000069be7d2/202481590951557/25.437/0//1479396032.57");
	reading_scalar_put(&r, READING_LAT, -276004400);
	reading_scalar_put(&r, READING_LON, 85188401);
	reading_scalar_put(&r, READING_SPEED, 27);
	reading_scalar_put(&r, READING_HEADING, 7752000);
	r.temperatures[1].temp_mc = -1000;
	assert_int_equal(legacy_from_reading(&r, &record), 0);
	assert_true(legacy_text_format(&record, text, sizeof(text)) > 0);
	assert_string_equal(
		text,
		"28-0000069be7d2/202481590951557/-1.0/0/"
		"$GPRMC,152032.57,A,2736.026400,S,00831.130406,E,0.0525,77.52,171116,,,A*78\r\n/1479396032.57");
	r.temperatures[1].temp_known = false;
	assert_int_equal(legacy_from_reading(&r, &record), 0);
	assert_string_equal(record.sensor, "28-000000000001");
	assert_false(record.temp_known);
	r.n_temperatures = 0;
	r.time_source = READING_TIME_NONE;
	r.boot_ns = UINT64_C(34123456789);
	assert_int_equal(legacy_from_reading(&r, &record), 0);
	assert_true(legacy_text_format(&record, text, sizeof(text)) > 0);
	assert_true(strncmp(text, "none/202481590951557/-1/0/$GPRMC,000034.12,A,", 45) == 0);
	assert_string_equal(strrchr(text, '/'), "/34.123456");
	for (size_t size = 0; size < strlen(text) + 1; size++) {
		char small[LEGACY_TEXT_MAX];

		assert_int_equal(legacy_text_format(&record, small, size), -ENOSPC);
	}
	strcpy(r.device, "urn:dev:ops:32473-pi");
	assert_int_equal(legacy_from_reading(&r, &record), -EINVAL);
	strcpy(r.device, "urn:dev:mac:b827ebabcd4d5e85"); /* a true EUI-64, no MAC */
	assert_int_equal(legacy_from_reading(&r, &record), -EINVAL);
}

static void what_is_written_is_read_back_the_same(void **state)
{
	uint64_t seed = 21;
	char text[LEGACY_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct legacy_record wrote;
		struct reading r;
		int n;

		random_reading(&seed, &r);
		strcpy(r.device, "urn:dev:mac:b827ebfffe4d5e85");
		r.n_temperatures %= 3;
		r.time_source = READING_TIME_NTP;
		r.utc_us = READING_UTC_MIN_US +
			   (int64_t)random_below(&seed, READING_UTC_MAX_US - READING_UTC_MIN_US);
		r.lat_e7 = (int32_t)random_below(&seed, 1800000001) - 900000000;
		r.lon_e7 = (int32_t)((int64_t)random_below(&seed, 3600000001) - 1800000000);
		r.speed_mm_s = (int32_t)random_below(&seed, 1000000);
		r.heading_e5 = (int32_t)random_below(&seed, 36000001);
		assert_int_equal(legacy_from_reading(&r, &wrote), 0);
		n = legacy_text_format(&wrote, text, sizeof(text));
		assert_true(n > 0);
		assert_int_equal(n, strlen(text));
		assert_int_equal(parse(text), 0);
		assert_string_equal(record.sensor, wrote.sensor);
		assert_true(record.mac == wrote.mac && record.time_us == wrote.time_us);
		assert_int_equal(record.temp_known, wrote.temp_known);
		assert_int_equal(record.temp_mc, wrote.temp_mc);
		assert_int_equal(record.gps, wrote.gps);
		if (wrote.gps == LEGACY_GPS_POSITION) {
			assert_int_equal(record.lat_e7, wrote.lat_e7);
			assert_int_equal(record.lon_e7, wrote.lon_e7);
			assert_int_equal(record.speed_known, wrote.speed_known);
			assert_int_equal(record.speed_mm_s, wrote.speed_mm_s);
			assert_int_equal(record.heading_e5, wrote.heading_e5);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_record_is_read_with_the_line_break_in_its_middle),
		cmocka_unit_test(the_other_forms_are_read),
		cmocka_unit_test(temp_and_flow_are_read_as_python_prints_them),
		cmocka_unit_test(gps_may_be_anything),
		cmocka_unit_test(what_is_no_record_is_refused_with_byte_and_field),
		cmocka_unit_test(random_bytes_do_no_harm),
		cmocka_unit_test(the_same_record_has_the_same_key_and_another_time_another),
		cmocka_unit_test(a_reading_says_what_the_record_could_not_prove),
		cmocka_unit_test(every_parsed_record_can_go_on_as_senml),
		cmocka_unit_test(a_reading_is_written_as_the_older_program_would),
		cmocka_unit_test(what_is_written_is_read_back_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
