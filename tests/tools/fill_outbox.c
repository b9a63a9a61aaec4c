// SPDX-License-Identifier: BSD-2-Clause
/* fill_outbox PATH DEVICE READINGS SENSORS [undated]: an outbox with a backlog, as a node without a
 * server leaves it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpio-w1/w1_crc.h"
#include "userspace/node/outbox.h"
#include "userspace/node/system_facts.h"

/* As full as a real one: position, system, and so many sensors. */
static void make(struct reading *r, const char *device, unsigned i, unsigned sensors, bool dated)
{
	reading_init(r);
	snprintf(r->device, sizeof(r->device), "%s", device);
	system_facts_fill("", r);
	r->boot_ns = UINT64_C(1000000000) * (i + 1);
	if (dated) {
		r->utc_us = INT64_C(1795459200000000) + INT64_C(1000000) * i;
		r->time_source = READING_TIME_GNSS;
		r->time_acc_ns = 30;
	}
	reading_scalar_put(r, READING_LAT, -276004400 + (int)i);
	reading_scalar_put(r, READING_LON, -485188400 + (int)i);
	reading_scalar_put(r, READING_ALT, 12345);
	reading_scalar_put(r, READING_HACC, 2500);
	reading_scalar_put(r, READING_NUM_SV, 9);
	reading_scalar_put(r, READING_FIX_TYPE, 3);
	r->n_temperatures = (uint8_t)sensors;
	for (unsigned s = 0; s < sensors; s++) {
		struct thermometer_sample *t = &r->temperatures[s];
		const uint8_t rom[8] = { 0x28, (uint8_t)s, 0x4b, 0x46, 0x01, 0x16, 0x03 };
		const int16_t raw = (int16_t)(320 + (i + s) % 160);
		const uint8_t scratchpad[9] = {
			(uint8_t)raw, (uint8_t)(raw >> 8), 0x4b, 0x46, 0x7f, 0xff, 0x0c, 0x10
		};

		memcpy(t->rom, rom, sizeof(rom));
		t->rom[7] = w1_crc8(t->rom, 7);
		memcpy(t->scratchpad, scratchpad, sizeof(scratchpad));
		t->scratchpad[8] = w1_crc8(t->scratchpad, 8);
		t->scratchpad_known = true;
		t->temp_known = true;
		t->temp_mc = (raw * 625 + 5) / 10;
		t->resolution_bits = 12;
	}
}

int main(int argc, char **argv)
{
	struct outbox_config config = { .max_rows = 10000000,
					.max_bytes = UINT64_C(10000000000),
					.sync_ms = 60000 };
	struct outbox *outbox;
	char err[600];

	if (argc != 5 && (argc != 6 || strcmp(argv[5], "undated") != 0)) {
		fprintf(stderr, "usage: fill_outbox PATH DEVICE READINGS SENSORS [undated]\n");
		return 2;
	}
	config.path = argv[1];
	config.boot = system_facts_boot("");
	if (outbox_open(&outbox, &config, err, sizeof(err)) != 0) {
		fprintf(stderr, "fill_outbox: %s\n", err);
		return 1;
	}
	for (unsigned i = 0; i < (unsigned)atoi(argv[3]); i++) {
		struct reading r;

		make(&r, argv[2], i, (unsigned)atoi(argv[4]), argc == 5);
		if (outbox_put(outbox, &r) != 0) {
			fprintf(stderr, "fill_outbox: %s\n", outbox_reason(outbox));
			return 1;
		}
	}
	outbox_close(outbox);
	return 0;
}
