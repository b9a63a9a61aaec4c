// SPDX-License-Identifier: BSD-2-Clause
/* What the server has confirmed stays in the outbox for a while, in case it loses it. */
#define _GNU_SOURCE /* st_mtim */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "outbox_place.h"
#include "userspace/reading/senml.h"

static int keeping_setup(void **state)
{
	struct place *p;
	int rc = place_setup(state);

	p = *state;
	p->config.keep_us = INT64_C(3600000000);
	return rc != 0 ? rc : place_reopen(p);
}

/* n readings, one a second from at_s on. */
static void put(struct place *p, unsigned n, int64_t at_s)
{
	for (unsigned i = 0; i < n; i++) {
		struct reading r = sample(10 + i);

		r.time_source = READING_TIME_GNSS;
		r.utc_us = T0 + (at_s + i) * 1000000;
		assert_int_equal(outbox_put(p->o, &r), 0);
	}
}

/* The seqs that wait, in their order, as "1 2 5". */
static const char *waiting(struct place *p, enum outbox_order order)
{
	static struct reading r[64];
	static char text[300];
	static uint8_t body[65536];
	struct outbox_pack pack;
	struct senml_error error;
	int n = outbox_peek(p->o, order, &(const struct outbox_sent){ none, none }, 64, body,
			    sizeof(body), &pack);
	size_t at = 0;

	text[0] = '\0';
	assert_true(n >= 0);
	if (n > 0) {
		assert_int_equal(senml_decode(SENML_CBOR, body, pack.size, r, 64, &error), n);
	}
	for (int i = 0; i < n; i++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u", i > 0 ? " " : "",
				       (unsigned)r[i].seq);
	}
	return text;
}

static int confirm(struct place *p, uint64_t first, uint64_t last)
{
	return outbox_confirm(p->o, stats(p).epoch, first, last);
}

static void what_is_confirmed_waits_no_more_and_is_kept(void **state)
{
	struct place *p = *state;

	put(p, 8, 0);
	assert_int_equal(confirm(p, 3, 4), 2);
	assert_string_equal(waiting(p, OUTBOX_OLDEST_FIRST), "1 2 5 6 7 8");
	assert_string_equal(waiting(p, OUTBOX_NEWEST_FIRST), "8 7 6 5 2 1");
	assert_int_equal(confirm(p, 1, 5), 3);
	assert_int_equal(confirm(p, 1, 5), 0);
	assert_int_equal(confirm(p, 7, 7), 1);
	assert_string_equal(waiting(p, OUTBOX_OLDEST_FIRST), "6 8");
	assert_int_equal(stats(p).rows, 2);
	assert_int_equal(stats(p).kept, 6);
	assert_int_equal(place_reopen(p), 0);
	assert_string_equal(waiting(p, OUTBOX_OLDEST_FIRST), "6 8");
	assert_int_equal(stats(p).rows, 2);
	assert_int_equal(stats(p).kept, 6);
	assert_int_equal(confirm(p, 6, 8), 2);
	assert_int_equal(stats(p).rows, 0);
	assert_int_equal(stats(p).bytes, 0);
	assert_int_equal(stats(p).gaps, 0);
	put(p, 1, 8);
	assert_int_equal(stats(p).next_seq, 10);
}

static void a_crash_before_the_next_write_sends_again_and_loses_nothing(void **state)
{
	struct place *p = *state;

	put(p, 70, 0);
	assert_int_equal(confirm(p, 1, 63), 63);
	put(p, 1, 70);
	assert_int_equal(place_crash(p), 0);
	assert_int_equal(stats(p).rows, 71);
	assert_int_equal(stats(p).kept, 0);
	assert_int_equal(confirm(p, 1, 69), 69);
	put(p, 1, 71); /* takes the mark along */
	assert_int_equal(place_crash(p), 0);
	assert_string_equal(waiting(p, OUTBOX_OLDEST_FIRST), "70 71 72");
	assert_int_equal(stats(p).kept, 69);
}

