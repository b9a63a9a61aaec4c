// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "ubx/ubx_frame.h"
#include "ubx/ubx_steps.h"
#include "ubx_files.h"

#define MS 1000000ull

static const struct ubx_settings settings = {
	.baud = 115200,
	.rate_ms = 1000,
	.dyn_model = 4,
	.week = 2446,
	.port = 1,
};

/* The frames that wait in tx, one by one; 0 when there are no more. */
static size_t next_sent(struct ubx_tx *tx, struct ubx_item *item)
{
	static struct ubx_frame_rx rx;
	struct ubx_output out;

	memset(&rx, 0, sizeof(rx));
	if (!ubx_tx_output(tx, &out) || out.baud) {
		return 0;
	}
	ubx_frame_feed(&rx, out.bytes, out.len, item);
	assert_int_equal(item->kind, UBX_ITEM_FRAME);
	ubx_tx_written(tx, item->len, 0);
	return item->len;
}

static struct ubx_tx new_tx(void)
{
	struct ubx_tx tx = { .baud = 115200 };

	return tx;
}

static int index_of(const struct ubx_steps *s, enum ubx_message m)
{
	for (unsigned i = 0; i < s->profile.n; i++) {
		if (s->profile.step[i].message == m) {
			return (int)i;
		}
	}
	fail();
	return -1;
}

/* A receiver with every wanted value, written by the profile itself over noise. */
static size_t right_answer(const struct ubx_step *step, uint8_t *p)
{
	static const uint8_t gnss_ids[] = { 0, 1, 5, 6 };
	const struct ubx_message_row *m = &ubx_messages[step->message];
	size_t len = m->len;

	memset(p, 0xA5, UBX_PAYLOAD_CFG_MAX);
	if (step->message == UBX_CFG_GNSS) {
		len = 4 + 8 * sizeof(gnss_ids);
		for (size_t g = 0; g < sizeof(gnss_ids); g++) {
			p[4 + 8 * g] = gnss_ids[g];
		}
	} else if (step->message == UBX_CFG_INF) {
		len = 10;
	}
	memcpy(p, step->selector, step->selector_len);
	ubx_step_apply(step, p, len);
	return len;
}

static void steps_of_the_profile_are_the_settings_wanted(void **state)
{
	struct ubx_profile profile;

	(void)state;
	ubx_profile_build(&profile, &settings);
	assert_int_equal(profile.n, 13);
	assert_int_equal(profile.step[0].message, UBX_CFG_PRT);
	assert_true(profile.step[0].required);
	for (unsigned i = 0; i < profile.n; i++) {
		uint8_t p[UBX_PAYLOAD_CFG_MAX];
		size_t len = right_answer(&profile.step[i], p);

		assert_int_equal(ubx_step_differs(&profile.step[i], p, len), -1);
		/* Each want is looked at: broken alone, it is found. */
		for (unsigned w = 0; w < profile.step[i].n; w++) {
			const struct ubx_want *want = &profile.step[i].want[w];
			uint8_t broken[UBX_PAYLOAD_CFG_MAX];

			if (want->rule == UBX_WANT_APPLY) {
				continue;
			}
			memcpy(broken, p, len);
			for (unsigned g = 0; g < 4; g++) {
				if (want->key < 0 ||
				    broken[ubx_messages[profile.step[i].message].len +
					   g * ubx_messages[profile.step[i].message].group] ==
					    want->key) {
					ubx_msg_put(broken, want->field, want->key < 0 ? 0 : g,
						    want->rule == UBX_WANT_UNLESS
							    ? want->value
							    : want->value + 1);
					break;
				}
			}
			assert_int_equal(ubx_step_differs(&profile.step[i], broken, len), w);
		}
	}
}

