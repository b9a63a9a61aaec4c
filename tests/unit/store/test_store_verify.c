// SPDX-License-Identifier: BSD-2-Clause
/* What is stored is proven by its own bytes, and what is too old goes with a cause. On both
 * backends. */
#define _GNU_SOURCE
#include "store_bed.h"

#include <stdlib.h>
#include <string.h>

#define DEVICE "urn:dev:a"
#define OTHER "urn:dev:b"
#define DAY_US INT64_C(86400000000)

/* A temperature with its proof: 25.0625 degC, the example of docs/protocol.md. */
static const struct thermometer_sample proven = {
	.rom = { 0x28, 0xff, 0x4b, 0x46, 0x01, 0x16, 0x03, 0x37 },
	.scratchpad_known = true,
	.temp_known = true,
	.scratchpad = { 0x91, 0x01, 0x4b, 0x46, 0x7f, 0xff, 0x0f, 0x10, 0x25 },
	.temp_mc = 25063,
	.resolution_bits = 12,
};

static void put_proven(const char *device, uint64_t epoch, uint64_t first, uint64_t last)
{
	uint64_t stream = stream_of(device, epoch, NULL);

	for (uint64_t seq = first; seq <= last; seq++) {
		struct reading r;
		struct store_item item = { .stream = stream, .reading = &r, .received_us = T0 };

		bed_make(&r, device, epoch, seq);
		r.temperatures[0] = proven;
		assert_int_equal(store_commit(bed.store, &item, 1), 1);
	}
}

static void sql(const char *text)
{
	assert_true(bed.store->backend->query(bed.store, text, NULL, 0, NULL, NULL) > 0);
}

static int count_call(void *arg, const struct store_verdict *v)
{
	(void)v;
	++*(unsigned *)arg;
	return 0;
}

static void a_store_that_was_left_alone_is_right_and_complete(void **state)
{
	struct store_verdict v;
	unsigned calls = 0;

	(void)state;
	need_mariadb();
	put_proven(DEVICE, 1, 1, 20);
	put_proven(OTHER, 1, 1, 3);
	put_proven(OTHER, READING_EPOCH_LEGACY, 1000, 1000);
	put_proven(OTHER, READING_EPOCH_LEGACY, 2000, 2000);
	assert_int_equal(store_remove(bed.store, DEVICE, 1, 7, T0), 1);
	assert_int_equal(store_verify(bed.store, &v, count_call, &calls), 0);
	assert_int_equal(calls, 3);
	assert_int_equal(v.streams, 3);
	assert_int_equal(v.rows, 24);
	assert_int_equal(v.proven, 24);
	assert_string_equal(v.first, "");
	assert_string_equal(v.first_hole, "");
}

/* The example's bytes as they stand in `sensors`, with one column changed; x'' is the same in both
 * dialects. */
#define SENSORS(rom7, scratchpad0, mc)                       \
	"x'01"                                               \
	"28ff4b46011603" rom7 scratchpad0 "014b467fff0f1025" \
	"03" mc "0191"                                       \
	"0c"                                                 \
	"00"                                                 \
	"00'"

