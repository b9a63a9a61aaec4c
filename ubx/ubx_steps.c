// SPDX-License-Identifier: BSD-2-Clause
#include "ubx_steps.h"

#include <string.h>

#define MS 1000000ull
#define STEPS_AT_ONCE 4 /* 4 answers of at most 76 bytes fit the receiver's buffers */
#define SETS_MAX 2

/* How long to wait for one answer. In all 5.75 s: a receiver may take 1.5 s, or drop what comes
 * within 0.3 s of CFG-PRT. */
static const uint16_t timeout_ms[] = { 250, 500, 1000, 2000, 2000 };
#define TRIES (sizeof(timeout_ms) / sizeof(timeout_ms[0]))

static bool is_over(const struct ubx_step_state *st)
{
	return st->phase >= UBX_STEP_OK;
}

static bool is_at_work(const struct ubx_step_state *st)
{
	return st->phase == UBX_STEP_POLLED || st->phase == UBX_STEP_SET;
}

static void poll(struct ubx_steps *s, struct ubx_tx *tx, unsigned i, uint64_t now)
{
	const struct ubx_step *step = &s->profile.step[i];
	struct ubx_step_state *st = &s->state[i];
	uint64_t from = tx->wire_idle_ns > now ? tx->wire_idle_ns : now;

	ubx_tx_frame(tx, step->message, step->selector, step->selector_len);
	st->polls++;
	st->deadline_ns = from + timeout_ms[st->tries] * MS;
}

/* The answer with the wanted fields changed, followed by another poll. */
static void set(struct ubx_steps *s, struct ubx_tx *tx, unsigned i, const uint8_t *answer,
		size_t len, uint64_t now)
{
	struct ubx_step_state *st = &s->state[i];
	uint8_t payload[UBX_PAYLOAD_CFG_MAX];

	memcpy(payload, answer, len);
	ubx_step_apply(&s->profile.step[i], payload, len);
	ubx_tx_frame(tx, s->profile.step[i].message, payload, len);
	s->changed = true;
	s->sets++;
	st->sets++;
	st->tries = 0;
	st->phase = UBX_STEP_SET;
	st->polls_at_set = st->polls;
	poll(s, tx, i, now);
}

static void roll_back(struct ubx_steps *s, struct ubx_tx *tx, unsigned i)
{
	struct ubx_step_state *st = &s->state[i];

	ubx_tx_frame(tx, s->profile.step[i].message, st->original, st->original_len);
	s->changed = true;
	s->sets++;
	st->phase = UBX_STEP_DIFFERS;
}

static void compare(struct ubx_steps *s, struct ubx_tx *tx, unsigned i, const uint8_t *p,
		    size_t len, uint64_t now)
{
	struct ubx_step_state *st = &s->state[i];
	int differs = ubx_step_differs(&s->profile.step[i], p, len);

	st->answers++;
	if (differs < 0) {
		st->phase = UBX_STEP_OK;
		return;
	}
	st->want = (uint8_t)differs;
	st->got = ubx_step_value(&s->profile.step[i], (unsigned)differs, p, len);
	if (st->phase == UBX_STEP_POLLED) {
		st->original_len = (uint8_t)len;
		memcpy(st->original, p, len);
		set(s, tx, i, p, len, now);
	} else if (st->answers <= st->polls_at_set) {
		return; /* stale: polled before the set */
	} else if (st->sets < SETS_MAX) {
		set(s, tx, i, p, len, now);
	} else {
		roll_back(s, tx, i);
	}
}

static void time_out(struct ubx_steps *s, struct ubx_tx *tx, unsigned i, uint64_t now)
{
	struct ubx_step_state *st = &s->state[i];

	s->timeouts++;
	if (++st->tries < TRIES) {
		poll(s, tx, i, now);
	} else if (st->phase == UBX_STEP_SET) {
		roll_back(s, tx, i);
	} else {
		st->phase = UBX_STEP_UNANSWERED;
	}
}