static void setting_keeps_every_byte_that_is_not_wanted(void **state)
{
	/* A real NEO-7N's CFG-NAVX5: reserved bytes 8, 9, 15, 24, 25, 29 are not zero. */
	uint8_t navx5[40] = { [8] = 3,	   2,	 3,	   22, 7,	    [15] = 1,
			      [18] = 0x9B, 0x06, [24] = 1, 1,  [29] = 0x64, [30] = 0x64 };
	uint8_t after[40];
	struct ubx_profile profile;

	(void)state;
	ubx_profile_build(&profile, &settings);
	for (unsigned i = 0; i < profile.n; i++) {
		if (profile.step[i].message == UBX_CFG_NAVX5) {
			assert_int_equal(ubx_step_differs(&profile.step[i], navx5, 40), 0);
			memcpy(after, navx5, 40);
			ubx_step_apply(&profile.step[i], after, 40);
			assert_int_equal(after[18] | after[19] << 8, 2446);
			assert_int_equal(after[3], 0x02); /* mask1 bit 9: apply wknRollover */
			after[18] = 0x9B;
			after[19] = 0x06;
			after[3] = 0;
			assert_memory_equal(after, navx5, 40);
			return;
		}
	}
	fail();
}

static void a_usb_port_is_not_asked_for_a_baud(void **state)
{
	struct ubx_settings usb = settings;
	struct ubx_profile profile;

	(void)state;
	usb.port = 3;
	ubx_profile_build(&profile, &usb);
	assert_int_equal(profile.step[0].message, UBX_CFG_PRT);
	for (unsigned w = 0; w < profile.step[0].n; w++) {
		assert_int_not_equal(profile.step[0].want[w].field, UBX_CFG_PRT_baudRate);
		assert_int_not_equal(profile.step[0].want[w].field, UBX_CFG_PRT_parity);
	}
	assert_int_equal(profile.step[1].want[0].field, UBX_CFG_MSG_rate3);
}

static void a_configured_receiver_gets_no_set(void **state)
{
	struct ubx_steps s = { 0 };
	struct ubx_tx tx = new_tx();
	struct ubx_item sent;
	unsigned polls = 0;

	(void)state;
	ubx_steps_begin(&s, &settings);
	while (ubx_steps_work(&s, &tx, 0) == UBX_STEPS_AT_WORK) {
		while (next_sent(&tx, &sent)) {
			uint8_t p[UBX_PAYLOAD_CFG_MAX];

			assert_true(sent.payload_len <= 2); /* a poll */
			for (unsigned i = 0; i < s.profile.n; i++) {
				const struct ubx_step *step = &s.profile.step[i];

				if (ubx_messages[step->message].id == sent.id &&
				    step->selector_len == sent.payload_len &&
				    memcmp(step->selector, sent.payload, sent.payload_len) == 0) {
					size_t len = right_answer(step, p);

					ubx_steps_answer(&s, &tx, step->message, p, len, 0);
					polls++;
				}
			}
		}
	}
	assert_int_equal(ubx_steps_work(&s, &tx, 0), UBX_STEPS_VERIFIED);
	assert_int_equal(s.sets, 0);
	assert_int_equal(polls, s.profile.n);
}

/* Only CFG-RATE is answered in the tests below; what others send is thrown away. */
struct rate_talk {
	struct ubx_steps s;
	struct ubx_tx tx;
	int step;
};

static void begin_talk(struct rate_talk *t)
{
	memset(t, 0, sizeof(*t));
	t->tx = new_tx();
	ubx_steps_begin(&t->s, &settings);
	t->step = index_of(&t->s, UBX_CFG_RATE);
	for (int i = 0; i < (int)t->s.profile.n; i++) {
		if (i != t->step) {
			t->s.state[i].phase = UBX_STEP_OK;
		}
	}
	ubx_steps_work(&t->s, &t->tx, 0);
}

/* Sets among what was sent since the last call; *value: the rate of the last. */
static unsigned sets_sent(struct rate_talk *t, unsigned *value)
{
	struct ubx_item sent;
	unsigned sets = 0;

	while (next_sent(&t->tx, &sent)) {
		if (sent.payload_len == 6) {
			sets++;
			*value = (unsigned)ubx_msg_get(sent.payload, UBX_CFG_RATE_measRate, 0);
		}
	}
	return sets;
}

