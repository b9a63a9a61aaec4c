// SPDX-License-Identifier: BSD-2-Clause
/* The worked examples of docs/protocol.md are what the codecs write, to the byte. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gpio-w1/ds18b20.h"
#include "userspace/reading/legacy_reading.h"
#include "userspace/reading/senml.h"
#include "userspace/reading/senml_pack.h"

static char *protocol; /* the document */
static char block[16384];
static uint8_t pack[8192];

static int load_document(void **state)
{
	FILE *f = fopen("docs/protocol.md", "rb");
	size_t size;

	(void)state;
	protocol = calloc(1, 1 << 20);
	if (f == NULL || protocol == NULL) {
		return -1;
	}
	size = fread(protocol, 1, (1 << 20) - 1, f);
	fclose(f);
	return size > 0 ? 0 : -1;
}

static int free_document(void **state)
{
	(void)state;
	free(protocol);
	return 0;
}

static void assert_documented(const char *text)
{
	if (strstr(protocol, text) == NULL) {
		/* cmocka's own messages are cut at 1024 characters. */
		fprintf(stderr, "docs/protocol.md does not have:\n%s\n--\n", text);
		fail();
	}
}

static void __attribute__((format(printf, 1, 2))) add(const char *format, ...)
{
	size_t used = strlen(block);
	va_list args;

	va_start(args, format);
	vsnprintf(block + used, sizeof(block) - used, format, args);
	va_end(args);
}

/* The diagnostic notation (RFC 8949 8) of one item of definite length; returns what follows it. */
static const uint8_t *diagnose(const uint8_t *at)
{
	unsigned major = *at >> 5, more = *at & 31, bytes = more < 24 ? 0 : 1u << (more - 24);
	uint64_t n = more < 24 ? more : 0;

	for (at++; bytes > 0; bytes--) {
		n = n << 8 | *at++;
	}
	switch (major) {
	case 0:
		add("%" PRIu64, n);
		return at;
	case 1:
		add("-%" PRIu64, n + 1);
		return at;
	case 2:
		add("h'");
		for (; n > 0; n--) {
			add("%02x", *at++);
		}
		add("'");
		return at;
	case 3:
		add("\"%.*s\"", (int)n, (const char *)at);
		return at + n;
	case 4:
	case 5:
		add(major == 4 ? "[" : "{");
		for (uint64_t i = 0; i < n; i++) {
			add(i > 0 ? ", " : "");
			at = diagnose(at);
			if (major == 5) {
				add(": ");
				at = diagnose(at);
			}
		}
		add(major == 4 ? "]" : "}");
		return at;
	case 6:
		add("%" PRIu64 "(", n);
		at = diagnose(at);
		add(")");
		return at;
	default:
		fail_msg("no simple value is written");
		return NULL;
	}
}

/* The array's head, then for each record its diagnostic notation and its bytes. */
static void describe(const uint8_t *bytes, size_t size)
{
	const uint8_t *at = bytes + ((bytes[0] & 31) < 24 ? 1 : 2), *end = bytes + size;

	block[0] = '\0';
	for (const uint8_t *c = bytes; c < at; c++) {
		add("%02x", *c);
	}
	add("\n");
	while (at < end) {
		const uint8_t *from = at;

		add("# ");
		at = diagnose(at);
		for (unsigned column = 0; from < at; column++) {
			add("%s%02x", column % 32 == 0 ? "\n" : "", *from++);
		}
		add("\n");
	}
}

static void example_reading(struct reading *r)
{
	static const struct thermometer_sample sensor = {
		.rom = { 0x28, 0xff, 0x4b, 0x46, 0x01, 0x16, 0x03, 0x37 },
		.scratchpad = { 0x91, 0x01, 0x4b, 0x46, 0x7f, 0xff, 0x0f, 0x10, 0x25 },
		.scratchpad_known = true,
		.temp_known = true,
		.temp_mc = 25063,
		.resolution_bits = 12,
		.quality = DS18B20_OK,
	};

	reading_init(r);
	strcpy(r->device, "urn:dev:mac:b827ebfffe123456");
	r->epoch = UINT64_C(0x5f3c2a1908f7e6d4);
	r->seq = 41;
	r->utc_us = INT64_C(1795459200123456);
	r->time_source = READING_TIME_GNSS;
	r->time_acc_ns = 30;
	r->boot_ns = UINT64_C(93784000000007);
	reading_scalar_put(r, READING_LAT, -276004400);
	reading_scalar_put(r, READING_LON, -485188400);
	reading_scalar_put(r, READING_HACC, 2500);
	reading_scalar_put(r, READING_FIX_TYPE, 3);
	strcpy(r->host, "pi");
	r->n_temperatures = 1;
	r->temperatures[0] = sensor;
}

