// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_cycle.h"

#include <string.h>

#include "w1_error.h"
#include "w1_search.h"

#define MS UINT64_C(1000000)

/* Clones of family A3 answer polls only 1 ms after Convert T; all genuine parts are still busy
 * then. */
#define FIRST_POLL (2 * MS)
#define CONVERT_OVERDUE 2
#define POLL_EVERY (10 * MS)
#define POLL_SLOTS 8
/* Clones take up to 728 ms of the datasheet's 750 (12 bit); a tenth on top for a weak supply. */
#define CONVERSION_SLACK(us) ((us) / 10)
#define CONVERT_TRIES 3 /* of a command that was sent right and yet not taken */
#define ROUNDS 3 /* conversions, where power was lost to a low of ours */
#define FORGET_AFTER 3 /* cycles without an answer and not found by a search */

void w1_cycle_init(struct w1_cycle *c, struct w1_line line,
		   const struct w1_resolutions *resolutions, unsigned search_every)
{
	memset(c, 0, sizeof *c);
	w1_bus_init(&c->bus, line, 0);
	if (resolutions != NULL) {
		c->resolutions = *resolutions;
	}
	c->search_every = search_every != 0 ? search_every : 10;
}

static uint64_t now(const struct w1_cycle *c)
{
	return c->bus.slots.line.ops->now_ns(c->bus.slots.line.ctx);
}

static void sleep_until(struct w1_cycle *c, uint64_t when)
{
	w1_slots_sleep(&c->bus.slots, when);
}

static struct w1_device *find(struct w1_cycle *c, const uint8_t *rom)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (memcmp(c->device[i].rom, rom, W1_ROM_SIZE) == 0) {
			return &c->device[i];
		}
	}
	return NULL;
}

/* Forgets those that a whole search did not find and that have not answered for a while. */
static void forget_missing(struct w1_cycle *c, const bool *found)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < c->n; i++) {
		if (found[i] || c->device[i].missed < FORGET_AFTER) {
			c->device[kept++] = c->device[i];
		}
	}
	c->n = kept;
}

/*
 * Two slots in a row that agree: 0 (busy, or parasite power) or 1, or an error. Noise in one must
 * neither end a conversion early nor hide that there is none. After a violation that was perhaps a
 * reset nobody answers polls any more; a shorter one cost only a bit.
 */
static int poll(struct w1_cycle *c)
{
	int before, level = -1;

	for (int i = 0; i < POLL_SLOTS; i++) {
		before = level;
		level = w1_bus_read_bit(&c->bus);
		if ((level == W1_EVIOLATION && !c->bus.slots.counted) ||
		    (level >= 0 && level == before)) {
			return level;
		}
	}
	return level < 0 ? level : W1_EECHO;
}

static int read_power(struct w1_cycle *c)
{
	const uint8_t command = DS18B20_READ_POWER_SUPPLY;
	const struct w1_transaction t = { .tx = &command, .tx_len = 1 };

	for (unsigned attempt = 0;; attempt++) {
		int code = w1_bus_transact(&c->bus, &t, NULL);

		if (code == 0) {
			code = poll(c);
		}
		if (code >= 0) {
			c->parasite = code == 0;
			return 0;
		}
		if (!w1_bus_may_retry(&c->bus, code, attempt)) {
			return code;
		}
	}
}

static int search(struct w1_cycle *c)
{
	struct w1_search s;
	bool found[W1_CYCLE_DEVICES] = { false };
	int code;

	c->searched_whole = false;
	w1_search_init(&s);
	while ((code = w1_search_next(&s, &c->bus)) == 1) {
		struct w1_device *d = find(c, s.rom);

		if (!ds18b20_is_thermometer(s.rom[0])) {
			continue;
		}
		if (d == NULL && c->n < W1_CYCLE_DEVICES) {
			d = &c->device[c->n++];
			memset(d, 0, sizeof *d);
			memcpy(d->rom, s.rom, W1_ROM_SIZE);
			c->pollable = false;
		}
		if (d != NULL) {
			found[d - c->device] = true;
		}
	}
	if (code < 0) {
		return code;
	}
	c->searched_whole = true;
	forget_missing(c, found);
	return c->n > 0 ? read_power(c) : W1_ENOPRESENCE;
}