static void answer_rate(struct rate_talk *t, unsigned rate)
{
	const uint8_t p[6] = { (uint8_t)rate, (uint8_t)(rate >> 8), 1, 0, 1, 0 };

	ubx_steps_answer(&t->s, &t->tx, UBX_CFG_RATE, p, sizeof(p), 0);
}

static void an_answer_asked_for_before_the_set_is_stale(void **state)
{
	struct rate_talk t;
	unsigned value = 0;

	(void)state;
	begin_talk(&t);
	ubx_steps_work(&t.s, &t.tx, 250 * MS); /* no answer yet: asked again */
	assert_int_equal(t.s.state[t.step].polls, 2);
	answer_rate(&t, 200); /* to the first poll: set it */
	assert_int_equal(sets_sent(&t, &value), 1);
	assert_int_equal(value, 1000);
	answer_rate(&t, 200); /* to the second, asked before the set */
	assert_int_equal(sets_sent(&t, &value), 0);
	assert_int_equal(t.s.state[t.step].phase, UBX_STEP_SET);
	answer_rate(&t, 1000); /* to the third */
	assert_int_equal(t.s.state[t.step].phase, UBX_STEP_OK);
	assert_int_equal(ubx_steps_work(&t.s, &t.tx, 300 * MS), UBX_STEPS_VERIFIED);
}

static void a_setting_taken_but_not_so_is_sent_back_and_named(void **state)
{
	struct rate_talk t;
	unsigned value = 0;

	(void)state;
	begin_talk(&t);
	answer_rate(&t, 200);
	answer_rate(&t, 250); /* took something else */
	assert_int_equal(sets_sent(&t, &value), 2);
	answer_rate(&t, 250);
	assert_int_equal(sets_sent(&t, &value), 1);
	assert_int_equal(value, 200);
	assert_int_equal(t.s.state[t.step].phase, UBX_STEP_DIFFERS);
	assert_int_equal(t.s.sets, 3);
	assert_int_equal(ubx_step_subject(&t.s.profile.step[t.step]), UBX_CFG_RATE);
	assert_int_equal(t.s.state[t.step].got, 250);
	assert_int_equal(ubx_steps_work(&t.s, &t.tx, 0), UBX_STEPS_DIFFER);
}

static void a_nak_means_unsupported_and_is_no_failure(void **state)
{
	struct rate_talk t;

	(void)state;
	begin_talk(&t);
	ubx_steps_nak(&t.s, UBX_CFG_RATE);
	assert_int_equal(t.s.state[t.step].phase, UBX_STEP_ABSENT);
	assert_int_equal(ubx_steps_work(&t.s, &t.tx, 0), UBX_STEPS_VERIFIED);
	ubx_steps_nak(&t.s, UBX_CFG_TP5); /* a stray one, of a step long over */
	assert_int_equal(t.s.state[index_of(&t.s, UBX_CFG_TP5)].phase, UBX_STEP_OK);
}

static void silence_ends_after_all_tries_and_is_named(void **state)
{
	struct rate_talk t;
	uint64_t now = 0;
	unsigned asked = 1;

	(void)state;
	begin_talk(&t);
	while (ubx_steps_work(&t.s, &t.tx, now) == UBX_STEPS_AT_WORK) {
		assert_true(ubx_steps_deadline(&t.s) > now);
		now = ubx_steps_deadline(&t.s);
		asked++;
	}
	assert_int_equal(t.s.state[t.step].phase, UBX_STEP_UNANSWERED);
	assert_int_equal(t.s.state[t.step].polls, 5);
	assert_int_equal(asked, 6);
	assert_in_range(now, 5750 * MS, 5800 * MS);
	assert_int_equal(t.s.timeouts, 5);
}

