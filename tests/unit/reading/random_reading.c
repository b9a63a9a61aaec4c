// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "random_reading.h"

#include <string.h>

uint64_t random_u64(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t random_below(uint64_t *seed, uint64_t n)
{
	return random_u64(seed) % n;
}

uint64_t random_bits(uint64_t *seed, unsigned bits)
{
	uint64_t all = UINT64_MAX >> (64 - bits);

	switch (random_below(seed, 8)) {
	case 0:
		return 0;
	case 1:
		return all;
	case 2:
		return UINT64_C(1) << (bits - 1);
	case 3:
		return all >> 1;
	case 4:
		return random_below(seed, 100);
	default:
		return random_u64(seed) & all;
	}
}

static void random_text(uint64_t *seed, char *text, size_t size)
{
	static const char *const pieces[] = {
		"a",
		"Pi",
		" ",
		"\"",
		"\\",
		"/",
		"\n",
		"\x01",
		"\x7f",
		"\xc3\xa9",
		"\xe2\x82\xac",
		"\xf0\x9f\x8c\xa1",
		"\xed\x9f\xbf",
		"[1]",
		"-2.5e3",
		"{",
		"null",
		",",
	};
	size_t wish = random_below(seed, 3) == 0 ? 0 : random_below(seed, size);

	for (text[0] = '\0'; wish > 0; wish--) {
		const char *piece = pieces[random_below(seed, sizeof(pieces) / sizeof(pieces[0]))];

		if (strlen(text) + strlen(piece) < size) {
			strcat(text, piece);
		}
	}
}

void random_temperature(uint64_t *seed, struct thermometer_sample *t)
{
	memset(t, 0, sizeof(*t));
	t->rom[0] = 0x28;
	for (unsigned i = 1; i < 7; i++) {
		t->rom[i] = (uint8_t)random_u64(seed);
	}
	t->rom[7] = w1_crc8(t->rom, 7);
	t->scratchpad_known = random_below(seed, 4) != 0;
	for (unsigned i = 0; t->scratchpad_known && i < 9; i++) {
		t->scratchpad[i] = (uint8_t)random_u64(seed);
	}
	t->temp_known = random_below(seed, 4) != 0;
	if (t->temp_known) {
		int64_t x10 = 625 * (int16_t)random_bits(seed, 16);

		t->temp_mc = (int32_t)((x10 + (x10 < 0 ? -5 : 5)) / 10);
	}
	t->resolution_bits = (uint8_t)random_bits(seed, 8);
	t->retries = (uint8_t)random_bits(seed, 8);
	t->quality = (enum ds18b20_quality)random_below(seed, DS18B20_QUALITY_COUNT);
}

void random_reading(uint64_t *seed, struct reading *r)
{
	static const char *const devices[] = {
		"urn:dev:mac:b827ebfffe123456",
		"urn:dev:ops:32473-pi-00_left",
		"urn:dev:x",
		"urn:dev:ow:28ff4b4601160337",
		"urn:dev:org:32473-abcdefghijklmnopqrstuvwxyz0123456789"
		"abcdefghijklmnopqrstuvwxyz0123456789abcd",
	};

	reading_init(r);
	strcpy(r->device, devices[random_below(seed, sizeof(devices) / sizeof(devices[0]))]);
	r->epoch = random_bits(seed, 64) | 1;
	r->seq = random_bits(seed, 64);
	r->seq += r->seq == 0;
	r->time_source = (enum reading_time_source)random_below(seed, READING_TIME_SERVER + 1);
	if (r->time_source != READING_TIME_NONE) {
		r->utc_us = READING_UTC_MIN_US +
			    (int64_t)random_below(seed, READING_UTC_MAX_US - READING_UTC_MIN_US);
	}
	r->time_acc_ns = random_bits(seed, 64);
	r->boot_ns = random_bits(seed, 64);
	for (unsigned i = 0; i < READING_SCALAR_COUNT; i++) {
		uint64_t bits = random_bits(seed, 8 * reading_scalars[i].size);
		unsigned unused = 64 - 8 * reading_scalars[i].size;

		if (random_below(seed, 3) != 0) {
			reading_scalar_put(r, (enum reading_scalar)i,
					   reading_scalars[i].is_signed
						   ? (int64_t)(bits << unused) >> unused
						   : (int64_t)bits);
		}
	}
	random_text(seed, r->host, sizeof(r->host));
	random_text(seed, r->version, sizeof(r->version));
	random_text(seed, r->note, sizeof(r->note));
	r->n_temperatures = (unsigned)(random_below(seed, 8) == 0 ? random_below(seed, 65)
								  : random_below(seed, 4));
	for (unsigned i = 0; i < r->n_temperatures; i++) {
		random_temperature(seed, &r->temperatures[i]);
	}
}
