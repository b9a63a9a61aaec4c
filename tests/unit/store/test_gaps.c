// SPDX-License-Identifier: BSD-2-Clause
/* gaps against a bitmap that is too simple to be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "server/store/gaps.h"

/* The i-th hole below the highest number in the set, 0 <= i < g->n. */
static struct gaps_range hole_of(const struct gaps *g, unsigned i)
{
	uint64_t below = i == 0 ? g->complete : g->above[i - 1].last;

	return (struct gaps_range){ .first = below + 1, .last = g->above[i].first - 1 };
}

static void a_stream_in_order_has_no_ranges(void **state)
{
	struct gaps g;

	(void)state;
	gaps_init(&g, 0);
	for (uint64_t seq = 1; seq <= 1000; seq++) {
		gaps_add(&g, seq, seq);
		assert_int_equal(g.complete, seq);
		assert_int_equal(g.n, 0);
	}
}

static void a_late_reading_closes_its_hole(void **state)
{
	struct gaps g;
	struct gaps_range hole;

	(void)state;
	gaps_init(&g, 0);
	gaps_add(&g, 1, 4);
	gaps_add(&g, 7, 9);
	gaps_add(&g, 12, 12);
	assert_int_equal(g.complete, 4);
	assert_int_equal(g.n, 2);
	hole = hole_of(&g, 0);
	assert_int_equal(hole.first, 5);
	assert_int_equal(hole.last, 6);
	hole = hole_of(&g, 1);
	assert_int_equal(hole.first, 10);
	assert_int_equal(hole.last, 11);
	gaps_add(&g, 6, 6);
	assert_int_equal(g.complete, 4);
	gaps_add(&g, 5, 5);
	assert_int_equal(g.complete, 9);
	gaps_add(&g, 10, 11);
	assert_int_equal(g.complete, 12);
	assert_int_equal(g.n, 0);
}

static void a_number_that_is_there_changes_nothing(void **state)
{
	struct gaps g, before;

	(void)state;
	gaps_init(&g, 10);
	gaps_add(&g, 20, 30);
	before = g;
	gaps_add(&g, 3, 3);
	gaps_add(&g, 25, 25);
	gaps_add(&g, 20, 30);
	assert_memory_equal(&g, &before, sizeof(g));
}

static void the_largest_numbers_do_not_wrap(void **state)
{
	struct gaps g;

	(void)state;
	gaps_init(&g, 0);
	gaps_add(&g, UINT64_MAX - 1, UINT64_MAX - 1);
	assert_int_equal(g.complete, 0);
	assert_true(gaps_is_accounted(&g, UINT64_MAX - 1));
	assert_false(gaps_is_accounted(&g, 0));
	gaps_add(&g, 1, UINT64_MAX - 2);
	assert_true(g.complete == UINT64_MAX - 1);
	assert_false(gaps_stale(&g));
}

/* Nothing is known from the first forgotten number on, so it does not count as arrived. */
static void the_first_forgotten_number_is_not_passed(void **state)
{
	struct gaps g;

	(void)state;
	gaps_init(&g, 0);
	for (uint64_t i = 1; i <= GAPS_RANGES + 1; i++) {
		gaps_add(&g, 10 * i, 10 * i);
	}
	assert_int_equal(g.forgotten, 10 * (GAPS_RANGES + 1));
	assert_false(gaps_is_accounted(&g, g.forgotten));
	gaps_add(&g, 1, g.forgotten - 2);
	assert_int_equal(g.complete, g.forgotten - 2);
	assert_false(gaps_stale(&g));
	gaps_add(&g, g.forgotten - 1, g.forgotten - 1);
	assert_true(gaps_stale(&g));
	gaps_add(&g, g.forgotten, g.forgotten);
	assert_int_equal(g.complete, g.forgotten - 1);
	assert_true(gaps_stale(&g));
}

/*
 * Random adds beside a bitmap: the set is exact below what it forgot, complete never claims too
 * much, and whenever it falls behind for what was forgotten, gaps_stale() says so.
 */
static void random_orders_agree_with_a_bitmap(void **state)
{
	enum { N = 400 };
	unsigned stale = 0;

	(void)state;
	for (unsigned seed = 1; seed <= 300; seed++) {
		uint8_t there[N + 2] = { 0 };
		struct gaps g;

		srand(seed);
		gaps_init(&g, 0);
		for (unsigned step = 0; step < 300; step++) {
			/* Half of them anywhere, so that ranges are forgotten; half at the front,
			 * so that it gets there. */
			uint64_t first = rand() % 2 == 0 ? 1 + (uint64_t)(rand() % N)
							 : g.complete + 1;
			uint64_t last = first + (uint64_t)(rand() % (seed % 5 + 1));
			uint64_t complete = 0, shown = 0;

			if (first > N) {
				break;
			}
			if (last > N) {
				last = N;
			}
			gaps_add(&g, first, last);
			memset(there + first, 1, last - first + 1);
			while (there[complete + 1]) {
				complete++;
			}
			assert_true(g.complete <= complete);
			if (g.complete < complete) {
				assert_true(gaps_stale(&g));
			}
			if (gaps_stale(&g)) {
				stale++;
				gaps_init(&g, g.complete);
				for (uint64_t seq = 1; seq <= N; seq++) {
					if (there[seq]) {
						gaps_add(&g, seq, seq);
					}
				}
				assert_int_equal(g.complete, complete);
			}
			for (unsigned i = 0; i < g.n; i++) {
				struct gaps_range hole = hole_of(&g, i);

				assert_true(hole.first > shown && hole.first <= hole.last);
				shown = hole.last;
				for (uint64_t seq = hole.first; seq <= hole.last; seq++) {
					assert_false(there[seq]);
					assert_false(gaps_is_accounted(&g, seq));
				}
			}
			for (uint64_t seq = 1; seq <= N && seq < g.forgotten; seq++) {
				assert_int_equal(gaps_is_accounted(&g, seq), there[seq]);
			}
		}
	}
	assert_true(stale > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_in_order_has_no_ranges),
		cmocka_unit_test(a_late_reading_closes_its_hole),
		cmocka_unit_test(a_number_that_is_there_changes_nothing),
		cmocka_unit_test(the_largest_numbers_do_not_wrap),
		cmocka_unit_test(the_first_forgotten_number_is_not_passed),
		cmocka_unit_test(random_orders_agree_with_a_bitmap),
	};

	return cmocka_run_group_tests_name("gaps", tests, NULL, NULL);
}
