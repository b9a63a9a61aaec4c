// SPDX-License-Identifier: BSD-2-Clause
/* What is kept comes back: one suite, run on both backends. */
#define _GNU_SOURCE
#include "store_bed.h"

#include <stdlib.h>
#include <string.h>

/* --- the suite ------------------------------------------------------------ */

static void fill(struct reading *r, int64_t (*value)(const struct reading_scalar_info *info))
{
	for (unsigned i = 0; i < READING_SCALAR_COUNT; i++) {
		assert_int_equal(reading_scalar_put(r, i, value(&reading_scalars[i])), 0);
	}
}

static int64_t smallest(const struct reading_scalar_info *info)
{
	return !info->is_signed ? 0 : -(INT64_C(1) << (8 * info->size - 1));
}

static int64_t largest(const struct reading_scalar_info *info)
{
	return info->size == 8 ? -1 : (INT64_C(1) << (8 * info->size - info->is_signed)) - 1;
}

static void a_reading_comes_back_exactly_as_it_was_stored(void **state)
{
	struct reading r[4];
	struct store_item item[4];
	uint64_t stream;

	(void)state;
	need_mariadb();
	stream = stream_of("urn:dev:mac:0000000000000001", UINT64_MAX, NULL);
	for (unsigned i = 0; i < 4; i++) {
		bed_make(&r[i], "urn:dev:mac:0000000000000001", UINT64_MAX, i + 1);
		item[i] = (struct store_item){ .stream = stream,
					       .reading = &r[i],
					       .received_us = T0 };
	}
	r[0].n_temperatures = 0; /* knows nothing but its key */
	r[0].time_source = READING_TIME_NONE;
	r[0].time_acc_ns = UINT64_MAX;
	fill(&r[1], smallest);
	r[1].utc_us = -1;
	fill(&r[2], largest);
	r[2].seq = INT64_MAX;
	r[2].boot_ns = 1;
	strcpy(r[2].host, "it's \\ \"quoted\" ? %s; -- x'");
	strcpy(r[2].version, "0.1\xc2\xb5");
	strcpy(r[2].note, "\xf0\x9f\x8c\xa1 \x01\x7f 'DROP TABLE readings;\n");
	r[2].n_temperatures = READING_TEMPERATURES_MAX;
	for (unsigned i = 0; i < READING_TEMPERATURES_MAX; i++) {
		struct thermometer_sample *t = &r[2].temperatures[i];

		memset(t->rom, (int)i, sizeof(t->rom));
		t->scratchpad_known = i % 2;
		if (t->scratchpad_known) {
			memset(t->scratchpad, 255 - (int)i, sizeof(t->scratchpad));
		}
		t->temp_known = i % 3 != 0;
		t->temp_mc = t->temp_known ? -55000 + (int32_t)i : 0;
		t->resolution_bits = 9 + i % 4;
		t->retries = 255;
		t->quality = (uint8_t)(i % 8);
	}
	r[3].temperatures[0].temp_known = false;
	assert_int_equal(store_commit(bed.store, item, 4), 4);
	for (unsigned i = 0; i < 4; i++) {
		struct seen *seen = calloc(1, sizeof(*seen));

		assert_int_equal(store_one(bed.store, r[i].device, r[i].epoch, r[i].seq, see, seen),
				 0);
		assert_int_equal(seen->n, 1);
		assert_true(reading_equal(&seen->reading[0], &r[i]));
		free(seen);
	}
}

static void a_reading_sent_again_is_stored_once(void **state)
{
	(void)state;
	need_mariadb();
	assert_int_equal(bed_put("urn:dev:a", 1, 1, 100), 100);
	assert_int_equal(bed_put("urn:dev:a", 1, 1, 100), 0);
	assert_int_equal(bed_put("urn:dev:a", 1, 51, 150), 50);
	assert_int_equal(bed_put("urn:dev:a", 2, 1, 100), 100);
	assert_int_equal(bed_put("urn:dev:b", 1, 1, 100), 100);
}

