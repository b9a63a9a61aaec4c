// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_bus.h"

#include <string.h>

#include "w1_crc.h"
#include "w1_error.h"

#define TRIES_DEFAULT 600
#define TRIES_OTHER 30 /* against noise, a line that stays low ... */
#define EQUAL_TRIES 3
#define PAUSE_FIRST_NS UINT64_C(200000)
#define PAUSE_DOUBLES 3 /* to 1.6 ms */

const char *w1_error_text(int code)
{
	switch (code) {
#define X(id, number, text) \
	case id:            \
		return text;
		W1_ERRORS(X)
#undef X
	default:
		return "error";
	}
}

void w1_bus_init(struct w1_bus *bus, struct w1_line line, unsigned tries)
{
	memset(bus, 0, sizeof *bus);
	w1_slots_init(&bus->slots, line);
	bus->give_up_ns = UINT64_MAX;
	bus->tries = tries != 0 ? tries : TRIES_DEFAULT;
}

void w1_bus_begin(struct w1_bus *bus)
{
	const struct w1_line *line = &bus->slots.line;

	if (line->ops->transaction != NULL) {
		line->ops->transaction(line->ctx, true);
	}
	bus->begun_ns = line->ops->now_ns(line->ctx) - bus->slots.slept_ns;
}

void w1_bus_end(struct w1_bus *bus)
{
	const struct w1_line *line = &bus->slots.line;

	bus->busy_ns += line->ops->now_ns(line->ctx) - bus->slots.slept_ns - bus->begun_ns;
	if (line->ops->transaction != NULL) {
		line->ops->transaction(line->ctx, false);
	}
}

/* The task that preempted us may still run: sleep to give it a time slice; the bus tolerates any
 * idle time. */
void w1_bus_pause(struct w1_bus *bus, unsigned attempt)
{
	const struct w1_line *line = &bus->slots.line;
	uint64_t pause = PAUSE_FIRST_NS << (attempt < PAUSE_DOUBLES ? attempt : PAUSE_DOUBLES);

	w1_slots_sleep(&bus->slots, line->ops->now_ns(line->ctx) + pause);
}

bool w1_bus_may_retry(struct w1_bus *bus, int error, unsigned attempt)
{
	const struct w1_line *line = &bus->slots.line;
	bool other = error == W1_ECRC || error == W1_EECHO || error == W1_ESEARCH ||
		     error == W1_ESHORT;

	bus->others = (attempt > 0 ? bus->others : 0) + other;
	bus->troubles += other;
	return (error == W1_EVIOLATION || (other && bus->others < TRIES_OTHER)) &&
	       attempt + 1 < bus->tries && line->ops->now_ns(line->ctx) < bus->give_up_ns;
}

static int write_sure(struct w1_bus *bus, uint8_t byte, uint8_t sure)
{
	int code = 0;

	for (int bit = 0; bit < 8 && code == 0; bit++) {
		code = ((sure >> bit) & 1) != 0
			       ? w1_slot_write_sure(&bus->slots, ((byte >> bit) & 1) != 0)
			       : w1_slot_write(&bus->slots, ((byte >> bit) & 1) != 0);
	}
	return code;
}

int w1_bus_write_byte(struct w1_bus *bus, uint8_t byte)
{
	return write_sure(bus, byte, 0);
}

static int write_last_with_power(struct w1_bus *bus, uint8_t byte)
{
	int code = 0;

	for (int bit = 0; bit < 7 && code == 0; bit++) {
		code = w1_slot_write(&bus->slots, ((byte >> bit) & 1) != 0);
	}
	return code != 0 ? code : w1_slot_write0_power(&bus->slots);
}

/* The bytes that the tries of one transaction have read so far. */
struct heard {
	uint8_t value[W1_RX_MAX], known[W1_RX_MAX];
	uint8_t wrong[W1_RX_MAX]; /* the newest complete answer with a wrong CRC */
	unsigned equal; /* tries in a row that gave this answer */
};

static void forget(struct heard *h)
{
	memset(h->value, 0, sizeof h->value);
	memset(h->known, 0, sizeof h->known);
}