static void whatever_is_changed_is_found_and_the_first_is_named(void **state)
{
	static const struct {
		const char *sql;
		enum store_flaw flaw;
		const char *says;
	} changes[] = {
		{ "UPDATE readings SET sensors = " SENSORS("37", "90", "000061e7") " WHERE seq = 2",
		  STORE_FLAW_CRC,
		  "urn:dev:a 0000000000000001.2: sensor 0: a temperature of quality ok, though its scratchpad is crc-failed" },
		{ "UPDATE readings SET sensors = " SENSORS("36", "91", "000061e7") " WHERE seq = 2",
		  STORE_FLAW_ROM, "CRC of its ROM" },
		{ "UPDATE readings SET t1_mc = 25064, sensors = " SENSORS(
			  "37", "91", "000061e8") " WHERE seq = 2",
		  STORE_FLAW_VALUE, "25064 m\u00b0C is stored, its scratchpad decodes to 25063" },
		{ "UPDATE readings SET t1_mc = 25064 WHERE seq = 2", STORE_FLAW_COLUMN, "t1_mc" },
		{ "UPDATE readings SET t2_mc = 0 WHERE seq = 2", STORE_FLAW_COLUMN, "t2_mc" },
		{ "UPDATE readings SET sensors = x'0102' WHERE seq = 2", STORE_FLAW_ROW,
		  "no reading" },
		{ "UPDATE readings SET lat_e7 = 950000000 WHERE seq = 2", STORE_FLAW_RANGE,
		  "lat 950000000 cannot be" },
		{ "UPDATE readings SET lon_e7 = -1800000001 WHERE seq = 2", STORE_FLAW_RANGE,
		  "lon -1800000001 cannot be" },
		{ "UPDATE readings SET fix_ok = 2 WHERE seq = 2", STORE_FLAW_RANGE, "fixok 2" },
		{ "UPDATE readings SET fix_type = 6 WHERE seq = 2", STORE_FLAW_RANGE, "fix 6" },
		{ "UPDATE readings SET time_source = 9 WHERE seq = 2", STORE_FLAW_RANGE,
		  "time_source 9" },
		{ "UPDATE readings SET time_source = 0 WHERE seq = 2", STORE_FLAW_RANGE,
		  "time_source 0 with a time" },
		{ "UPDATE readings SET time_us = NULL WHERE seq = 2", STORE_FLAW_RANGE,
		  "time_source 1 without a time" },
		{ "UPDATE readings SET time_us = time_us + 2 * 86400000000 WHERE seq = 2",
		  STORE_FLAW_RANGE, "its time is" },
		{ "UPDATE readings SET time_us = 1 WHERE seq = 2", STORE_FLAW_RANGE,
		  "its time is 1," },
	};
	struct store_verdict v;

	(void)state;
	need_mariadb();
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		put_proven(DEVICE, 1, 1, 3);
		sql(changes[i].sql);
		sql("UPDATE readings SET t1_mc = -1 WHERE seq = 3");
		assert_int_equal(store_verify(bed.store, &v, NULL, NULL), 0);
		assert_true(v.flaws[changes[i].flaw] > 0);
		if (strstr(v.first, changes[i].says) == NULL) {
			fail_msg("\"%s\" does not say \"%s\"", v.first, changes[i].says);
		}
		sql("DELETE FROM readings");
	}
}

static void a_row_that_vanished_is_named(void **state)
{
	struct store_verdict v;

	(void)state;
	need_mariadb();
	put_proven(DEVICE, 1, 1, 9);
	sql("DELETE FROM readings WHERE seq = 4");
	assert_int_equal(store_verify(bed.store, &v, NULL, NULL), 0);
	assert_int_equal(v.flaws[STORE_FLAW_HOLE], 1);
	assert_string_equal(v.first_hole, "urn:dev:a 0000000000000001: 4 to 4");
	/* Those that were acknowledged as complete, at the end. */
	assert_int_equal(store_checkpoint(bed.store, stream_of(DEVICE, 1, NULL), 9), 0);
	sql("DELETE FROM readings WHERE seq >= 8");
	sql("UPDATE readings SET seq = 4 WHERE seq = 7");
	assert_int_equal(store_verify(bed.store, &v, NULL, NULL), 0);
	assert_int_equal(v.flaws[STORE_FLAW_HOLE], 3);
	assert_string_equal(v.first_hole,
			    "urn:dev:a 0000000000000001: 7 to 9, though acknowledged");
	assert_string_equal(v.first, "");
}

/* --- age ------------------------------------------------------------------ */

static unsigned expire(const char *device, int64_t days, int64_t now_us)
{
	struct store_expiry what = { .device = device, .days = days };
	unsigned removed = 0;

	while (!what.done) {
		int rc = store_expire(bed.store, &what, now_us);

		assert_true(rc >= 0);
		removed += (unsigned)rc;
	}
	return removed;
}

