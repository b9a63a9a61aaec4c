/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ubx_steps: brings a receiver to a profile: every step polled, compared, set where it
 * differs, polled again.
 *
 * What counts is the value read back. ACKs carry no sequence number (V14 section 28), so
 * one may belong to an older poll; answers come in the order of the polls, so those to
 * polls from before a set are known to be stale. NAK to a poll means that the receiver does not
 * have the setting, NAK to a set that it will not be set so. A setting that was accepted but reads
 * back otherwise is sent back to what it was. Pure.
 */
#ifndef UBX_STEPS_H
#define UBX_STEPS_H

#include "ubx_profile.h"
#include "ubx_tx.h"

enum ubx_step_phase {
	UBX_STEP_TODO,
	UBX_STEP_POLLED, /* waiting for the present value */
	UBX_STEP_SET, /* set and polled again, waiting for the wanted value */
	UBX_STEP_OK, /* read back as wanted */
	UBX_STEP_ABSENT, /* NAK to the poll: not in this receiver */
	UBX_STEP_REFUSED, /* NAK to the set: it stays as it was */
	UBX_STEP_UNANSWERED,
	UBX_STEP_DIFFERS, /* accepted, but reads back otherwise; the value before has been sent back
			   */
};

struct ubx_step_state {
	enum ubx_step_phase phase;
	uint8_t tries, sets;
	uint16_t polls, answers, polls_at_set;
	uint64_t deadline_ns;
	uint8_t original[UBX_PAYLOAD_CFG_MAX];
	uint8_t original_len;
	uint8_t want; /* the field that differs, and what is there */
	int64_t got;
};

enum ubx_steps_result {
	UBX_STEPS_AT_WORK,
	UBX_STEPS_VERIFIED, /* all as wanted, or unsupported by this receiver */
	UBX_STEPS_DIFFER, /* over, but some are refused, unanswered or differ */
	UBX_STEPS_FAILED, /* a required one */
};

struct ubx_steps {
	struct ubx_profile profile;
	struct ubx_step_state state[UBX_STEPS_MAX];
	bool changed; /* something was written since begin */
	uint32_t sets, timeouts; /* ever */
};

void ubx_steps_begin(struct ubx_steps *s, const struct ubx_settings *settings);
/* Runs the pending polls, repetitions and timeouts. */
enum ubx_steps_result ubx_steps_work(struct ubx_steps *s, struct ubx_tx *tx, uint64_t now_ns);
uint64_t ubx_steps_deadline(const struct ubx_steps *s); /* UINT64_MAX: none is in progress */

/* A configuration message came (length checked against the table) / a NAK for it came. */
void ubx_steps_answer(struct ubx_steps *s, struct ubx_tx *tx, enum ubx_message message,
		      const uint8_t *payload, size_t len, uint64_t now_ns);
void ubx_steps_nak(struct ubx_steps *s, enum ubx_message message);

/* A step that is needed and cannot be had, or NULL; whether by NAK. */
const struct ubx_step *ubx_steps_failed(const struct ubx_steps *s);
bool ubx_steps_is_refused(const struct ubx_steps *s);
/* Was this one read back as wanted? */
bool ubx_steps_has(const struct ubx_steps *s, enum ubx_message message);

#endif
