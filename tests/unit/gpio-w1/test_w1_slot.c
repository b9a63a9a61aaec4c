// SPDX-License-Identifier: BSD-2-Clause
/* Single slots on a scripted line, for the exact bounds and errors that the simulated bus, whose
 * calls take random times, meets by chance only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "gpio-w1/w1_error.h"
#include "gpio-w1/w1_slot.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define NEVER UINT64_MAX

/* A line without devices; only samples take time. */
struct script {
	uint64_t now_ns, sample_ns, released_ns;
	uint64_t fails_after_ns; /* samples so long after a release have no level */
	bool low;
};

static int drive_low(void *ctx)
{
	((struct script *)ctx)->low = true;
	return 0;
}

static int release(void *ctx)
{
	struct script *l = ctx;

	l->low = false;
	l->released_ns = l->now_ns;
	return 0;
}

static int sample(void *ctx)
{
	struct script *l = ctx;
	bool fails = l->released_ns > 0 && l->now_ns - l->released_ns >= l->fails_after_ns;

	l->now_ns += l->sample_ns;
	return fails ? -EIO : !l->low;
}

static uint64_t now(void *ctx)
{
	return ((struct script *)ctx)->now_ns;
}

static void wait_until(void *ctx, uint64_t until_ns)
{
	struct script *l = ctx;

	l->now_ns = until_ns > l->now_ns ? until_ns : l->now_ns;
}

static const struct w1_line_ops ops = {
	.drive_low = drive_low,
	.release = release,
	.sample = sample,
	.now_ns = now,
	.spin_until = wait_until,
	.sleep_until = wait_until,
};

static int reset(uint64_t sample_ns, uint64_t fails_after_ns, struct w1_slots *s)
{
	struct script line = { .now_ns = MS,
			       .sample_ns = sample_ns,
			       .fails_after_ns = fails_after_ns };

	w1_slots_init(s, (struct w1_line){ &ops, &line });
	return w1_slot_reset(s);
}

/* From the begin of one sample to the end of the next. */
static void a_gap_as_long_as_a_presence_pulse_may_have_hidden_one(void **state)
{
	struct w1_slots s;

	(void)state;
	assert_int_equal(reset(30 * US - 1, NEVER, &s), W1_ENOPRESENCE);
	assert_int_equal(s.violations[W1_VIOLATION_PRESENCE], 0);
	assert_int_equal(reset(30 * US, NEVER, &s), W1_EVIOLATION);
	assert_int_equal(s.violations[W1_VIOLATION_PRESENCE], 1);
}

static void an_error_while_presence_is_awaited_is_no_presence(void **state)
{
	struct w1_slots s;

	(void)state;
	for (uint64_t at = 0; at <= 300 * US; at += 50 * US) {
		assert_int_equal(reset(2 * US, at, &s), -EIO);
	}
}

static void the_longest_time_awake_is_kept(void **state)
{
	struct script line = { .now_ns = MS };
	struct w1_slots s;

	(void)state;
	w1_slots_init(&s, (struct w1_line){ &ops, &line });
	w1_slots_sleep(&s, 2 * MS);
	assert_int_equal(s.awake_longest_ns, 0); /* from the start to the first sleep: not known */
	for (unsigned i = 0; i < 3; i++) {
		line.now_ns += (i == 1 ? 5 : 2) * MS;
		w1_slots_sleep(&s, line.now_ns + MS);
	}
	assert_int_equal(s.awake_longest_ns, 5 * MS);
	assert_int_equal(s.sleeps, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gap_as_long_as_a_presence_pulse_may_have_hidden_one),
		cmocka_unit_test(an_error_while_presence_is_awaited_is_no_presence),
		cmocka_unit_test(the_longest_time_awake_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