/* Noise does not repeat itself bit by bit: the wired AND of two devices does. */
static int judge_wrong(struct heard *h, size_t bytes)
{
	h->equal = h->equal > 0 && memcmp(h->wrong, h->value, bytes) == 0 ? h->equal + 1 : 1;
	memcpy(h->wrong, h->value, sizeof h->wrong);
	return h->equal < EQUAL_TRIES ? W1_ECRC : W1_EDUPLICATE;
}

static int read_bits(struct w1_bus *bus, struct heard *h, size_t bytes)
{
	bool whole = true;

	for (size_t i = 0; i < bytes * 8; i++) {
		uint8_t mask = (uint8_t)(1 << i % 8);
		int level = w1_slot_read(&bus->slots);

		if (level < 0) {
			if (level != W1_EVIOLATION || !bus->slots.counted) {
				return level;
			}
			whole = whole && (h->known[i / 8] & mask) != 0;
			continue;
		}
		if ((h->known[i / 8] & mask) != 0 &&
		    ((h->value[i / 8] & mask) != 0) != (level != 0)) {
			forget(h); /* noise, or the device has lost its power in between */
			bus->troubles++;
			return W1_EVIOLATION;
		}
		h->known[i / 8] |= mask;
		h->value[i / 8] |= level != 0 ? mask : 0;
	}
	return whole ? 0 : W1_EVIOLATION;
}

static int read_all(struct w1_bus *bus, const struct w1_transaction *t, struct heard *h)
{
	int code = read_bits(bus, h, t->rx_len);

	if (code == 0) {
		memcpy(t->rx, h->value, t->rx_len);
	}
	if (code == 0 && t->crc && w1_crc8(t->rx, t->rx_len) != 0) {
		bus->wrong_crcs++;
		code = judge_wrong(h, t->rx_len);
	}
	if (code == W1_ECRC || !t->crc) {
		forget(h);
	}
	return code;
}

static int try_once(struct w1_bus *bus, const struct w1_transaction *t, struct heard *h)
{
	int code = w1_slot_reset(&bus->slots);

	if (code == 0) {
		code = w1_bus_write_byte(bus, t->rom != NULL ? W1_MATCH_ROM : W1_SKIP_ROM);
	}
	for (size_t i = 0; t->rom != NULL && i < W1_ROM_SIZE && code == 0; i++) {
		code = w1_bus_write_byte(bus, t->rom[i]);
	}
	for (size_t i = 0; i < t->tx_len && code == 0; i++) {
		code = t->power && i + 1 == t->tx_len ? write_last_with_power(bus, t->tx[i])
		       : i == 0			      ? write_sure(bus, t->tx[i], t->sure)
						      : w1_bus_write_byte(bus, t->tx[i]);
	}
	if (t->rx_len > 0 && code == 0) {
		code = read_all(bus, t, h);
	}
	if (code != 0 && t->power) {
		w1_bus_power_off(bus);
	}
	return code;
}

int w1_bus_transact(struct w1_bus *bus, const struct w1_transaction *t, unsigned *retries)
{
	struct heard heard = { .known = { 0 } };
	int code = 0;
	unsigned attempt = 0;

	bus->transactions++;
	do {
		if (attempt > 0) {
			bus->retries++;
			if (retries != NULL) {
				(*retries)++;
			}
			w1_bus_pause(bus, attempt - 1);
		}
		w1_bus_begin(bus);
		code = try_once(bus, t, &heard);
		w1_bus_end(bus);
	} while (w1_bus_may_retry(bus, code, attempt++));
	bus->given_up += code != 0 && code != W1_ENOPRESENCE;
	return code;
}

int w1_bus_read_bit(struct w1_bus *bus)
{
	int level;

	w1_bus_begin(bus);
	level = w1_slot_read(&bus->slots);
	w1_bus_end(bus);
	return level;
}

int w1_bus_power_off(struct w1_bus *bus)
{
	const struct w1_line *line = &bus->slots.line;

	return line->ops->strong_pullup(line->ctx, false);
}

uint32_t w1_bus_violations(const struct w1_bus *bus)
{
	uint32_t sum = 0;

	for (int kind = 0; kind < W1_VIOLATIONS; kind++) {
		sum += bus->slots.violations[kind];
	}
	return sum;
}
