// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_convert.h"

#include <stddef.h>

#include "w1_error.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)

#define HEARD_SLOTS 8 /* that must be 0: noise in some does not make a busy sensor */
#define HEARD_SLOTS_MAX 24 /* with those that violations cost */
/* Clones of family A3 answer polls only 1 ms after Convert T; all genuine parts are still busy
 * then. */
#define FIRST_POLL (1200 * US)
#define POLL_MIN (250 * US)
#define POLL_SHARE 64 /* polled each 64th of the time so far */
#define POLL_ZEROS 2
#define POLL_ONES 8
#define POLL_SLOTS_MAX 24 /* with those that violations cost */
#define TRIES 3 /* of a command that was sent right and yet not taken */
#define UNHEARD_MANY 3 /* cycles: a make that can't be polled. Then it has one try. */
#define POWER_SLOTS 8 /* some clones answer at random */
/* A weak supply makes a conversion slower; what can't be polled is given this much more. */
#define SLACK(us) ((us) / 10)
#define LATE(took) ((took) / 32) /* nor so much later */
#define EARLY(took) ((took) / 16) /* no conversion ends so much earlier than usual */

static uint64_t now(const struct w1_bus *bus)
{
	return bus->slots.line.ops->now_ns(bus->slots.line.ctx);
}

static void sleep_until(struct w1_bus *bus, uint64_t when)
{
	w1_slots_sleep(&bus->slots, when);
}

/* While others convert. */
static void watch_until(struct w1_bus *bus, uint64_t when)
{
	bus->disturbed = w1_slots_watch(&bus->slots, when) || bus->disturbed;
}

/* A violated slot that was one slot to every device cost only its bit. */
static bool cost_a_bit(const struct w1_bus *bus, int level)
{
	return level == W1_EVIOLATION && bus->slots.counted;
}

/*
 * 0 (busy, or parasite power): two slots were 0; 1: eight in a row were 1, so that noise neither
 * ends a conversion early nor hides that there is none; or an error. After a violation that was
 * perhaps a reset no device answers polls any more.
 */
static int poll(struct w1_bus *bus)
{
	unsigned zeros = 0, ones = 0;
	int level = W1_EVIOLATION;

	for (int i = 0; i < POLL_SLOTS_MAX && zeros < POLL_ZEROS && ones < POLL_ONES; i++) {
		level = w1_bus_read_bit(bus);
		if (level < 0 && !cost_a_bit(bus, level)) {
			return level;
		}
		zeros += level == 0;
		ones = level == 1 ? ones + 1 : level == 0 ? 0 : ones;
	}
	return zeros == POLL_ZEROS ? 0 : ones == POLL_ONES ? 1 : W1_EVIOLATION;
}

/* How many of POWER_SLOTS said "own supply"; rom NULL: the wired AND of all. Or an error. */
static int ask_power(struct w1_bus *bus, const uint8_t *rom)
{
	const uint8_t command = DS18B20_READ_POWER_SUPPLY;
	const struct w1_transaction t = { .rom = rom, .tx = &command, .tx_len = 1 };
	int code = W1_EVIOLATION, own = 0;

	for (unsigned attempt = 0; code < 0; attempt++) {
		code = w1_bus_transact(bus, &t, NULL);
		own = 0;
		for (unsigned i = 0; i < POWER_SLOTS && code >= 0; i++) {
			code = w1_bus_read_bit(bus);
			own += code == 1;
		}
		if (code < 0 && !w1_bus_may_retry(bus, code, attempt)) {
			return code;
		}
	}
	return own;
}

int w1_convert_all_powered(struct w1_bus *bus)
{
	int own = ask_power(bus, NULL);

	return own < 0 ? own : own == POWER_SLOTS;
}

int w1_convert_read_power(struct w1_bus *bus, struct w1_device *d)
{
	int own = ask_power(bus, d->rom);

	if (own < 0) {
		return own;
	}
	d->power = own == POWER_SLOTS ? W1_POWER_OWN
		   : own == 0	      ? W1_POWER_PARASITE
				      : W1_POWER_CONTRADICTS;
	return 0;
}

bool w1_convert_is_parasite(const struct w1_device *d)
{
	return d->power == W1_POWER_PARASITE ||
	       (d->power == W1_POWER_CONTRADICTS && !d->pollable && d->unheard > 0);
}

/* 1: busy in each of eight slots; 0: not; or an error. */
static int is_busy(struct w1_bus *bus)
{
	unsigned zeros = 0;

	for (unsigned i = 0; i < HEARD_SLOTS_MAX && zeros < HEARD_SLOTS; i++) {
		int level = w1_bus_read_bit(bus);

		if (level > 0) {
			return 0;
		}
		if (level < 0 && !cost_a_bit(bus, level)) {
			return level;
		}
		zeros += level == 0;
	}
	return zeros == HEARD_SLOTS ? 1 : W1_EVIOLATION;
}