static int64_t rows_of(const char *device)
{
	struct store_track track = { .device = device, .to_us = INT64_MAX, .limit = 30 };
	struct seen *seen = calloc(1, sizeof(*seen));
	unsigned n;

	assert_int_equal(store_track(bed.store, &track, see, seen), 0);
	n = seen->n;
	free(seen);
	return n;
}

static void what_is_too_old_goes_and_its_hole_is_one_with_a_cause(void **state)
{
	struct store_verdict v;
	char line[256] = "";

	(void)state;
	need_mariadb();
	bed_put(DEVICE, 1, 1, 4000); /* one a second from T0 on */
	bed_put(OTHER, 1, 1, 10);
	assert_int_equal(expire(NULL, 0, T0 + 100 * DAY_US), 0);
	assert_int_equal(expire(NULL, 7, T0 + 7 * DAY_US + 3990500000), 3990 + 10);
	assert_int_equal(rows_of(DEVICE), 10);
	assert_int_equal(rows_of(OTHER), 0);
	assert_int_equal(expire(NULL, 7, T0 + 7 * DAY_US + 3995500000), 5);
	assert_true(bed.store->backend->query(
			    bed.store,
			    "SELECT first_seq, last_seq, cause FROM holes ORDER BY stream DESC",
			    NULL, 0, see_row, line) >= 0);
	assert_non_null(strstr(line, "1|3995|retention|"));
	assert_int_equal(store_verify(bed.store, &v, NULL, NULL), 0);
	assert_int_equal(v.flaws[STORE_FLAW_HOLE], 0);
}

static void a_device_may_have_its_own_age(void **state)
{
	struct store_device d = { .label = "the garden's \xf0\x9f\x8c\xa1", .retention_days = 2 };

	(void)state;
	need_mariadb();
	bed_put(DEVICE, 1, 1, 10);
	bed_put(OTHER, 1, 1, 10);
	assert_int_equal(store_put_device(bed.store, DEVICE, &d, T0), 0);
	assert_int_equal(expire(NULL, 0, T0 + 3 * DAY_US), 10);
	assert_int_equal(rows_of(OTHER), 10);
	d.retention_days = 0;
	bed_put(DEVICE, 1, 11, 20);
	assert_int_equal(store_put_device(bed.store, DEVICE, &d, T0), 0);
	assert_int_equal(expire(NULL, 1, T0 + 3 * DAY_US), 10);
	assert_int_equal(rows_of(DEVICE), 10);
}

static void one_reading_of_the_far_future_keeps_no_others(void **state)
{
	(void)state;
	need_mariadb();
	bed_put(DEVICE, 1, 1, 100);
	sql("UPDATE readings SET time_us = 4102444800000000 WHERE seq = 3");
	assert_int_equal(expire(NULL, 1, T0 + 3 * DAY_US), 99);
}

static void readings_of_the_far_future_keep_no_others(void **state)
{
	(void)state;
	need_mariadb();
	bed_put(DEVICE, 1, 1, 2500);
	sql("UPDATE readings SET time_us = 4102444800000000 WHERE seq <= 2400");
	sql("UPDATE readings SET time_us = NULL WHERE seq = 2450"); /* and came at T0 */
	assert_int_equal(expire(NULL, 1, T0 + 3 * DAY_US), 100);
	assert_int_equal(expire(NULL, 1, T0 + 3 * DAY_US), 0);
}

