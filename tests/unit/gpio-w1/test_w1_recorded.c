// SPDX-License-Identifier: BSD-2-Clause
/* A cycle recorded on a preempted bus comes out the same when it is played; another program is told
 * apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gpio-w1/w1_cycle.h"
#include "gpio-w1/w1_recorded.h"
#include "userspace/sim/w1_sim_line.h"

#define ENTRIES 400000

static struct w1_recorded_entry entries[ENTRIES];
static struct thermometer_sample first[W1_CYCLE_DEVICES], second[W1_CYCLE_DEVICES];

static size_t record(unsigned *n, size_t capacity, bool *incomplete)
{
	const struct w1_sim_config config = { .seed = 9, .preempt_ppm = 1000 };
	struct w1_sim *sim = w1_sim_new(&config);
	struct w1_recorded r;
	struct w1_cycle cycle;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(w1_sim_add(sim, W1_MODEL_A1, false), i);
	}
	w1_cycle_init(&cycle, w1_recorded_record(&r, w1_sim_line(sim), entries, capacity), NULL, 0);
	assert_int_equal(w1_cycle_run(&cycle, first, n), 3);
	assert_true(cycle.bus.retries > 0);
	*incomplete = r.incomplete;
	w1_sim_free(sim);
	return r.n;
}

static void a_recorded_cycle_is_played_with_the_same_result(void **state)
{
	struct w1_recorded r;
	struct w1_cycle cycle;
	unsigned n, m;
	bool incomplete;
	size_t len = record(&n, ENTRIES, &incomplete);

	(void)state;
	assert_false(incomplete);
	w1_cycle_init(&cycle, w1_recorded_play(&r, entries, len), NULL, 0);
	assert_int_equal(w1_cycle_run(&cycle, second, &m), 3);
	assert_int_equal(m, n);
	assert_memory_equal(second, first, sizeof(first));
	assert_false(r.incomplete);
	assert_int_equal(r.n, len);
}

static void a_recording_that_is_too_short_ends_in_an_error_not_in_a_loop(void **state)
{
	struct w1_recorded r;
	struct w1_cycle cycle;
	unsigned n, m;
	bool incomplete;
	size_t len = record(&n, 5000, &incomplete);

	(void)state;
	assert_true(incomplete);
	w1_cycle_init(&cycle, w1_recorded_play(&r, entries, len), NULL, 0);
	assert_true(w1_cycle_run(&cycle, second, &m) < 0);
	assert_true(r.incomplete);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recorded_cycle_is_played_with_the_same_result),
		cmocka_unit_test(a_recording_that_is_too_short_ends_in_an_error_not_in_a_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