static int read_scratchpad(struct w1_cycle *c, const uint8_t *rom, uint8_t *sp, unsigned *retries)
{
	const uint8_t command = DS18B20_READ_SCRATCHPAD;
	const struct w1_transaction t = { .rom = rom,
					  .tx = &command,
					  .tx_len = 1,
					  .rx = sp,
					  .rx_len = DS18B20_SCRATCHPAD_SIZE,
					  .crc = true };

	return w1_bus_transact(&c->bus, &t, retries);
}

static bool needs_arming(const struct w1_device *d)
{
	return !d->past.armed && !(d->plain && d->past.constants_known);
}

/*
 * The sentinel, and the wanted resolution, into RAM; read back. An error is the bus's; that a
 * sensor can't be armed is none.
 */
static int arm(struct w1_cycle *c, struct w1_device *d)
{
	const unsigned bits = w1_resolution_bits(&c->resolutions, d->rom);
	uint8_t sp[DS18B20_SCRATCHPAD_SIZE];
	uint8_t tx[4] = { DS18B20_WRITE_SCRATCHPAD, DS18B20_SENTINEL_TH, DS18B20_SENTINEL_TL, 0 };
	struct w1_transaction t = { .rom = d->rom,
				    .tx = tx,
				    .tx_len = d->rom[0] == DS18S20_FAMILY ? 3 : 4 };

	int code = read_scratchpad(c, d->rom, sp, NULL);

	if (code != 0) {
		return code;
	}
	d->plain = ds18b20_is_max318xx(d->rom[0], sp);
	if (!d->plain) {
		tx[3] = sp[4];
		if (bits != 0) {
			tx[3] = (uint8_t)(0x1f | (bits - 9) << 5);
		}
		code = w1_bus_transact(&c->bus, &t, NULL);
		if (code == 0) {
			code = read_scratchpad(c, d->rom, sp, NULL);
		}
		if (code != 0) {
			return code;
		}
		d->past.alarm[0] = tx[1];
		d->past.alarm[1] = tx[2];
		d->past.armed = sp[2] == tx[1] && sp[3] == tx[2];
		d->resolution_bits =
			d->rom[0] == DS18S20_FAMILY ? 9 : (uint8_t)(9 + ((sp[4] >> 5) & 3));
	}
	ds18b20_remember(&d->past, sp);
	return 0;
}

static uint32_t conversion_us(const struct w1_cycle *c)
{
	uint32_t longest = 0;

	for (unsigned i = 0; i < c->n; i++) {
		uint32_t us =
			ds18b20_conversion_us(c->device[i].rom[0], c->device[i].resolution_bits);

		longest = us > longest ? us : longest;
	}
	return longest;
}

/* It takes much the same time each time: most of it is slept through. */
static uint64_t next_poll(const struct w1_cycle *c, uint64_t start)
{
	uint64_t usual = start + c->took_ns - c->took_ns / 16, soon = now(c) + POLL_EVERY;

	return usual > soon ? usual : soon;
}

/*
 * One Convert T, for all or for one. 1: seen busy and done; 0: the time has passed, with no proof
 * (parasite power, or a clone that can't be polled); CONVERT_OVERDUE: the time has passed and
 * somebody is still busy, so what it holds is old (a weak supply makes it slow); W1_ECONVERT: not
 * taken; or an error.
 */
