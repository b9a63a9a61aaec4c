// SPDX-License-Identifier: BSD-2-Clause
/* What is missing and why, on both backends. */
#define _GNU_SOURCE
#include "store_bed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE "urn:dev:a"

struct account {
	char text[512]; /* "1-41 42-44:full ..." */
};

static int see_range(void *arg, uint64_t epoch, struct gaps_range range, const char *cause)
{
	struct account *account = arg;
	size_t at = strlen(account->text);

	assert_int_equal(epoch, 3);
	snprintf(account->text + at, sizeof(account->text) - at, "%s%" PRIu64 "-%" PRIu64 "%s%s",
		 at > 0 ? " " : "", range.first, range.last, cause != NULL ? ":" : "",
		 cause != NULL ? cause : "");
	return 0;
}

static void expect_ranges(const char *wanted)
{
	struct account account = { "" };

	assert_int_equal(store_ranges(bed.store, DEVICE, 0, see_range, &account), 0);
	assert_string_equal(account.text, wanted);
}

static void explain(uint64_t first, uint64_t last, const char *cause)
{
	struct store_hole hole = { .range = { first, last } };

	strcpy(hole.cause, cause);
	assert_int_equal(store_explain(bed.store, stream_of(DEVICE, 3, NULL), &hole, 1, T0), 0);
}

static void what_a_node_dropped_counts_as_explained(void **state)
{
	struct gaps gaps;

	(void)state;
	need_mariadb();
	bed_put(DEVICE, 3, 1, 4);
	bed_put(DEVICE, 3, 8, 9);
	explain(5, 6, "full");
	expect_ranges("1-4 8-9 5-6:full");
	stream_of(DEVICE, 3, &gaps);
	assert_int_equal(gaps.complete, 6);
	explain(7, 7, "power");
	stream_of(DEVICE, 3, &gaps);
	assert_int_equal(gaps.complete, 9);
	expect_ranges("1-4 8-9 5-6:full 7-7:power");
}

static void the_first_cause_of_a_number_stands(void **state)
{
	(void)state;
	need_mariadb();
	explain(10, 20, "full");
	explain(10, 20, "full");
	explain(15, 15, "power");
	explain(5, 25, "damaged");
	explain(1, 30, "power");
	expect_ranges("1-4:power 5-9:damaged 10-20:full 21-25:damaged 26-30:power");
}

static void a_reading_that_comes_after_all_is_no_hole(void **state)
{
	(void)state;
	need_mariadb();
	explain(1, 10, "full");
	bed_put(DEVICE, 3, 1, 2);
	bed_put(DEVICE, 3, 5, 5);
	bed_put(DEVICE, 3, 10, 10);
	expect_ranges("1-2 5-5 10-10 3-4:full 6-9:full");
	assert_int_equal(store_checkpoint(bed.store, stream_of(DEVICE, 3, NULL), 10), 0);
	expect_ranges("1-10 3-4:full 6-9:full");
}

static void a_removed_reading_leaves_an_explained_hole(void **state)
{
	struct seen *seen = calloc(1, sizeof(*seen));
	struct gaps gaps;

	(void)state;
	need_mariadb();
	bed_put(DEVICE, 3, 1, 5);
	bed_put(DEVICE, 3, 7, 8);
	assert_int_equal(store_remove(bed.store, DEVICE, 3, 4, T0), 1);
	assert_int_equal(store_remove(bed.store, DEVICE, 3, 4, T0), 0);
	assert_int_equal(store_remove(bed.store, DEVICE, 4, 4, T0), 0);
	assert_int_equal(store_one(bed.store, DEVICE, 3, 4, see, seen), 0);
	assert_int_equal(seen->n, 0);
	stream_of(DEVICE, 3, &gaps);
	assert_int_equal(gaps.complete, 5);
	expect_ranges("1-3 5-5 7-8 4-4:removed by operator");
	free(seen);
}

static int count_epoch(void *arg, uint64_t epoch, struct gaps_range range, const char *cause)
{
	(void)range;
	(void)cause;
	assert_int_equal(epoch, ++*(uint64_t *)arg);
	return 0;
}

static void no_epoch_is_left_out(void **state)
{
	uint64_t last = 0;

	(void)state;
	need_mariadb();
	for (uint64_t epoch = 1; epoch <= 70; epoch++) {
		bed_put(DEVICE, epoch, 1, 1);
	}
	assert_int_equal(store_ranges(bed.store, DEVICE, 0, count_epoch, &last), 0);
	assert_int_equal(last, 70);
}

static int see_start(void *arg, const struct store_start *start)
{
	char *text = arg;

	sprintf(text + strlen(text), "%u.%u:%u:%d:%d ", (unsigned)start->epoch,
		(unsigned)start->seq, (unsigned)start->cause,
		start->since_us != 0 ? (int)((start->since_us - T0) / 1000000) : 0,
		start->until_us != 0 ? (int)((start->until_us - T0) / 1000000) : 0);
	return 0;
}

static void put_start(uint64_t epoch, uint64_t seq, enum reading_start cause)
{
	struct reading r;
	struct store_item item = { .stream = stream_of(DEVICE, epoch, NULL),
				   .reading = &r,
				   .received_us = T0 };

	bed_make(&r, DEVICE, epoch, seq);
	assert_int_equal(reading_scalar_put(&r, READING_START, cause), 0);
	assert_int_equal(store_commit(bed.store, &item, 1), 1);
}

static void starts_of_a_node_have_the_times_around_them(void **state)
{
	char text[160] = "";

	(void)state;
	need_mariadb();
	put_start(3, 1, READING_START_NEW);
	bed_put(DEVICE, 3, 2, 8);
	put_start(3, 9, READING_START_POWER);
	put_start(3, 11, READING_START_CRASH); /* number 10 has not arrived */
	put_start(4, 1, 200);
	assert_int_equal(store_starts(bed.store, DEVICE, see_start, text), 0);
	assert_string_equal(text, "3.1:0:0:1 3.9:3:8:9 3.11:2:0:11 4.1:200:0:1 ");
	*text = '\0';
	assert_int_equal(store_starts(bed.store, "urn:dev:other", see_start, text), 0);
	assert_string_equal(text, "");
}

int main(void)
{
	int failed;
#define SUITE(open)                                                    \
	ON(what_a_node_dropped_counts_as_explained, open),             \
		ON(the_first_cause_of_a_number_stands, open),          \
		ON(a_reading_that_comes_after_all_is_no_hole, open),   \
		ON(a_removed_reading_leaves_an_explained_hole, open),  \
		ON(starts_of_a_node_have_the_times_around_them, open), \
		ON(no_epoch_is_left_out, open)
	const struct CMUnitTest sqlite[] = { SUITE(open_sqlite) };
	const struct CMUnitTest mariadb[] = { SUITE(open_mariadb) };

	if (bed_make_dir() < 0) {
		return 1;
	}
	failed = cmocka_run_group_tests_name("store_holes_sqlite", sqlite, NULL, NULL);
	private_mariadbd_start(&mariadbd);
	failed += cmocka_run_group_tests_name("store_holes_mariadb", mariadb, NULL, NULL);
	return bed_remove_dir(failed);
}
