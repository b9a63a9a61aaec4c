// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "ds18b20_identify.h"

#include <string.h>

#include "w1_error.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
/* Family A3 answers polls from 1 ms on. */
#define AT_ONCE (1 * MS)
#define TRIES 30 /* for operations of several transactions */
#define POLL_EVERY (1 * MS)
#define LONGEST (1000 * MS)

static uint64_t now(const struct w1_bus *bus)
{
	return bus->slots.line.ops->now_ns(bus->slots.line.ctx);
}

static void sleep_until(struct w1_bus *bus, uint64_t when)
{
	w1_slots_sleep(&bus->slots, when);
}

static int command(struct w1_bus *bus, const struct ds18b20_evidence *e, const uint8_t *tx,
		   size_t len)
{
	const struct w1_transaction t = { .rom = e->rom, .tx = tx, .tx_len = len };

	return w1_bus_transact(bus, &t, NULL);
}

static int read_scratchpad(struct w1_bus *bus, const struct ds18b20_evidence *e, uint8_t *sp)
{
	const uint8_t tx = DS18B20_READ_SCRATCHPAD;
	const struct w1_transaction t = { .rom = e->rom,
					  .tx = &tx,
					  .tx_len = 1,
					  .rx = sp,
					  .rx_len = DS18B20_SCRATCHPAD_SIZE,
					  .crc = true };

	return w1_bus_transact(bus, &t, NULL);
}

/* Ordinary bytes to TH, TL and configuration, and two more that a genuine device ignores; then the
 * scratchpad. */
static int write_read(struct w1_bus *bus, const struct ds18b20_evidence *e, const uint8_t *three,
		      bool five, uint8_t *sp)
{
	const uint8_t tx[6] = { DS18B20_WRITE_SCRATCHPAD, three[0], three[1], three[2], 0xa5, 0x5a };
	int code = command(bus, e, tx, five ? 6 : 4);

	return code != 0 ? code : read_scratchpad(bus, e, sp);
}

static int read_power(struct w1_bus *bus, struct ds18b20_evidence *e)
{
	const uint8_t tx = DS18B20_READ_POWER_SUPPLY;
	int code = W1_EVIOLATION;

	for (unsigned attempt = 0; attempt < TRIES && code < 0; attempt++) {
		code = command(bus, e, &tx, 1);
		if (code == 0) {
			code = w1_bus_read_bit(bus);
		}
		if (code < 0 && !w1_bus_may_retry(bus, code, attempt)) {
			break;
		}
	}
	e->parasite = code == 0;
	return code < 0 ? code : 0;
}

/*
 * A violated poll lost only its bit if every device saw one slot. Otherwise it may have been a
 * reset, after which the device does not answer polls: the conversion is timed again.
 */
static int time_once(struct w1_bus *bus, struct ds18b20_evidence *e, uint32_t *us)
{
	const uint8_t tx = DS18B20_CONVERT_T;
	int code = command(bus, e, &tx, 1);
	uint64_t start = now(bus);
	bool busy = false;

	*us = 0;
	if (code != 0) {
		return code;
	}
	do {
		int level = w1_bus_read_bit(bus);

		if (level < 0 && !(level == W1_EVIOLATION && bus->slots.counted)) {
			return level;
		}
		busy = busy || level == 0;
		e->busy_at_once = e->busy_at_once || (level == 0 && now(bus) - start < AT_ONCE);
		if (busy && level == 1) {
			*us = (uint32_t)((now(bus) - start) / US);
		} else {
			sleep_until(bus, now(bus) + POLL_EVERY);
		}
	} while (*us == 0 && now(bus) - start < LONGEST);
	e->busy_seen = e->busy_seen || busy;
	return 0;
}

static int time_conversion(struct w1_bus *bus, struct ds18b20_evidence *e, unsigned which)
{
	int code = W1_EVIOLATION;

	for (unsigned attempt = 0;
	     attempt < TRIES && code != 0 && w1_bus_may_retry(bus, code, attempt); attempt++) {
		code = time_once(bus, e, &e->conversion_us[which]);
	}
	return code != 0 ? code : read_scratchpad(bus, e, e->converted[which]);
}

static int examine(struct w1_bus *bus, struct ds18b20_evidence *e, const uint8_t *before)
{
	const uint8_t low[3] = { before[2], before[3], 0x00 },
		      high[3] = { before[2], before[3], 0xff };
	const uint8_t twelve[3] = { before[2], before[3], 0x7f },
		      nine[3] = { before[2], before[3], 0x1f };
	uint8_t sp[DS18B20_SCRATCHPAD_SIZE];
	int code = write_read(bus, e, low, false, sp);

	if (code == 0) {
		e->config_00 = sp[4];
		e->byte6_written = sp[6] != before[6];
		code = write_read(bus, e, high, false, sp);
	}
	if (code == 0) {
		e->config_ff = sp[4];
		e->byte6_written = e->byte6_written || sp[6] != before[6];
		code = write_read(bus, e, twelve, true, sp);
	}
	if (code == 0) {
		e->byte6_written = e->byte6_written || memcmp(&sp[5], &before[5], 3) != 0;
		code = time_conversion(bus, e, 0);
	}
	if (code == 0) {
		code = write_read(bus, e, nine, false, sp);
	}
	return code != 0 ? code : time_conversion(bus, e, 1);
}