static void other_content_under_a_taken_key_is_kept_out_and_told(void **state)
{
	struct reading r[3];
	struct store_item item[3];
	struct seen *seen = calloc(1, sizeof(*seen));
	uint64_t stream;

	(void)state;
	need_mariadb();
	bed_put("urn:dev:a", 1, 1, 2);
	stream = stream_of("urn:dev:a", 1, NULL);
	for (unsigned i = 0; i < 3; i++) {
		bed_make(&r[i], "urn:dev:a", 1, i + 1);
		item[i] = (struct store_item){ .stream = stream,
					       .reading = &r[i],
					       .received_us = T0 };
	}
	r[2].boot_ns = 77;
	r[1].temperatures[0].scratchpad[3] = 7;
	r[1].temperatures[0].scratchpad_known = true;
	assert_int_equal(store_commit(bed.store, item, 3), 1);
	assert_false(item[0].conflict);
	assert_true(item[1].conflict);
	assert_false(item[2].conflict);
	/* Dated since: it is the same sample. */
	r[2].time_source = READING_TIME_SERVER;
	r[2].utc_us += 5;
	assert_int_equal(store_commit(bed.store, item, 3), 0);
	assert_true(item[1].conflict);
	assert_false(item[2].conflict);
	r[2].boot_ns++;
	assert_int_equal(store_commit(bed.store, item, 3), 0);
	assert_true(item[2].conflict);
	assert_int_equal(store_one(bed.store, "urn:dev:a", 1, 2, see, seen), 0);
	assert_false(seen->reading[0].temperatures[0].scratchpad_known);
	free(seen);
}

static void the_same_key_twice_in_a_batch_is_stored_once(void **state)
{
	struct reading r[2];
	struct store_item item[2];

	(void)state;
	need_mariadb();
	for (unsigned i = 0; i < 2; i++) {
		bed_make(&r[i], "urn:dev:a", 1, 5);
		item[i] = (struct store_item){ .stream = stream_of("urn:dev:a", 1, NULL),
					       .reading = &r[i],
					       .received_us = T0 };
	}
	assert_int_equal(store_commit(bed.store, item, 2), 1);
	assert_false(item[0].conflict || item[1].conflict);
}

static void a_stream_is_found_again_with_all_it_has(void **state)
{
	struct gaps gaps;
	uint64_t stream;

	(void)state;
	need_mariadb();
	stream = stream_of("urn:dev:a", 7, &gaps);
	assert_int_equal(gaps.complete, 0);
	assert_int_equal(gaps.n, 0);
	bed_put("urn:dev:a", 7, 1, 10);
	bed_put("urn:dev:a", 7, 12, 12);
	bed_put("urn:dev:a", 7, 20, 30);
	bed_put("urn:dev:a", 8, 2, 3);
	for (unsigned checkpointed = 0; checkpointed < 2; checkpointed++) {
		assert_int_equal(stream_of("urn:dev:a", 7, &gaps), stream);
		assert_int_equal(gaps.complete, 10);
		assert_int_equal(gaps.n, 2);
		assert_int_equal(gaps.above[0].first, 12);
		assert_int_equal(gaps.above[0].last, 12);
		assert_int_equal(gaps.above[1].first, 20);
		assert_int_equal(gaps.above[1].last, 30);
		assert_int_equal(store_checkpoint(bed.store, stream, 9), 0);
	}
	assert_int_not_equal(stream_of("urn:dev:a", 8, &gaps), stream);
	assert_int_equal(gaps.complete, 0);
	assert_int_equal(gaps.above[0].first, 2);
	assert_int_equal(gaps.above[0].last, 3);
}

static void a_device_begins_so_many_streams_in_a_day(void **state)
{
	const int64_t day_us = 86400 * INT64_C(1000000);
	struct gaps gaps;
	uint64_t stream;

	(void)state;
	need_mariadb();
	for (unsigned i = 1; i <= STORE_STREAMS_A_DAY; i++) {
		assert_int_equal(store_stream(bed.store, "urn:dev:a", i, T0, &stream, &gaps), 0);
	}
	assert_int_equal(
		store_stream(bed.store, "urn:dev:a", STORE_STREAMS_A_DAY + 1, T0, &stream, &gaps),
		STORE_REFUSED);
	assert_int_equal(store_stream(bed.store, "urn:dev:a", 1, T0, &stream, &gaps), 0);
	assert_int_equal(store_stream(bed.store, "urn:dev:b", 1, T0, &stream, &gaps), 0);
	assert_int_equal(store_stream(bed.store, "urn:dev:a", STORE_STREAMS_A_DAY + 1, T0 + day_us,
				      &stream, &gaps),
			 0);
}