static int convert_once(struct w1_cycle *c, const uint8_t *rom)
{
	const uint8_t command = DS18B20_CONVERT_T;
	const struct w1_transaction t = {
		.rom = rom, .tx = &command, .tx_len = 1, .power = c->parasite
	};
	uint64_t longest = conversion_us(c) * UINT64_C(1000), start, limit;
	int code = w1_bus_transact(&c->bus, &t, NULL);
	bool busy_seen = false;

	if (code != 0) {
		return code;
	}
	start = now(c);
	limit = start + longest + CONVERSION_SLACK(longest);
	if (c->parasite) {
		sleep_until(c, start + longest);
		code = w1_bus_power_off(&c->bus);
		return code;
	}
	sleep_until(c, start + FIRST_POLL);
	for (;;) {
		int level = poll(c);

		if (level == 1 && busy_seen) {
			c->pollable = true;
			c->took_ns = rom == NULL ? now(c) - start : c->took_ns;
			return 1;
		}
		if (level == 1 && c->pollable) {
			return W1_ECONVERT;
		}
		if (level == W1_EVIOLATION && c->bus.slots.counted && now(c) < limit) {
			sleep_until(c, now(c) + POLL_EVERY);
			continue;
		}
		if (level != 0) {
			/*
			 * Done at once: a part that can't be polled, or that did not convert. Or a
			 * violated slot: if it was long enough for a reset, nobody answers polls
			 * any more, and silence reads as done.
			 */
			break;
		}
		busy_seen = true;
		if (now(c) >= limit) {
			return CONVERT_OVERDUE;
		}
		sleep_until(c, rom == NULL ? next_poll(c, start) : now(c) + POLL_EVERY);
	}
	sleep_until(c, start + longest);
	return busy_seen;
}

static int convert(struct w1_cycle *c)
{
	int code = W1_ECONVERT;

	for (int i = 0; i < CONVERT_TRIES && code == W1_ECONVERT; i++) {
		c->bus.retries += i > 0;
		code = convert_once(c, NULL);
	}
	return code;
}

static enum ds18b20_quality quality_of_error(int code)
{
	switch (code) {
	case W1_ENOPRESENCE:
		return DS18B20_ABSENT;
	case W1_ECRC:
		return DS18B20_CRC_FAILED;
	case W1_ECONVERT:
		return DS18B20_NOT_CONVERTED;
	default:
		return DS18B20_BUS_FAILED;
	}
}

/* What is known of it stays: should it come back without power in between, its sentinel is gone. */
static void missed(struct w1_cycle *c, struct w1_device *d)
{
	c->pollable = false; /* it may have been the one that was seen busy */
	if (d->missed < UINT8_MAX) {
		d->missed++;
	}
}

/* proven: the conversion was seen; alone: that of this very sensor. */
static void read_one(struct w1_cycle *c, struct w1_device *d, bool proven, bool alone,
		     struct thermometer_sample *s)
{
	struct ds18b20_value value;
	unsigned retries = 0;
	int code = read_scratchpad(c, d->rom, s->scratchpad, &retries);

	retries += s->retries;
	s->retries = (uint8_t)(retries < 255 ? retries : 255);
	s->scratchpad_known = false;
	if (code != 0 && code != W1_ECRC) {
		s->quality = quality_of_error(code);
		missed(c, d);
		return;
	}
	s->scratchpad_known = true;
	s->quality = ds18b20_decode(d->rom[0], s->scratchpad, &value);
	if (s->quality == DS18B20_BAD_SCRATCHPAD && s->scratchpad[0] == 0xff &&
	    s->scratchpad[8] == 0xff) {
		/* Nobody pulled the line: the sensor is gone, another one gave the presence pulse.
		 */
		s->scratchpad_known = false;
		s->quality = DS18B20_ABSENT;
		missed(c, d);
		return;
	}
	if (s->quality == DS18B20_POWER_ON && d->plain && !alone && convert_once(c, d->rom) == 1) {
		/* 85 degC, and no sentinel to tell it by. Only this one answered those polls: what
		 * it says now it has measured. */
		read_one(c, d, true, true, s);
		return;
	}
	s->quality =
		d->plain && alone && s->quality == DS18B20_POWER_ON
			? DS18B20_OK
			: ds18b20_judge(&d->past, d->rom[0], proven, s->scratchpad, s->quality);
	d->missed = 0;
	if (s->quality == DS18B20_OK) {
		s->temp_known = true;
		s->temp_mc = value.temp_mc;
		s->resolution_bits = value.resolution_bits;
		d->resolution_bits = value.resolution_bits;
	}
}