static void the_example_reading_is_documented_in_both_formats(void **state)
{
	struct reading r, back;
	struct senml_error err;
	int n;

	(void)state;
	example_reading(&r);
	n = senml_encode(SENML_CBOR, &r, 1, pack, sizeof(pack), NULL);
	assert_true(n > 0);
	describe(pack, (size_t)n);
	assert_documented(block);
	n = senml_encode(SENML_JSON, &r, 1, pack, sizeof(pack) - 1, NULL);
	assert_true(n > 0);
	pack[n] = '\0';
	assert_documented((const char *)pack);
	assert_int_equal(senml_decode(SENML_JSON, pack, (size_t)n, &back, 1, &err), 1);
	assert_true(reading_equal(&r, &back));
}

static void the_example_acknowledgement_is_documented_in_both_formats(void **state)
{
	static const struct reading_ack ack = {
		"urn:dev:mac:b827ebfffe123456",
		UINT64_C(0x5f3c2a1908f7e6d4),
		41,
	};
	int n = senml_encode_acks(SENML_CBOR, &ack, 1, pack, sizeof(pack));

	(void)state;
	assert_true(n > 0);
	describe(pack, (size_t)n);
	assert_documented(block);
	n = senml_encode_acks(SENML_JSON, &ack, 1, pack, sizeof(pack) - 1);
	assert_true(n > 0);
	pack[n] = '\0';
	assert_documented((const char *)pack);
}

static void the_example_of_the_older_program_is_documented(void **state)
{
	static const char text[] =
		"SENSOR_A/202481588596741/25.437/0/"
		"$GPRMC,152032.00,A,2736.02640,S,04831.13040,W,0.052,77.52,171116,,,A*5F\r\n/1479396032.57";
	struct legacy_record record;
	struct legacy_error err;
	struct reading r;
	int n;

	(void)state;
	assert_documented(
		"SENSOR_A/202481588596741/25.437/0/"
		"$GPRMC,152032.00,A,2736.02640,S,04831.13040,W,0.052,77.52,171116,,,A*5F\n/1479396032.57\n");
	assert_int_equal(legacy_text_parse(text, sizeof(text) - 1, &record, &err), 0);
	legacy_to_reading(&record, 0, &r);
	n = senml_encode(SENML_JSON, &r, 1, pack, sizeof(pack) - 1, NULL);
	assert_true(n > 0);
	pack[n] = '\0';
	assert_documented((const char *)pack);
}

static void every_record_name_and_quality_is_documented(void **state)
{
	(void)state;
	for (unsigned i = 0; i < READING_SCALAR_COUNT; i++) {
		const struct reading_scalar_info *s = &reading_scalars[i];

		snprintf(block, sizeof(block), "| `%s` | %s%s%s | 1e%d | %s%u |", s->name,
			 s->unit[0] != '\0' ? "`" : "", s->unit[0] != '\0' ? s->unit : "–",
			 s->unit[0] != '\0' ? "`" : "", s->exponent, s->is_signed ? "int" : "uint",
			 8u * s->size);
		assert_documented(block);
	}
	for (unsigned i = 0; i < DS18B20_QUALITY_COUNT; i++) {
		snprintf(block, sizeof(block), "| `%s` | %u |", ds18b20_quality_name(i), i);
		assert_documented(block);
	}
#define X(id, name) assert_documented("| `" name "` |");
	SENML_DEVICE_FIELDS(X)
	SENML_SENSOR_FIELDS(X)
#undef X
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_reading_is_documented_in_both_formats),
		cmocka_unit_test(the_example_acknowledgement_is_documented_in_both_formats),
		cmocka_unit_test(the_example_of_the_older_program_is_documented),
		cmocka_unit_test(every_record_name_and_quality_is_documented),
	};

	return cmocka_run_group_tests(tests, load_document, free_document);
}
