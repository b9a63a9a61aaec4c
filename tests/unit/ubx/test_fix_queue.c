// SPDX-License-Identifier: BSD-2-Clause
/* Fixes wait for their owner in order, and those of one read are all given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ubx_rig.h"

static void the_oldest_is_lost_when_it_is_full(void **state)
{
	struct fix_queue q = { 0 };
	struct gnss_fix fix = { 0 };

	(void)state;
	assert_false(fix_queue_take(&q, &fix));
	for (unsigned i = 0; i < FIX_QUEUE_SIZE + 3; i++) {
		fix_queue_put(&q, &(struct gnss_fix){ .itow_ms = i });
	}
	for (unsigned i = 3; i < FIX_QUEUE_SIZE + 3; i++) {
		assert_true(fix_queue_take(&q, &fix));
		assert_int_equal(fix.itow_ms, i);
	}
	assert_false(fix_queue_take(&q, &fix));
}

static void where_it_has_room_the_next_512_bytes_lose_nothing(void **state)
{
	struct fix_queue q = { 0 };
	struct gnss_fix fix = { 0 };

	(void)state;
	while (fix_queue_has_room(&q)) {
		fix_queue_put(&q, &(struct gnss_fix){ .itow_ms = q.count });
	}
	/* The newest and these: the end of a frame and 512 / 92 whole ones. */
	for (unsigned i = 1; i < 512 / 92 + 1; i++) {
		fix_queue_put(&q, &(struct gnss_fix){ .itow_ms = q.count });
	}
	assert_true(fix_queue_take(&q, &fix));
	assert_int_equal(fix.itow_ms, 0);
	assert_int_equal(q.count, FIX_QUEUE_SIZE - 2);
}

static void fixes_that_come_at_once_are_each_given(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();
	struct gnss_fix fix;
	uint32_t last;
	unsigned given = 0;

	(void)state;
	ubx_rig_receiver(&receiver);
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	while (fix_queue_take(&r.host.queue, &fix)) {
	}
	last = fix.itow_ms;
	r.busy_until_ns = r.now_ns + 5 * RIG_S;
	ubx_rig_run(&r, 5 * RIG_S + RIG_MS);
	while (fix_queue_take(&r.host.queue, &fix)) {
		assert_int_equal(fix.itow_ms, last + 1000);
		last = fix.itow_ms;
		given++;
	}
	assert_int_equal(given, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_is_lost_when_it_is_full),
		cmocka_unit_test(where_it_has_room_the_next_512_bytes_lose_nothing),
		cmocka_unit_test(fixes_that_come_at_once_are_each_given),
	};

	return cmocka_run_group_tests_name("fix_queue", tests, NULL, NULL);
}