/* Never two steps of one message at a time: a NAK could belong to either. */
static bool may_start(const struct ubx_steps *s, unsigned i)
{
	for (unsigned j = 0; j < i; j++) {
		if (s->profile.step[j].message == s->profile.step[i].message &&
		    !is_over(&s->state[j])) {
			return false;
		}
	}
	return true;
}

void ubx_steps_begin(struct ubx_steps *s, const struct ubx_settings *settings)
{
	ubx_profile_build(&s->profile, settings);
	memset(s->state, 0, sizeof(s->state));
	s->changed = false;
}

enum ubx_steps_result ubx_steps_work(struct ubx_steps *s, struct ubx_tx *tx, uint64_t now)
{
	unsigned at_work = 0;
	bool all_over = true, verified = true;

	for (unsigned i = 0; i < s->profile.n; i++) {
		struct ubx_step_state *st = &s->state[i];

		if (st->phase == UBX_STEP_TODO && at_work < STEPS_AT_ONCE && may_start(s, i)) {
			st->phase = UBX_STEP_POLLED;
			poll(s, tx, i, now);
		}
		if (is_at_work(st) && now >= st->deadline_ns) {
			time_out(s, tx, i, now);
		}
		verified = verified && st->phase <= UBX_STEP_ABSENT;
		at_work += is_at_work(st);
		all_over = all_over && is_over(st);
	}
	if (ubx_steps_failed(s) != NULL) {
		return UBX_STEPS_FAILED;
	}
	if (!all_over) {
		return UBX_STEPS_AT_WORK;
	}
	return verified ? UBX_STEPS_VERIFIED : UBX_STEPS_DIFFER;
}

uint64_t ubx_steps_deadline(const struct ubx_steps *s)
{
	uint64_t at = UINT64_MAX;

	for (unsigned i = 0; i < s->profile.n; i++) {
		if (is_at_work(&s->state[i]) && s->state[i].deadline_ns < at) {
			at = s->state[i].deadline_ns;
		}
	}
	return at;
}

void ubx_steps_answer(struct ubx_steps *s, struct ubx_tx *tx, enum ubx_message message,
		      const uint8_t *p, size_t len, uint64_t now)
{
	/* Not the short forms: the table's first length has every field of the message. */
	if (len > UBX_PAYLOAD_CFG_MAX || len < ubx_messages[message].len) {
		return;
	}
	for (unsigned i = 0; i < s->profile.n; i++) {
		const struct ubx_step *step = &s->profile.step[i];

		if (step->message == message && is_at_work(&s->state[i]) &&
		    len >= step->selector_len &&
		    memcmp(p, step->selector, step->selector_len) == 0) {
			compare(s, tx, i, p, len, now);
		}
	}
}

void ubx_steps_nak(struct ubx_steps *s, enum ubx_message message)
{
	for (unsigned i = 0; i < s->profile.n; i++) {
		struct ubx_step_state *st = &s->state[i];

		if (s->profile.step[i].message == message && is_at_work(st)) {
			st->phase = st->phase == UBX_STEP_POLLED ? UBX_STEP_ABSENT
								 : UBX_STEP_REFUSED;
		}
	}
}

const struct ubx_step *ubx_steps_failed(const struct ubx_steps *s)
{
	for (unsigned i = 0; i < s->profile.n; i++) {
		if (s->state[i].phase > UBX_STEP_OK && s->profile.step[i].required) {
			return &s->profile.step[i];
		}
	}
	return NULL;
}

bool ubx_steps_is_refused(const struct ubx_steps *s)
{
	const struct ubx_step *failed = ubx_steps_failed(s);
	enum ubx_step_phase phase = failed ? s->state[failed - s->profile.step].phase : UBX_STEP_OK;

	return phase == UBX_STEP_ABSENT || phase == UBX_STEP_REFUSED;
}

bool ubx_steps_has(const struct ubx_steps *s, enum ubx_message message)
{
	for (unsigned i = 0; i < s->profile.n; i++) {
		if (s->profile.step[i].message == message && s->state[i].phase == UBX_STEP_OK) {
			return true;
		}
	}
	return false;
}