static void newest_is_the_last_of_the_stream_heard_of_last(void **state)
{
	struct seen *seen = calloc(1, sizeof(*seen));
	struct reading r;
	struct store_item item = { .reading = &r, .received_us = T0 + 1000000 };

	(void)state;
	need_mariadb();
	assert_int_equal(store_newest(bed.store, NULL, see, seen), 0);
	assert_int_equal(seen->n, 0);
	bed_put("urn:dev:b", 9, 1, 4);
	bed_put("urn:dev:a", 1, 1, 40);
	bed_put("urn:dev:a", 2, 1, 3);
	bed_make(&r, "urn:dev:a", 2, 4);
	item.stream = stream_of("urn:dev:a", 2, NULL);
	assert_int_equal(store_commit(bed.store, &item, 1), 1);
	stream_of("urn:dev:c", 1, NULL); /* a stream without a reading is no device yet */
	assert_int_equal(store_newest(bed.store, NULL, see, seen), 0);
	assert_int_equal(seen->n, 2);
	assert_string_equal(seen->reading[0].device, "urn:dev:a");
	assert_int_equal(seen->reading[0].epoch, 2);
	assert_int_equal(seen->reading[0].seq, 4);
	assert_string_equal(seen->reading[1].device, "urn:dev:b");
	assert_int_equal(seen->reading[1].seq, 4);
	seen->n = 0;
	assert_int_equal(store_newest(bed.store, "urn:dev:b", see, seen), 0);
	assert_int_equal(seen->n, 1);
	assert_string_equal(seen->reading[0].device, "urn:dev:b");
	free(seen);
}

static void expect_track(struct seen *seen, const struct store_track *track, unsigned n,
			 uint64_t first, uint64_t last)
{
	seen->n = 0;
	assert_int_equal(store_track(bed.store, track, see, seen), 0);
	assert_int_equal(seen->n, n);
	if (n > 0) {
		assert_int_equal(seen->reading[0].seq, first);
		assert_int_equal(seen->reading[n - 1].seq, last);
	}
	for (unsigned i = 1; i < n; i++) {
		assert_true(seen->reading[i].utc_us >= seen->reading[i - 1].utc_us);
	}
}

static void a_track_runs_in_time_over_all_epochs(void **state)
{
	struct seen *seen = calloc(1, sizeof(*seen));
	struct store_track track = { .device = "urn:dev:a", .to_us = INT64_MAX, .limit = 30 };
	struct reading r;
	struct store_item item = { .reading = &r, .received_us = T0 };

	(void)state;
	need_mariadb();
	expect_track(seen, &track, 0, 0, 0);
	bed_put("urn:dev:a", 1, 1, 10);
	bed_put("urn:dev:a", 2, 6, 15); /* the times overlap those of epoch 1 */
	bed_put("urn:dev:b", 1, 1, 10);
	bed_make(&r, "urn:dev:a", 1, 11);
	r.time_source = READING_TIME_NONE;
	item.stream = stream_of("urn:dev:a", 1, NULL);
	assert_int_equal(store_commit(bed.store, &item, 1), 1);
	expect_track(seen, &track, 20, 1, 15);
	track.limit = 4;
	expect_track(seen, &track, 4, 12, 15);
	track.to_us = T0 + 10 * 1000000;
	expect_track(seen, &track, 4, 9, 10);
	assert_int_equal(seen->reading[2].epoch, 1);
	assert_int_equal(seen->reading[3].epoch, 2);
	track.from_known = true;
	track.from_us = T0 + 2 * 1000000;
	expect_track(seen, &track, 4, 2, 5);
	track.limit = 30;
	expect_track(seen, &track, 14, 2, 10);
	free(seen);
}

/* As many streams as a track asks one by one, and one more. */
static void a_track_of_many_streams_is_whole(void **state)
{
	struct seen *seen = calloc(1, sizeof(*seen));
	struct store_track track = { .device = "urn:dev:a", .to_us = INT64_MAX, .limit = 5 };

	(void)state;
	need_mariadb();
	for (uint64_t epoch = 1; epoch <= 65; epoch++) {
		bed_put("urn:dev:a", epoch, epoch, epoch);
		if (epoch >= 63) {
			track.from_known = false;
			expect_track(seen, &track, 5, epoch - 4, epoch);
			track.from_known = true;
			track.from_us = T0;
			expect_track(seen, &track, 5, 1, 5);
		}
	}
	free(seen);
}

