// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_replay.h"

#include "../w1_error.h"

/* A whole search pass (200 slots) on a bus that is disturbed in every 100th slot: 7 tries on
 * average. Half a second at most. */
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

/* The bit, or an error. A write-1 is the same slot as a read. */
static int slot(struct w1_replay *r, bool bit)
{
	int code;

	if (bit) {
		return w1_slot_read(&r->slots);
	}
	code = w1_slot_write(&r->slots, false);
	return code < 0 ? code : 0;
}

/* Repeats the transaction from reset. The bits read must be the same: others would come from
 * another device. */
static int again(struct w1_replay *r)
{
	int code = w1_slot_reset(&r->slots);

	r->replays++;
	for (unsigned int i = 0; code >= 0 && i < r->n; i++) {
		unsigned int entry = r->log[i / 4] >> (i % 4 * 2) & 3;

		code = slot(r, entry & 1);
		if (code >= 0 && code != (int)(entry >> 1)) {
			code = W1_EVIOLATION;
		}
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
	for (unsigned int i = 0; i < TRIES && code == W1_EVIOLATION; i++) {
		code = w1_slot_reset(&r->slots);
	}
	r->broken = code != 0;
	return code != 0;
}

int w1_replay_touch(struct w1_replay *r, bool bit)
{
	int answer;

	if (r->broken) {
		return 1;
	}
	answer = slot(r, bit);
	for (unsigned int i = 0; i < TRIES && answer < 0 && r->n <= W1_REPLAY_SLOTS; i++) {
		answer = again(r);
		if (answer == 0) {
			answer = slot(r, bit);
		}
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

	if (!bit) {
		return w1_slot_write0_power(&r->slots);
	}
	code = slot(r, true);
	return code < 0 ? code : r->slots.line.ops->strong_pullup(r->slots.line.ctx, true);
}

bool w1_replay_power(struct w1_replay *r, bool bit)
{
	int code;

	if (r->broken) {
		return false;
	}
	code = power_slot(r, bit);
	for (unsigned int i = 0; i < TRIES && code < 0 && r->n <= W1_REPLAY_SLOTS; i++) {
		r->slots.line.ops->release(r->slots.line.ctx);
		code = again(r);
		if (code == 0) {
			code = power_slot(r, bit);
		}
	}
	if (code < 0) {
		lose(r);
		return false;
	}
	remember(r, bit, bit);
	return true;
}