/* After CONVERT_OVERDUE: each converts again by itself, so that the slow one does not cost the
 * others their reading. */
static void read_overdue(struct w1_cycle *c, struct w1_device *d, struct thermometer_sample *s)
{
	int code = convert_once(c, d->rom);

	if (code < 0) {
		s->quality = quality_of_error(code);
		missed(c, d);
	} else if (code == CONVERT_OVERDUE) {
		s->quality = DS18B20_NOT_CONVERTED;
	} else {
		read_one(c, d, code == 1, true, s);
	}
}

/* Arms, converts and reads those that have no temperature yet. */
static int run_round(struct w1_cycle *c, struct thermometer_sample *samples, uint64_t give_up)
{
	uint64_t begun = now(c);
	int code, unarmed[W1_CYCLE_DEVICES] = { 0 };

	c->bus.give_up_ns = begun + (give_up > begun ? give_up - begun : 0) / 2;
	for (unsigned i = 0; i < c->n; i++) {
		unarmed[i] = needs_arming(&c->device[i]) ? arm(c, &c->device[i]) : 0;
	}
	code = convert(c);
	for (unsigned i = 0; i < c->n; i++) {
		uint64_t at = now(c), left = give_up > at ? give_up - at : 0;

		if (samples[i].temp_known) {
			continue;
		}
		if (code < 0 || unarmed[i] < 0) { /* nothing would tell its power-on value from a
						     temperature */
			samples[i].quality = quality_of_error(code < 0 ? code : unarmed[i]);
			missed(c, &c->device[i]);
		} else if (code == CONVERT_OVERDUE) {
			c->bus.give_up_ns = at + left / (c->n - i);
			read_overdue(c, &c->device[i], &samples[i]);
		} else {
			c->bus.give_up_ns = at + left / (c->n - i);
			read_one(c, &c->device[i], code == 1, false, &samples[i]);
		}
	}
	return code;
}

/* Parasite power is lost by a low that lasts too long; that was our doing, so we convert again. */
static bool lost_power(const struct w1_cycle *c, const struct thermometer_sample *samples)
{
	bool lost = false;

	for (unsigned i = 0; i < c->n; i++) {
		lost = lost || samples[i].quality == DS18B20_POWER_ON;
	}
	return lost && c->parasite;
}

int w1_cycle_run(struct w1_cycle *c, struct thermometer_sample *samples, unsigned *n)
{
	uint64_t give_up = now(c) + W1_CYCLE_PATIENCE_NS;
	int code = 0;

	c->bus.give_up_ns = give_up - W1_CYCLE_PATIENCE_NS / 2;
	if (c->n == 0 || !c->searched_whole || c->cycles % c->search_every == 0) {
		code = search(c);
	}
	c->cycles++;
	*n = c->n;
	memset(samples, 0, sizeof *samples * W1_CYCLE_DEVICES);
	for (unsigned i = 0; i < c->n; i++) {
		memcpy(samples[i].rom, c->device[i].rom, W1_ROM_SIZE);
		samples[i].quality = quality_of_error(code);
		if (code < 0) {
			missed(c, &c->device[i]);
		}
	}
	for (int round = 0; round < ROUNDS && code >= 0; round++) {
		int again = run_round(c, samples, give_up);

		code = round == 0 ? again : code;
		if (!lost_power(c, samples) || now(c) >= give_up) {
			break;
		}
	}
	return code < 0 ? code : (int)c->n;
}
