// SPDX-License-Identifier: BSD-2-Clause
/* Readings through SenML and back: exact, in both formats, whatever the reading. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "random_reading.h"
#include "userspace/reading/senml.h"

static const enum senml_format formats[] = { SENML_CBOR, SENML_JSON };

static char buffer[16 * SENML_READING_MAX], other[16 * SENML_READING_MAX];
static struct reading in[32], out[32];

/* How many random readings: TEST_SENML_READINGS, 1000 if unset. */
static unsigned rounds(void)
{
	const char *text = getenv("TEST_SENML_READINGS");

	return text != NULL ? (unsigned)atoi(text) : 1000;
}

static void assert_reading_equal(const struct reading *a, const struct reading *b, uint64_t seed)
{
	if (!reading_equal(a, b)) {
		fail_msg("a reading came back different; seed %llu", (unsigned long long)seed);
	}
}

static void random_readings_come_back_equal_in_both_formats(void **state)
{
	struct senml_error err;

	(void)state;
	for (uint64_t seed = 1; seed <= rounds(); seed++) {
		uint64_t at = seed;

		random_reading(&at, &in[0]);
		for (size_t f = 0; f < 2; f++) {
			int n = senml_encode(formats[f], in, 1, buffer, SENML_READING_MAX, NULL);

			assert_true(n > 0);
			if (senml_decode(formats[f], buffer, (size_t)n, out, 1, &err) != 1) {
				fail_msg("seed %llu, format %d: %s", (unsigned long long)seed,
					 (int)formats[f], err.text);
			}
			assert_reading_equal(&in[0], &out[0], seed);
		}
	}
}

static void a_reading_translated_between_the_formats_is_written_the_same(void **state)
{
	struct senml_error err;

	(void)state;
	for (uint64_t seed = 1; seed <= rounds() / 4; seed++) {
		uint64_t at = ~seed;
		int json, cbor, again;

		random_reading(&at, &in[0]);
		json = senml_encode(SENML_JSON, in, 1, buffer, sizeof(buffer), NULL);
		assert_int_equal(senml_decode(SENML_JSON, buffer, (size_t)json, out, 1, &err), 1);
		cbor = senml_encode(SENML_CBOR, out, 1, other, sizeof(other), NULL);
		assert_int_equal(senml_decode(SENML_CBOR, other, (size_t)cbor, out, 1, &err), 1);
		again = senml_encode(SENML_JSON, out, 1, other, sizeof(other), NULL);
		assert_int_equal(again, json);
		assert_memory_equal(buffer, other, (size_t)json);
	}
}

static void the_largest_reading_fits_the_stated_bound(void **state)
{
	uint64_t seed = 7;
	struct senml_error err;

	(void)state;
	random_reading(&seed, &in[0]);
	memset(in[0].device, 'x', sizeof(in[0].device) - 1);
	memcpy(in[0].device, "urn:dev:", 8);
	in[0].utc_us = READING_UTC_MAX_US - 1;
	in[0].time_source = READING_TIME_SERVER;
	in[0].time_acc_ns = in[0].boot_ns = in[0].seq = UINT64_MAX - 1;
	in[0].known = 0;
	for (unsigned i = 0; i < READING_SCALAR_COUNT; i++) {
		unsigned bits = 8 * reading_scalars[i].size;

		assert_int_equal(reading_scalar_put(&in[0], (enum reading_scalar)i,
						    reading_scalars[i].is_signed
							    ? -(INT64_C(1) << (bits - 1)) + 1
							    : (int64_t)(UINT64_MAX >> (64 - bits))),
				 0);
	}
	memset(in[0].host, '\1', sizeof(in[0].host) - 1);
	memset(in[0].version, '\1', sizeof(in[0].version) - 1);
	memset(in[0].note, '\1', sizeof(in[0].note) - 1);
	in[0].n_temperatures = READING_TEMPERATURES_MAX;
	for (unsigned i = 0; i < READING_TEMPERATURES_MAX; i++) {
		struct thermometer_sample *t = &in[0].temperatures[i];

		random_temperature(&seed, t);
		t->temp_known = t->scratchpad_known = true;
		t->temp_mc = -2047938;
		t->resolution_bits = t->retries = 255;
		t->quality = DS18B20_BAD_SCRATCHPAD;
	}
	for (size_t f = 0; f < 2; f++) {
		int n = senml_encode(formats[f], in, 1, buffer, SENML_READING_MAX, NULL);

		assert_true(n > 0);
		assert_int_equal(senml_decode(formats[f], buffer, (size_t)n, out, 1, &err), 1);
		assert_reading_equal(&in[0], &out[0], 0);
	}
}