static int stop_at_the_third(void *arg, const struct reading *r, int64_t received_us)
{
	(void)r;
	(void)received_us;
	return ++*(unsigned *)arg == 3 ? -7 : 0;
}

static void a_track_ends_with_the_code_of_the_callback(void **state)
{
	struct store_track track = { .device = "urn:dev:a", .to_us = INT64_MAX, .limit = 30 };
	unsigned n = 0;

	(void)state;
	need_mariadb();
	bed_put("urn:dev:a", 1, 1, 10);
	assert_int_equal(store_track(bed.store, &track, stop_at_the_third, &n), -7);
	assert_int_equal(n, 3);
	assert_int_equal(bed_put("urn:dev:a", 1, 11, 11), 1); /* the connection is as good as before
							       */
}

static uint64_t mark_of(const char *device)
{
	uint64_t mark = 0;

	assert_int_equal(store_mark(bed.store, device, &mark), 0);
	assert_true(mark != 0);
	return mark;
}

static void a_mark_changes_with_what_was_added_or_removed_of_its_device_only(void **state)
{
	uint64_t a, b, all;

	(void)state;
	need_mariadb();
	bed_put("urn:dev:a", 1, 1, 10);
	bed_put("urn:dev:b", 1, 1, 10);
	a = mark_of("urn:dev:a");
	b = mark_of("urn:dev:b");
	all = mark_of(NULL);
	assert_true(mark_of("urn:dev:a") == a && mark_of(NULL) == all);
	bed_put("urn:dev:a", 1, 10, 10); /* again */
	assert_true(mark_of("urn:dev:a") == a);
	bed_put("urn:dev:a", 1, 11, 11);
	assert_true(mark_of("urn:dev:a") != a && mark_of(NULL) != all);
	assert_true(mark_of("urn:dev:b") == b);
	a = mark_of("urn:dev:a");
	all = mark_of(NULL);
	assert_int_equal(store_remove(bed.store, "urn:dev:a", 1, 4, T0), 1);
	assert_true(mark_of("urn:dev:a") != a && mark_of(NULL) != all);
	a = mark_of("urn:dev:a");
	assert_int_equal(store_remove(bed.store, "urn:dev:a", 1, 5, T0), 1); /* the hole grows */
	assert_true(mark_of("urn:dev:a") != a);
	a = mark_of("urn:dev:a");
	bed_put("urn:dev:a", 2, 1, 1); /* another stream */
	assert_true(mark_of("urn:dev:a") != a);
	assert_true(mark_of("urn:dev:none") != 0);
}

static void a_large_batch_of_large_readings_is_one_commit(void **state)
{
	enum { N = 600 }; /* 2.5 MB of text on MariaDB, whose packet limit here is 1 MB */
	struct reading *r = calloc(N, sizeof(*r));
	struct store_item *items = calloc(N, sizeof(*items));
	uint64_t stream;
	struct gaps gaps;

	(void)state;
	need_mariadb();
	stream = stream_of("urn:dev:a", 1, NULL);
	for (unsigned i = 0; i < N; i++) {
		bed_make(&r[i], "urn:dev:a", 1, i + 1);
		r[i].n_temperatures = READING_TEMPERATURES_MAX;
		items[i] = (struct store_item){ .stream = stream,
						.reading = &r[i],
						.received_us = T0 };
	}
	assert_int_equal(store_commit(bed.store, items, N), N);
	stream_of("urn:dev:a", 1, &gaps);
	assert_int_equal(gaps.complete, N);
	free(items);
	free(r);
}