static void what_the_server_has_lost_waits_again_some_at_a_time(void **state)
{
	struct place *p = *state;
	uint64_t to;

	put(p, 10, 0);
	assert_int_equal(confirm(p, 1, 9), 9);
	assert_int_equal(outbox_resend(p->o, 3, 7, 2, &to), 2);
	assert_int_equal(to, 4);
	assert_string_equal(waiting(p, OUTBOX_OLDEST_FIRST), "3 4 10");
	assert_int_equal(outbox_resend(p->o, 5, 7, 100, &to), 3);
	assert_int_equal(to, 7);
	assert_int_equal(outbox_resend(p->o, 3, 7, 100, &to), 0);
	assert_int_equal(outbox_resend(p->o, 50, 70, 100, &to), 0);
	assert_int_equal(to, 70);
	assert_string_equal(waiting(p, OUTBOX_OLDEST_FIRST), "3 4 5 6 7 10");
	assert_int_equal(stats(p).kept, 4);
	assert_int_equal(confirm(p, 3, 7), 5);
	assert_int_equal(stats(p).kept, 9);
	assert_int_equal(outbox_resend(p->o, 1, 100, 100, &to), 9);
	assert_int_equal(stats(p).kept, 0);
}

static void what_is_kept_goes_by_its_age(void **state)
{
	struct place *p = *state;

	put(p, 192, 0);
	assert_int_equal(confirm(p, 1, 192), 192);
	put(p, 64, 3600 + 100 - 63); /* the 256th, at 3700, looks at what is older than 100 */
	assert_int_equal(stats(p).kept, 192 - 100);
	put(p, 64, 9000000); /* a clock that is wrong takes no more than some */
	assert_int_equal(stats(p).kept, 0);
	assert_int_equal(stats(p).gaps, 0);
	assert_int_equal(stats(p).rows, 128);
}

static void what_is_kept_goes_first_where_room_is_short(void **state)
{
	struct place *p = *state;

	p->config.max_rows = 10;
	assert_int_equal(place_reopen(p), 0);
	put(p, 10, 0);
	assert_int_equal(confirm(p, 3, 8), 6);
	put(p, 6, 10);
	assert_int_equal(stats(p).kept, 0);
	assert_int_equal(stats(p).gaps, 0);
	assert_int_equal(stats(p).rows, 10);
	assert_string_equal(waiting(p, OUTBOX_OLDEST_FIRST), "1 2 9 10 11 12 13 14 15 16");
	put(p, 1, 20);
	assert_int_equal(stats(p).gaps, 1);
	assert_int_equal(stats(p).dropped, 1);
}

static void more_ranges_than_are_counted_are_deleted(void **state)
{
	struct place *p = *state;

	put(p, 200, 0);
	for (uint64_t seq = 1; seq <= 200; seq += 2) {
		assert_int_equal(confirm(p, seq, seq), 1);
	}
	assert_int_equal(stats(p).rows, 100);
	assert_int_equal(stats(p).kept, 64);
	assert_int_equal(confirm(p, 1, 200), 100);
	assert_int_equal(stats(p).rows, 0);
	assert_string_equal(waiting(p, OUTBOX_OLDEST_FIRST), "");
	assert_int_equal(place_reopen(p), 0);
	assert_int_equal(stats(p).rows, 0);
	assert_int_equal(stats(p).next_seq, 201);
}

static void confirming_writes_nothing(void **state)
{
	struct place *p = *state;
	struct stat before, after;
	char wal[160];

	snprintf(wal, sizeof(wal), "%s-wal", p->path);
	put(p, 5, 0);
	assert_int_equal(stat(wal, &before), 0);
	assert_int_equal(confirm(p, 1, 5), 5);
	assert_int_equal(stat(wal, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	assert_memory_equal(&after.st_mtim, &before.st_mtim, sizeof(after.st_mtim));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, keeping_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_confirmed_waits_no_more_and_is_kept),
		TEST(a_crash_before_the_next_write_sends_again_and_loses_nothing),
		TEST(what_the_server_has_lost_waits_again_some_at_a_time),
		TEST(what_is_kept_goes_by_its_age),
		TEST(what_is_kept_goes_first_where_room_is_short),
		TEST(more_ranges_than_are_counted_are_deleted),
		TEST(confirming_writes_nothing),
	};

	return cmocka_run_group_tests_name("outbox_kept", tests, NULL, NULL);
}