static void a_pack_takes_as_many_readings_as_fit_and_never_part_of_one(void **state)
{
	struct senml_error err;
	uint64_t seed = 11;

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		random_reading(&seed, &in[i]);
		in[i].n_temperatures %= 3;
	}
	for (size_t f = 0; f < 2; f++) {
		int all = senml_encode(formats[f], in, 12, buffer, sizeof(buffer), NULL);
		size_t encoded, before = 0;

		assert_true(all > 0);
		for (size_t size = 0; size <= (size_t)all; size++) {
			int n;

			memset(other, 0x55, size + 1);
			n = senml_encode(formats[f], in, 12, other, size, &encoded);
			assert_int_equal(other[size], 0x55);
			assert_true(encoded >= before);
			before = encoded;
			if (encoded == 0) {
				assert_int_equal(n, -ENOSPC);
				continue;
			}
			assert_in_range(n, 1, size);
			/* A full decode of each size would only cost time: look where one more
			 * fits. */
			if (size % 257 == 0 || size == (size_t)all) {
				assert_int_equal(
					senml_decode(formats[f], other, (size_t)n, out, 32, &err),
					(int)encoded);
				assert_reading_equal(&in[encoded - 1], &out[encoded - 1], 11);
			}
		}
		assert_int_equal(before, 12);
		assert_int_equal(senml_encode(formats[f], in, 12, other, (size_t)all - 1, NULL),
				 -ENOSPC);
		assert_int_equal(senml_encode(formats[f], in, 0, other, sizeof(other), NULL),
				 -EINVAL);
	}
}

/* A long track, as a server sends it: the head of a CBOR array has five bytes from 65536 records
 * on. */
static void a_pack_may_hold_tens_of_thousands_of_records(void **state)
{
	const size_t n = 22000, size = 4 << 20; /* of three records each */
	struct reading *many = calloc(n, sizeof(*many)), *back = calloc(n, sizeof(*back));
	uint8_t *pack = malloc(size);
	struct senml_error err;

	(void)state;
	assert_true(many != NULL && back != NULL && pack != NULL);
	for (size_t i = 0; i < n; i++) {
		reading_init(&many[i]);
		strcpy(many[i].device, "urn:dev:x");
		many[i].epoch = 1;
		many[i].seq = i + 1;
	}
	for (size_t f = 0; f < 2; f++) {
		int used = senml_encode(formats[f], many, n, pack, size, NULL);

		assert_true(used > 0);
		assert_int_equal(senml_encode(formats[f], many, n, pack, (size_t)used - 1, NULL),
				 -ENOSPC);
		assert_int_equal(senml_encode(formats[f], many, n, pack, (size_t)used, NULL), used);
		assert_int_equal(senml_decode(formats[f], pack, (size_t)used, back, n, &err),
				 (int)n);
		assert_reading_equal(&many[n - 1], &back[n - 1], 0);
	}
	free(many);
	free(back);
	free(pack);
}

/* As many of them as fit, each encoded alone; their pack is in buffer. */
static size_t join(const struct reading *readings, size_t n, size_t size, size_t *used)
{
	size_t done = 0;
	int rc = 0;

	*used = 0;
	for (; done < n && rc == 0; done += rc == 0) {
		int one = senml_encode(SENML_CBOR, &readings[done], 1, other, sizeof(other), NULL);

		assert_true(one > 0);
		rc = senml_join_cbor(buffer, size, used, other, (size_t)one);
		assert_true(rc == 0 || rc == -ENOSPC);
	}
	return done;
}

static void packs_of_one_are_joined_to_the_bytes_of_one_pack_of_all(void **state)
{
	struct senml_error err;

	(void)state;
	for (uint64_t seed = 1; seed <= rounds() / 4; seed++) {
		uint64_t at = seed;
		size_t n = 1 + random_below(&at, 32), size = 200 + random_below(&at, 30000);
		size_t used, done, encoded = 0;
		int all;

		for (size_t i = 0; i < n; i++) {
			random_reading(&at, &in[i]);
		}
		done = join(in, n, size, &used);
		all = senml_encode(SENML_CBOR, in, n, other, size, &encoded);
		assert_int_equal(done, encoded);
		if (done == 0) {
			assert_int_equal(all, -ENOSPC);
			continue;
		}
		assert_int_equal(used, all);
		assert_memory_equal(buffer, other, used);
		assert_int_equal(senml_decode(SENML_CBOR, buffer, used, out, 32, &err), done);
		for (size_t i = 0; i < done; i++) {
			assert_reading_equal(&in[i], &out[i], seed);
		}
	}
}