int ds18b20_examine(struct w1_bus *bus, const uint8_t rom[W1_ROM_SIZE], struct ds18b20_evidence *e)
{
	uint8_t before[DS18B20_SCRATCHPAD_SIZE], after[DS18B20_SCRATCHPAD_SIZE];
	int code, restored;

	memset(e, 0, sizeof *e);
	memcpy(e->rom, rom, W1_ROM_SIZE);
	code = read_power(bus, e);
	if (code == 0) {
		code = read_scratchpad(bus, e, before);
	}
	if (code != 0 || e->parasite || rom[0] != DS18B20_FAMILY) {
		return code;
	}
	code = examine(bus, e, before);
	restored = write_read(bus, e, &before[2], false, after);
	return code != 0 ? code : restored;
}

static bool within(uint32_t us, unsigned from_ms, unsigned to_ms)
{
	return us >= from_ms * 1000 && us <= to_ms * 1000;
}

static bool byte6_is(const struct ds18b20_evidence *e, unsigned from)
{
	/* At 9 bit the undefined low bits have any value: the rule holds for the bytes as sent. */
	return e->converted[0][6] == from - (e->converted[0][0] & 0x0f) &&
	       e->converted[1][6] == from - (e->converted[1][0] & 0x0f);
}

/* The marks, most certain first; NULL: none. */
static const char *clone_family(const struct ds18b20_evidence *e, const bool *pass)
{
	const uint8_t *sp = e->converted[0];
	uint32_t twelve = e->conversion_us[0], nine = e->conversion_us[1];

	if (sp[7] != 0x10 || sp[5] != 0xff) {
		return e->byte6_written		? (e->rom[1] == 0xff ? "B2" : "B1")
		       : within(twelve, 1, 100) ? "D1"
						: "D2";
	}
	if (e->byte6_written) {
		return e->rom[1] == 0xff ? "B2" : "B1";
	}
	if (!e->busy_seen) {
		return "F";
	}
	if (e->config_00 == 0x7f) {
		return "C";
	}
	if (byte6_is(e, 0x20)) {
		return "G";
	}
	if (within(twelve, 1, 60)) {
		return "E";
	}
	/* Three bits: times 8 where each doubles, 2.8 in family H. */
	if (within(twelve, 200, 330) && nine * 4 > twelve) {
		return "H";
	}
	if (within(twelve, 300, 530)) {
		return "A2";
	}
	if (!e->busy_at_once) {
		return "A3";
	}
	return e->rom[6] != 0 && pass[DS18B20_CHECK_BYTE6] && pass[DS18B20_CHECK_TIME] ? "B1v2"
										       : NULL;
}

void ds18b20_identify(const struct ds18b20_evidence *e, struct ds18b20_identity *identity)
{
	const uint8_t *sp = e->converted[0];
	bool *pass;

	memset(identity, 0, sizeof *identity);
	pass = identity->pass;
	identity->family = "";
	identity->verdict = DS18B20_INCONCLUSIVE;
	if (e->parasite || e->rom[0] != DS18B20_FAMILY) {
		return;
	}
	pass[DS18B20_CHECK_ROM] = e->rom[5] == 0 && e->rom[6] == 0;
	pass[DS18B20_CHECK_RESERVED] = sp[5] == 0xff && sp[7] == 0x10;
	pass[DS18B20_CHECK_BYTE6] = byte6_is(e, 0x10);
	pass[DS18B20_CHECK_WRITE] = !e->byte6_written;
	pass[DS18B20_CHECK_CONFIG] = e->config_00 == 0x1f && e->config_ff == 0x7f;
	pass[DS18B20_CHECK_POLL] = e->busy_at_once;
	pass[DS18B20_CHECK_TIME] = within(e->conversion_us[0], 540, 665);
	/* 9 bit takes an eighth; polls are at most 3 ms apart. */
	pass[DS18B20_CHECK_DOUBLING] = e->conversion_us[1] * 7 < e->conversion_us[0] + 30000 &&
				       e->conversion_us[1] * 9 >
					       e->conversion_us[0] - e->conversion_us[0] / 10;
	for (int i = 0; i < DS18B20_CHECK_COUNT; i++) {
		identity->passed += pass[i];
	}
	if (identity->passed == DS18B20_CHECK_COUNT) {
		identity->verdict = DS18B20_GENUINE;
		identity->family = "A1";
		return;
	}
	identity->family = clone_family(e, pass);
	identity->verdict = identity->family != NULL ? DS18B20_CLONE : DS18B20_CLONE_UNKNOWN;
	if (identity->family == NULL) {
		identity->family = "";
	}
}

const char *ds18b20_verdict_text(enum ds18b20_verdict verdict)
{
	switch (verdict) {
	case DS18B20_GENUINE:
		return "consistent with genuine";
	case DS18B20_CLONE:
		return "clone, family";
	case DS18B20_CLONE_UNKNOWN:
		return "clone, family unknown";
	default:
		return "inconclusive (parasite power or not a DS18B20)";
	}
}