static void plain_sql_shows_temperature_position_time_and_sequence(void **state)
{
	char line[512] = "";
	struct reading r;
	struct store_item item = { .reading = &r, .received_us = T0 };

	(void)state;
	need_mariadb();
	bed_make(&r, "urn:dev:a", 0x1f, 5);
	reading_scalar_put(&r, READING_LAT, 525163400);
	reading_scalar_put(&r, READING_LON, -134049999);
	r.temperatures[0].temp_mc = -10063;
	item.stream = stream_of("urn:dev:a", 0x1f, NULL);
	assert_int_equal(store_commit(bed.store, &item, 1), 1);
	/* Numbers as text on both, so that one line is expected of both. */
	assert_true(
		bed.store->backend->query(
			bed.store,
			"SELECT device, epoch, seq, REPLACE(REPLACE(CAST(time AS CHAR), 'T', ' '), 'Z', ''), time_source, "
			"CAST(ROUND(t1 * 1000) AS CHAR), t2, CAST(ROUND(lat * 10000000) AS CHAR), "
			"CAST(ROUND(lon * 10000000) AS CHAR) FROM reading_view",
			NULL, 0, see_row, line) >= 0);
	for (char *dot; (dot = strstr(line, ".0|")) != NULL;) {
		memmove(dot, dot + 2, strlen(dot + 2) + 1);
	}
	assert_string_equal(
		line, "urn:dev:a|000000000000001f|5|2023-11-14 22:13:25.000000|gnss|-10063|NULL|"
		      "525163400|-134049999|");
}

/* More outboxes than one query joins. */
static void no_epoch_is_left_out_of_a_track(void **state)
{
	enum { N = 70 };
	struct store_track track = { .device = "urn:dev:a", .to_us = INT64_MAX, .limit = 3 };
	struct seen *seen = calloc(1, sizeof(*seen));

	(void)state;
	need_mariadb();
	for (uint64_t epoch = 1; epoch <= N; epoch++) {
		bed_put("urn:dev:a", epoch, epoch, epoch); /* one a second from T0 on */
	}
	track.from_known = true;
	track.from_us = T0;
	expect_track(seen, &track, 3, 1, 3);
	track.from_known = false;
	expect_track(seen, &track, 3, N - 2, N);
	free(seen);
}

/* A flipped bit on the disk must not keep the node sending what is stored. */
static void a_damaged_row_is_a_conflict_of_its_own_and_no_refusal_of_the_batch(void **state)
{
	struct reading r[4];
	struct store_item items[4];

	(void)state;
	need_mariadb();
	bed_put("urn:dev:a", 1, 1, 3);
	assert_true(bed.store->backend->query(bed.store,
					      "UPDATE readings SET sensors = X'ff' WHERE seq = 2",
					      NULL, 0, NULL, NULL) == 1);
	for (unsigned i = 0; i < 4; i++) {
		bed_make(&r[i], "urn:dev:a", 1, i + 1);
		items[i] = (struct store_item){ .stream = stream_of("urn:dev:a", 1, NULL),
						.reading = &r[i],
						.received_us = T0 };
	}
	assert_int_equal(store_commit(bed.store, items, 4), 1);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(items[i].conflict, i == 1);
	}
}

int main(void)
{
	int failed;
#define SUITE(open)                                                                           \
	ON(a_reading_comes_back_exactly_as_it_was_stored, open),                              \
		ON(a_reading_sent_again_is_stored_once, open),                                \
		ON(other_content_under_a_taken_key_is_kept_out_and_told, open),               \
		ON(the_same_key_twice_in_a_batch_is_stored_once, open),                       \
		ON(a_stream_is_found_again_with_all_it_has, open),                            \
		ON(a_device_begins_so_many_streams_in_a_day, open),                           \
		ON(newest_is_the_last_of_the_stream_heard_of_last, open),                     \
		ON(a_track_of_many_streams_is_whole, open),                                   \
		ON(a_track_ends_with_the_code_of_the_callback, open),                         \
		ON(a_mark_changes_with_what_was_added_or_removed_of_its_device_only, open),   \
		ON(a_track_runs_in_time_over_all_epochs, open),                               \
		ON(no_epoch_is_left_out_of_a_track, open),                                    \
		ON(a_damaged_row_is_a_conflict_of_its_own_and_no_refusal_of_the_batch, open), \
		ON(a_large_batch_of_large_readings_is_one_commit, open),                      \
		ON(plain_sql_shows_temperature_position_time_and_sequence, open)
	const struct CMUnitTest sqlite[] = { SUITE(open_sqlite) };
	const struct CMUnitTest mariadb[] = { SUITE(open_mariadb) };

	if (bed_make_dir() < 0) {
		return 1;
	}
	failed = cmocka_run_group_tests_name("store_sqlite", sqlite, NULL, NULL);
	private_mariadbd_start(&mariadbd);
	failed += cmocka_run_group_tests_name("store_mariadb", mariadb, NULL, NULL);
	return bed_remove_dir(failed);
}