static void what_is_no_pack_is_not_joined(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} rows[] = { { "", 0 }, { "\xa0", 1 }, { "\x9f\xff", 2 }, { "\x98", 1 }, { "[]", 2 } };
	size_t used = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(senml_join_cbor(buffer, 100, &used, rows[i].bytes, rows[i].size),
				 -EBADMSG);
	}
	used = 2;
	memcpy(buffer, "\xf6\xf6", 2);
	assert_int_equal(senml_join_cbor(buffer, 100, &used, "\x81\xa0", 2), -EBADMSG);
	assert_int_equal(used, 2);
}

static void what_is_no_reading_is_not_encoded(void **state)
{
	struct reading good;
	size_t encoded;

	(void)state;
	reading_init(&good);
	strcpy(good.device, "urn:dev:mac:b827ebfffe123456");
	good.epoch = 1;
	good.seq = 1;
	assert_true(senml_encode(SENML_CBOR, &good, 1, buffer, sizeof(buffer), NULL) > 0);
#define REFUSED(change)                                                                         \
	do {                                                                                    \
		in[0] = in[1] = good;                                                           \
		change;                                                                         \
		assert_int_equal(                                                               \
			senml_encode(SENML_CBOR, &in[1], 1, buffer, sizeof(buffer), &encoded),  \
			-EINVAL);                                                               \
		assert_int_equal(encoded, 0);                                                   \
		assert_true(senml_encode(SENML_JSON, in, 2, buffer, sizeof(buffer), &encoded) > \
			    0);                                                                 \
		assert_int_equal(encoded, 1);                                                   \
		assert_int_equal(senml_encode(SENML_JSON, in, 2, buffer, sizeof(buffer), NULL), \
				 -EINVAL);                                                      \
	} while (0)
	REFUSED(in[1].device[0] = 'U');
	REFUSED(in[1].epoch = 0);
	REFUSED(in[1].seq = 0);
	REFUSED(memset(in[1].host, 'x', sizeof(in[1].host)));
	REFUSED(memset(in[1].note, 'x', sizeof(in[1].note)));
	REFUSED(in[1].time_source = READING_TIME_GNSS);
	REFUSED((in[1].time_source = READING_TIME_NTP, in[1].utc_us = READING_UTC_MAX_US));
	REFUSED(in[1].time_source = (enum reading_time_source)5);
	REFUSED(in[1].n_temperatures = 65);
	REFUSED((in[1].n_temperatures = 1, in[1].temperatures[0].quality = DS18B20_QUALITY_COUNT));
#undef REFUSED
}

static void a_text_that_is_not_utf8_is_sent_up_to_its_first_bad_byte(void **state)
{
	static const struct {
		const char *text, *sent;
	} cases[] = {
		{ "caf\xc3\xa9", "caf\xc3\xa9" }, { "cut \xe2\x82", "cut " },	{ "\xc0\x80", "" },
		{ "a\xed\xa0\x80", "a" },	  { "b\xf5\x80\x80\x80", "b" }, { "c\x80", "c" },
		{ "d\xf0\x80\x80\x80", "d" },	  { "e\xf4\x90\x80\x80", "e" },
	};
	struct senml_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t f = 0; f < 2; f++) {
			int n;

			reading_init(&in[0]);
			strcpy(in[0].device, "urn:dev:mac:b827ebfffe123456");
			in[0].epoch = in[0].seq = 1;
			strcpy(in[0].note, cases[i].text);
			n = senml_encode(formats[f], in, 1, buffer, sizeof(buffer), NULL);
			assert_int_equal(senml_decode(formats[f], buffer, (size_t)n, out, 1, &err),
					 1);
			assert_string_equal(out[0].note, cases[i].sent);
		}
	}
}