static void a_chunk_that_could_not_be_removed_goes_with_the_next_call(void **state)
{
	struct store_expiry what = { .days = 1 };
	struct store *other;
	unsigned removed = 0;

	(void)state;
	bed_put(DEVICE, 1, 1, 2500);
	other = store_new(&bed.config);
	assert_int_equal(store_connect(other), 0);
	assert_true(other->backend->query(other, "BEGIN IMMEDIATE", NULL, 0, NULL, NULL) >= 0);
	assert_true(bed.store->backend->query(bed.store, "PRAGMA busy_timeout = 1", NULL, 0, NULL,
					      NULL) >= 0);
	assert_int_equal(store_expire(bed.store, &what, T0 + 3 * DAY_US), STORE_BUSY);
	assert_true(store_connected(bed.store));
	assert_non_null(strstr(store_error(bed.store), "locked"));
	store_free(other);
	while (!what.done) {
		int rc = store_expire(bed.store, &what, T0 + 3 * DAY_US);

		assert_true(rc >= 0);
		removed += (unsigned)rc;
	}
	assert_int_equal(removed, 2500);
}

static void a_device_that_is_forgotten_leaves_explained_holes(void **state)
{
	struct gaps gaps;

	(void)state;
	need_mariadb();
	bed_put(DEVICE, 1, 1, 1500);
	bed_put(DEVICE, READING_EPOCH_LEGACY, 5, 9);
	bed_put(OTHER, 1, 1, 3);
	assert_int_equal(expire(DEVICE, 0, T0), 1505);
	assert_int_equal(rows_of(DEVICE), 0);
	assert_int_equal(rows_of(OTHER), 3);
	stream_of(DEVICE, 1, &gaps);
	assert_int_equal(gaps.complete, 1500);
}

static int same_device(void *arg, const struct store_device *d)
{
	const struct store_device *wanted = arg;

	assert_string_equal(d->label, wanted->label);
	assert_string_equal(d->settings, wanted->settings);
	assert_int_equal(d->retention_days, wanted->retention_days);
	return 1;
}

static void what_an_operator_says_of_a_device_is_kept(void **state)
{
	struct store_device d = { .label = "a 'label' \\ \"",
				  .settings = "{\"interval\":30,\"x\":\"'\\\\\"}",
				  .retention_days = 9 };

	(void)state;
	need_mariadb();
	assert_int_equal(store_get_device(bed.store, DEVICE, same_device, &d), 0);
	assert_int_equal(store_put_device(bed.store, DEVICE, &d, T0), 0);
	assert_int_equal(store_get_device(bed.store, DEVICE, same_device, &d), 1);
	d = (struct store_device){ .retention_days = -1 };
	assert_int_equal(store_put_device(bed.store, DEVICE, &d, T0), 0);
	assert_int_equal(store_get_device(bed.store, DEVICE, same_device, &d), 1);
	assert_int_equal(store_forget_device(bed.store, DEVICE), 1);
	assert_int_equal(store_get_device(bed.store, DEVICE, same_device, &d), 0);
}

int main(void)
{
	int failed;
#define SUITE(open)                                                              \
	ON(a_store_that_was_left_alone_is_right_and_complete, open),             \
		ON(whatever_is_changed_is_found_and_the_first_is_named, open),   \
		ON(a_row_that_vanished_is_named, open),                          \
		ON(what_is_too_old_goes_and_its_hole_is_one_with_a_cause, open), \
		ON(a_device_may_have_its_own_age, open),                         \
		ON(one_reading_of_the_far_future_keeps_no_others, open),         \
		ON(readings_of_the_far_future_keep_no_others, open),             \
		ON(a_device_that_is_forgotten_leaves_explained_holes, open),     \
		ON(what_an_operator_says_of_a_device_is_kept, open)
	const struct CMUnitTest sqlite[] = {
		SUITE(open_sqlite),
		ON(a_chunk_that_could_not_be_removed_goes_with_the_next_call, open_sqlite),
	};
	const struct CMUnitTest mariadb[] = { SUITE(open_mariadb) };

	if (bed_make_dir() < 0) {
		return 1;
	}
	failed = cmocka_run_group_tests_name("store_verify_sqlite", sqlite, NULL, NULL);
	private_mariadbd_start(&mariadbd);
	failed += cmocka_run_group_tests_name("store_verify_mariadb", mariadb, NULL, NULL);
	return bed_remove_dir(failed);
}
