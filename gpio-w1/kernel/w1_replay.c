// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_replay.h"

#include "../w1_error.h"

/*
 * A whole search pass (200 slots) on a bus that is disturbed in every 100th slot: 7 tries on
 * average. Half a second at most.
 */
#define TRIES 50
#define FAILED_RESETS 5 /* W1_THERM_MAX_TRY of drivers/w1/slaves/w1_therm.c */

static void remember(struct w1_replay *r, bool asked, bool answered)
{
	unsigned int shift = r->n % 4 * 2;

	if (r->n < W1_REPLAY_SLOTS) {
		r->log[r->n / 4] &= (uint8_t)(~(3u << shift));
		r->log[r->n / 4] |= (uint8_t)((asked | answered << 1) << shift);
	}
	r->n++;
}

static unsigned int asked(const struct w1_replay *r, unsigned int slot)
{
	return r->log[slot / 4] >> (slot % 4 * 2) & 1;
}

static unsigned int asked_byte(const struct w1_replay *r, unsigned int from)
{
	unsigned int byte = 0;

	for (unsigned int i = 0; i < 8; i++)
		byte |= asked(r, from + i) << i;
	return byte;
}

/* The first slot of the function command, behind the ROM command and its ROM code. */
static unsigned int first_function_slot(const struct w1_replay *r)
{
	switch (asked_byte(r, 0)) {
	case 0x55: /* Match ROM */
	case 0x33: /* Read ROM */
		return 8 + 64;
	case 0xf0: /* Search ROM: two bits read, one written */
	case 0xec: /* Alarm Search */
		return 8 + 3 * 64;
	default: /* Skip ROM */
		return 8;
	}
}

/*
 * Whether the transaction may be sent again after `bit`, the newest. Always, as long as its
 * function command has come to less than seven bits: a reset behind seven is a 0 to the device, and
 * completes it. Then only if it does no harm twice (DS18B20 datasheet, table 3): Copy Scratchpad
 * wears the EEPROM, and what other families' commands do is not known here.
 */
static bool may_repeat(const struct w1_replay *r, bool bit)
{
	static const uint8_t harmless[] = { 0x44, 0x4e, 0xbe, 0xb8, 0xb4 };
	unsigned int from, at, mask, command;

	if (r->n > W1_REPLAY_SLOTS)
		return false;
	from = r->n < 8 ? 8 : first_function_slot(r);
	if (r->n < from + 6)
		return true;
	at = r->n - from;
	mask = at == 6 ? 0x7f : 0xff;
	command = asked_byte(r, from);
	if (at < 8)
		command = (command & ((1u << at) - 1)) | (unsigned int)bit << at;
	for (unsigned int i = 0; i < sizeof(harmless); i++) {
		if (((command ^ harmless[i]) & mask) == 0)
			return true;
	}
	return false;
}

/* The bit, or an error. A write-1 is the same slot as a read. */
static int slot(struct w1_replay *r, bool bit)
{
	int code;

	if (bit)
		return w1_slot_read(&r->slots);
	code = w1_slot_write(&r->slots, false);
	return code < 0 ? code : 0;
}

/*
 * Repeats the transaction from reset. The bits read must be the same: others would come from
 * another device.
 */
static int again(struct w1_replay *r)
{
	int code = w1_slot_reset(&r->slots);

	r->replays++;
	for (unsigned int i = 0; code >= 0 && i < r->n; i++) {
		unsigned int entry = r->log[i / 4] >> (i % 4 * 2) & 3;

		code = slot(r, entry & 1);
		if (code >= 0 && code != (int)(entry >> 1))
			code = W1_EVIOLATION;
	}
	return code < 0 ? code : 0;
}

static void lose(struct w1_replay *r)
{
	r->lost++;
	r->broken = true;
	r->failing = FAILED_RESETS;
	r->slots.line.ops->release(r->slots.line.ctx);
}

int w1_replay_reset(struct w1_replay *r)
{
	int code = W1_EVIOLATION;

	r->resets++;
	r->n = 0;
	r->broken = false;
	if (r->failing > 0) {
		r->failing--;
		r->broken = true;
		return 1;
	}
	for (unsigned int i = 0; i < TRIES && code == W1_EVIOLATION; i++)
		code = w1_slot_reset(&r->slots);
	r->broken = code != 0;
	return code != 0;
}

int w1_replay_touch(struct w1_replay *r, bool bit)
{
	int answer;

	if (r->broken)
		return 1;
	answer = slot(r, bit);
	for (unsigned int i = 0; i < TRIES && answer < 0 && may_repeat(r, bit); i++) {
		answer = again(r);
		if (answer == 0)
			answer = slot(r, bit);
	}
	if (answer < 0) {
		lose(r);
		return 1;
	}
	remember(r, bit, answer);
	return answer;
}

static int power_slot(struct w1_replay *r, bool bit)
{
	int code;

	if (!bit)
		return w1_slot_write0_power(&r->slots);
	code = slot(r, true);
	return code < 0 ? code : r->slots.line.ops->strong_pullup(r->slots.line.ctx, true);
}

bool w1_replay_power(struct w1_replay *r, bool bit)
{
	int code;

	if (r->broken)
		return false;
	code = power_slot(r, bit);
	for (unsigned int i = 0; i < TRIES && code < 0 && may_repeat(r, bit); i++) {
		r->slots.line.ops->release(r->slots.line.ctx);
		code = again(r);
		if (code == 0)
			code = power_slot(r, bit);
	}
	if (code < 0) {
		lose(r);
		return false;
	}
	remember(r, bit, bit);
	return true;
}