static void acks_come_back_equal_in_both_formats(void **state)
{
	struct reading_ack acks[5] = {
		{ "urn:dev:mac:b827ebfffe123456", 1, 0 },
		{ "urn:dev:mac:b827ebfffe123456", 2, UINT64_MAX },
		{ "urn:dev:ops:32473-pi_2", UINT64_MAX, 17 },
		{ "urn:dev:x", UINT64_C(0x0123456789abcdef), 4711 },
		{ "urn:dev:x", UINT64_C(0x0123456789abcdef), 4711 },
	}, back[5];
	struct senml_error err;

	(void)state;
	for (size_t f = 0; f < 2; f++) {
		int n = senml_encode_acks(formats[f], acks, 5, buffer, sizeof(buffer));

		assert_true(n > 0);
		assert_int_equal(senml_encode_acks(formats[f], acks, 5, other, (size_t)n), n);
		assert_int_equal(senml_encode_acks(formats[f], acks, 5, other, (size_t)n - 1),
				 -ENOSPC);
		assert_int_equal(senml_decode_acks(formats[f], buffer, (size_t)n, back, 5, &err),
				 5);
		for (unsigned i = 0; i < 5; i++) {
			assert_string_equal(back[i].device, acks[i].device);
			assert_true(back[i].epoch == acks[i].epoch);
			assert_true(back[i].complete == acks[i].complete);
		}
		assert_int_equal(senml_decode_acks(formats[f], buffer, (size_t)n, back, 4, &err),
				 -E2BIG);
		for (int cut = 0; cut < n; cut++) {
			assert_int_equal(
				senml_decode_acks(formats[f], buffer, (size_t)cut, back, 5, &err),
				-EBADMSG);
		}
		assert_int_equal(senml_encode_acks(formats[f], acks, 0, buffer, sizeof(buffer)),
				 -EINVAL);
		/* A pack of readings is no acknowledgement: its epochs have no "complete". */
		in[0] = (struct reading){ .device = "urn:dev:x", .epoch = 1, .seq = 1 };
		n = senml_encode(formats[f], in, 1, buffer, sizeof(buffer), NULL);
		assert_int_equal(senml_decode_acks(formats[f], buffer, (size_t)n, back, 5, &err),
				 -EBADMSG);
	}
	strcpy(buffer, "[{\"bn\":\"urn:dev:x_\",\"n\":\"epoch\",\"vs\":\"0000000000000001\"},"
		       "{\"n\":\"complete\",\"v\":1},{\"n\":\"complete\",\"v\":1}]");
	assert_int_equal(senml_decode_acks(SENML_JSON, buffer, strlen(buffer), back, 5, &err),
			 -EBADMSG);
	assert_non_null(strstr(err.text, "complete: given twice"));
	acks[1].epoch = 0;
	assert_int_equal(senml_encode_acks(SENML_CBOR, acks, 2, buffer, sizeof(buffer)), -EINVAL);
}

/* Not a test: TEST_SENML_BENCH=N instead prints how fast N readings pass. */
static int bench(unsigned n)
{
	uint64_t seed = 3;

	/* What a node sends: one sensor, a fix, all of the system and health. */
	reading_init(&in[0]);
	strcpy(in[0].device, "urn:dev:mac:b827ebfffe123456");
	in[0].epoch = UINT64_C(0x0123456789abcdef);
	in[0].seq = 123456;
	in[0].utc_us = INT64_C(1795459200123456);
	in[0].time_source = READING_TIME_GNSS;
	in[0].time_acc_ns = 30;
	in[0].boot_ns = UINT64_C(86400123456789);
	for (unsigned i = 0; i < READING_SCALAR_COUNT; i++) {
		reading_scalar_put(&in[0], (enum reading_scalar)i, 7 + (int64_t)i * 5);
	}
	strcpy(in[0].host, "pi");
	strcpy(in[0].version, "0.1");
	in[0].n_temperatures = 1;
	random_temperature(&seed, &in[0].temperatures[0]);
	for (size_t f = 0; f < 2; f++) {
		struct senml_error err;
		clock_t start = clock();
		int size = 0;
		double s;

		for (unsigned i = 0; i < n; i++) {
			size = senml_encode(formats[f], in, 1, buffer, sizeof(buffer), NULL);
		}
		s = (double)(clock() - start) / CLOCKS_PER_SEC;
		printf("format %d: %d bytes, encode %.0f/s", (int)formats[f], size, n / s);
		start = clock();
		for (unsigned i = 0; i < n; i++) {
			senml_decode(formats[f], buffer, (size_t)size, out, 1, &err);
		}
		s = (double)(clock() - start) / CLOCKS_PER_SEC;
		printf(", decode %.0f/s\n", n / s);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_readings_come_back_equal_in_both_formats),
		cmocka_unit_test(a_reading_translated_between_the_formats_is_written_the_same),
		cmocka_unit_test(the_largest_reading_fits_the_stated_bound),
		cmocka_unit_test(a_pack_takes_as_many_readings_as_fit_and_never_part_of_one),
		cmocka_unit_test(a_pack_may_hold_tens_of_thousands_of_records),
		cmocka_unit_test(packs_of_one_are_joined_to_the_bytes_of_one_pack_of_all),
		cmocka_unit_test(what_is_no_pack_is_not_joined),
		cmocka_unit_test(what_is_no_reading_is_not_encoded),
		cmocka_unit_test(a_text_that_is_not_utf8_is_sent_up_to_its_first_bad_byte),
		cmocka_unit_test(acks_come_back_equal_in_both_formats),
	};

	if (getenv("TEST_SENML_BENCH") != NULL) {
		return bench((unsigned)atoi(getenv("TEST_SENML_BENCH")));
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