/* 1: the sensor is converting, 0: it does not show that, or an error. */
static int convert_once(struct w1_bus *bus, const struct w1_device *d, struct w1_conversion *v)
{
	const uint8_t command = DS18B20_CONVERT_T;
	const struct w1_transaction t = { .rom = d->rom, .tx = &command, .tx_len = 1 };
	int code = w1_bus_transact(bus, &t, NULL);

	if (code != 0) {
		return code;
	}
	v->start_ns = now(bus);
	code = is_busy(bus);
	if (code == 0) {
		sleep_until(bus, v->start_ns + FIRST_POLL);
		code = is_busy(bus);
	}
	return code;
}

uint32_t w1_convert_longest_us(const struct w1_device *d)
{
	uint32_t longest = ds18b20_conversion_us(d->rom[0], d->resolution_bits);

	if (d->past.plain) {
		return longest;
	}
	if (!d->pollable || w1_convert_is_parasite(d)) {
		return longest + SLACK(longest);
	}
	/* Some clones take as long at 9 bits as at 12: until it was measured, the longest of all.
	 */
	if (d->took_us == 0) {
		longest = ds18b20_conversion_us(d->rom[0], 12);
	}
	return d->took_us > longest + longest / POLL_SHARE ? d->took_us : longest;
}

void w1_convert_start(struct w1_bus *bus, struct w1_device *d, struct w1_conversion *v)
{
	unsigned tries = !d->pollable && d->unheard >= UNHEARD_MANY ? 1 : TRIES;
	int code = 0;

	for (unsigned i = 0, attempt = 0; i < tries && code != 1; attempt++) {
		bus->retries += attempt > 0;
		code = convert_once(bus, d, v);
		if (code < 0 && !(code == W1_EVIOLATION && w1_bus_may_retry(bus, code, attempt))) {
			break;
		}
		i += code == 0;
	}
	v->state = code == 1 ? W1_CONVERT_HEARD : W1_CONVERT_UNSEEN;
	v->error = code < 0 ? code : code == 0 && d->pollable ? W1_ECONVERT : 0;
	d->pollable = d->pollable || code == 1;
	d->heard_ns = code == 1 ? v->start_ns : d->heard_ns;
	if (code >= 0) {
		d->unheard = code == 1 ? 0 : (uint8_t)(d->unheard + (d->unheard < UINT8_MAX));
	}
	v->ready_ns = v->start_ns + w1_convert_longest_us(d) * US;
}

static uint64_t longer(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

int w1_convert_finish(struct w1_bus *bus, struct w1_device *d, struct w1_conversion *v,
		      uint64_t until_ns)
{
	uint64_t start = v->start_ns, at = start, busy_at = start, usual = d->took_us * US;
	uint64_t late = start + usual - EARLY(usual); /* it is still busy then, as it always was */
	uint64_t allowed = w1_convert_longest_us(d) * US, limit = start + allowed + SLACK(allowed);
	int level = 0;

	while (level == 0 || cost_a_bit(bus, level)) {
		busy_at = level == 0 ? at : busy_at;
		at = now(bus);
		if (at >= limit || (at >= until_ns && at >= start + usual + LATE(usual))) {
			d->took_us = 0; /* it is measured by itself the next time */
			v->state = W1_CONVERT_OVERDUE;
			return 0;
		}
		if (at >= until_ns) {
			return 0; /* within its time: that will tell */
		}
		at = longer(late, at + longer(POLL_MIN, (at - start) / POLL_SHARE));
		watch_until(bus, at < until_ns ? at : until_ns);
		at = now(bus);
		level = poll(bus);
	}
	if (level < 0) {
		return 0; /* perhaps a reset: no device answers polls any more; the time will tell
			   */
	}
	if (busy_at < late) {
		d->took_us = 0; /* or it has become faster: measured again */
		return W1_ECONVERT;
	}
	/* A contact that opens ends the polls as well: without another proof the value waits for
	 * the longest time. */
	v->end_ns = longer(at, start + usual);
	d->took_us = (uint32_t)(longer(at - start, usual) / US);
	return 0;
}

int w1_convert_parasite(struct w1_bus *bus, const struct w1_device *d, uint32_t longest_us)
{
	const uint8_t command = DS18B20_CONVERT_T;
	const struct w1_transaction t = {
		.rom = d != NULL ? d->rom : NULL, .tx = &command, .tx_len = 1, .power = true
	};
	int code = w1_bus_transact(bus, &t, NULL);

	if (code != 0) {
		return code;
	}
	sleep_until(bus, now(bus) + longest_us * US);
	return w1_bus_power_off(bus);
}