static void a_required_step_that_is_refused_fails_all(void **state)
{
	struct ubx_steps s = { 0 };
	struct ubx_tx tx = new_tx();

	(void)state;
	ubx_steps_begin(&s, &settings);
	ubx_steps_work(&s, &tx, 0);
	ubx_steps_nak(&s, UBX_CFG_PRT);
	assert_int_equal(ubx_steps_work(&s, &tx, 0), UBX_STEPS_FAILED);
}

static void two_steps_of_one_message_never_wait_together(void **state)
{
	struct ubx_steps s = { 0 };
	struct ubx_tx tx = new_tx();
	int first;

	(void)state;
	ubx_steps_begin(&s, &settings);
	ubx_steps_work(&s, &tx, 0);
	first = index_of(&s, UBX_CFG_MSG);
	assert_int_equal(s.profile.step[first + 1].message, UBX_CFG_MSG);
	assert_int_equal(s.state[first].phase, UBX_STEP_POLLED);
	assert_int_equal(s.state[first + 1].phase, UBX_STEP_TODO);
	/* The answer of the other one (NAV-STATUS) is not taken for this one's (NAV-PVT). */
	ubx_steps_answer(&s, &tx, UBX_CFG_MSG, (const uint8_t[]){ 1, 3, 0, 1, 0, 0, 0, 0 }, 8, 0);
	assert_int_equal(s.state[first].phase, UBX_STEP_POLLED);
	/* The short form has no rate of every port: not an answer either. */
	ubx_steps_answer(&s, &tx, UBX_CFG_MSG, (const uint8_t[]){ 1, 7, 1 }, 3, 0);
	assert_int_equal(s.state[first].phase, UBX_STEP_POLLED);
	ubx_steps_answer(&s, &tx, UBX_CFG_MSG, (const uint8_t[]){ 1, 7, 0, 1, 0, 0, 0, 0 }, 8, 0);
	assert_int_equal(s.state[first].phase, UBX_STEP_OK);
	ubx_steps_work(&s, &tx, 0);
	assert_int_equal(s.state[first + 1].phase, UBX_STEP_POLLED);
}

static void rates_that_a_link_cannot_carry_are_slowed(void **state)
{
	(void)state;
	assert_int_equal(ubx_profile_rate_ms(115200, 100, UBX_EPOCH_BYTES), 100);
	assert_int_equal(ubx_profile_rate_ms(9600, 1000, UBX_EPOCH_BYTES), 1000);
	assert_int_equal(ubx_profile_rate_ms(9600, 100, UBX_EPOCH_BYTES), 162); /* 124 bytes in 80 %
										   of 960 B/s */
	for (unsigned i = 0; i < 3; i++) {
		static const uint32_t bauds[] = { 4800, 9600, 38400 };
		uint16_t rate = ubx_profile_rate_ms(bauds[i], 1, UBX_EPOCH_BYTES);

		assert_true(UBX_EPOCH_BYTES * 1000 / rate <= ubx_profile_capacity(bauds[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_of_the_profile_are_the_settings_wanted),
		cmocka_unit_test(setting_keeps_every_byte_that_is_not_wanted),
		cmocka_unit_test(a_usb_port_is_not_asked_for_a_baud),
		cmocka_unit_test(a_configured_receiver_gets_no_set),
		cmocka_unit_test(an_answer_asked_for_before_the_set_is_stale),
		cmocka_unit_test(a_setting_taken_but_not_so_is_sent_back_and_named),
		cmocka_unit_test(a_nak_means_unsupported_and_is_no_failure),
		cmocka_unit_test(silence_ends_after_all_tries_and_is_named),
		cmocka_unit_test(a_required_step_that_is_refused_fails_all),
		cmocka_unit_test(two_steps_of_one_message_never_wait_together),
		cmocka_unit_test(rates_that_a_link_cannot_carry_are_slowed),
	};

	return cmocka_run_group_tests_name("ubx_steps", tests, NULL, NULL);
}
