// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_scratchpad.h"

#include <string.h>

#include "w1_error.h"
#include "w1_search.h"

#define MS UINT64_C(1000000)
/* 4Eh with bits 1 and 2 misread is 48h, Copy Scratchpad. */
#define WRITE_NOT_COPY 0x02
#define READS_IN_DOUBT 6 /* until two in a row agree */

/* All ones: no device pulled the line, and another one gave the presence pulse. */
static int read_once(struct w1_bus *bus, const uint8_t *rom, uint8_t *sp, unsigned *retries)
{
	static const uint8_t ones[DS18B20_SCRATCHPAD_SIZE] = { 0xff, 0xff, 0xff, 0xff, 0xff,
							       0xff, 0xff, 0xff, 0xff };
	const uint8_t command = DS18B20_READ_SCRATCHPAD;
	const struct w1_transaction t = { .rom = rom,
					  .tx = &command,
					  .tx_len = 1,
					  .rx = sp,
					  .rx_len = DS18B20_SCRATCHPAD_SIZE,
					  .crc = true };
	int code = w1_bus_transact(bus, &t, retries);

	return code == W1_EDUPLICATE && memcmp(sp, ones, sizeof ones) == 0 ? W1_ENOPRESENCE : code;
}

int w1_scratchpad_read(struct w1_bus *bus, const uint8_t rom[W1_ROM_SIZE], uint32_t troubles,
		       uint8_t sp[DS18B20_SCRATCHPAD_SIZE], unsigned *retries)
{
	uint8_t before[DS18B20_SCRATCHPAD_SIZE];
	int code = read_once(bus, rom, sp, retries);

	for (unsigned i = 0; code == 0 && bus->troubles != troubles && i < READS_IN_DOUBT; i++) {
		memcpy(before, sp, sizeof before);
		code = read_once(bus, rom, sp, retries);
		if (code == 0 && memcmp(before, sp, sizeof before) == 0) {
			return 0;
		}
	}
	return code != 0 || bus->troubles == troubles ? code : W1_ECRC;
}

bool w1_scratchpad_needs_arming(const struct w1_device *d)
{
	return !d->past.armed && !(d->past.plain && d->past.constants_known);
}

/* What comes back after a loss of power, and a sentinel that differs from it. */
static int recall(struct w1_bus *bus, struct w1_device *d, uint8_t *sp)
{
	const uint8_t command = DS18B20_RECALL;
	const struct w1_transaction t = { .rom = d->rom, .tx = &command, .tx_len = 1 };
	int code = w1_bus_transact(bus, &t, NULL);

	if (code == 0) {
		w1_slots_sleep(&bus->slots, bus->slots.line.ops->now_ns(bus->slots.line.ctx) + MS);
		code = read_once(bus, d->rom, sp, NULL);
	}
	if (code == 0) {
		ds18b20_sentinel(&sp[2], d->past.alarm);
		d->recalled = true;
	}
	return code;
}

/* Writes TH, TL and the configuration of sp to RAM, and reads all back into sp. */
static int write_registers(struct w1_bus *bus, const struct w1_device *d, uint8_t *sp)
{
	const uint8_t tx[4] = { DS18B20_WRITE_SCRATCHPAD, sp[2], sp[3], sp[4] };
	const struct w1_transaction t = { .rom = d->rom,
					  .tx = tx,
					  .tx_len = d->rom[0] == DS18S20_FAMILY ? 3 : 4,
					  .sure = WRITE_NOT_COPY };
	int code = w1_bus_transact(bus, &t, NULL);

	return code != 0 ? code : read_once(bus, d->rom, sp, NULL);
}

int w1_scratchpad_arm(struct w1_bus *bus, struct w1_device *d, unsigned bits)
{
	unsigned before = d->resolution_bits;
	uint8_t sp[DS18B20_SCRATCHPAD_SIZE] = { 0 };
	int code = read_once(bus, d->rom, sp, NULL);

	if (code != 0) {
		return code;
	}
	d->past.plain = ds18b20_is_max318xx(d->rom[0], sp);
	if (d->power != W1_POWER_CONTRADICTS) {
		d->unheard = 0; /* it may have been exchanged for one that can be polled */
	}
	if (!d->past.plain) {
		code = d->recalled ? 0 : recall(bus, d, sp);
		if (code != 0) {
			return code;
		}
		memcpy(&sp[2], d->past.alarm, 2);
		if (bits != 0) {
			sp[4] = (uint8_t)(0x1f | (bits - 9) << 5);
		}
		code = write_registers(bus, d, sp);
		if (code != 0) {
			return code;
		}
		d->past.armed = sp[2] == d->past.alarm[0] && sp[3] == d->past.alarm[1];
		d->resolution_bits =
			d->rom[0] == DS18S20_FAMILY ? 9 : (uint8_t)(9 + ((sp[4] >> 5) & 3));
		d->took_us = d->resolution_bits == before ? d->took_us : 0;
	}
	ds18b20_remember(&d->past, sp);
	return 0;
}

int w1_scratchpad_check_single(struct w1_bus *bus, struct w1_device *d,
			       const uint8_t sp[DS18B20_SCRATCHPAD_SIZE])
{
	uint8_t other[DS18B20_SCRATCHPAD_SIZE];
	int code;

	memcpy(other, sp, sizeof other);
	if (ds18b20_is_turned(d->past.alarm)) {
		return 0; /* the next time */
	}
	ds18b20_other_sentinel(d->past.alarm, &other[2]);
	code = write_registers(bus, d, other);
	if (code != 0) {
		d->past.armed = false;
		return code;
	}
	memcpy(d->past.alarm, &other[2], 2);
	d->single = memcmp(sp, other, 2) == 0 && memcmp(&sp[4], &other[4], 4) == 0;
	return d->single ? 0 : W1_EDUPLICATE;
}

int w1_scratchpad_turn(struct w1_bus *bus, struct w1_device *d, bool *expected)
{
	uint8_t sp[DS18B20_SCRATCHPAD_SIZE] = { 0 };
	int flag = w1_search_has_alarm(bus, d->rom), code;

	if (flag < 0) {
		return flag;
	}
	*expected = flag == 0;
	if (ds18b20_is_turned(d->past.alarm) == *expected) {
		return 0;
	}
	code = read_once(bus, d->rom, sp, NULL);
	if (code != 0 || memcmp(&sp[2], d->past.alarm, 2) != 0) {
		return code; /* its sentinel is gone: that will show */
	}
	ds18b20_turn(&sp[2]);
	memcpy(d->past.alarm, &sp[2], 2);
	code = write_registers(bus, d, sp);
	d->past.armed = code == 0 && memcmp(&sp[2], d->past.alarm, 2) == 0;
	return code;
}
