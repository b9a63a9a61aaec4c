// SPDX-License-Identifier: BSD-2-Clause
/* store_verify: the part of store.h that recomputes temperatures from the stored scratchpads. */
#include "store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gpio-w1/ds18b20.h"
#include "gpio-w1/w1_crc.h"
#include "store_sql.h"

#define ROWS 1000
#define Y2000_US INT64_C(946684800000000)
#define DAY_US INT64_C(86400000000)

struct check {
	struct store *store;
	struct store_verdict *verdict;
	char device[READING_DEVICE_SIZE];
	int64_t stream, complete; /* numbers covered by the checkpoint */
	uint64_t epoch, seq;
	unsigned rows, n_missing; /* of the chunk */
	struct gaps_range missing[ROWS];
};

static void flaw(struct check *c, enum store_flaw flaw, const char *what)
{
	struct store_verdict *v = c->verdict;

	if (v->first[0] == '\0') {
		snprintf(v->first, sizeof(v->first), "%s %016" PRIx64 ".%" PRIu64 ": %s", c->device,
			 c->epoch, c->seq, what);
	}
	v->flaws[flaw]++;
}

static void check_temperature(struct check *c, const struct thermometer_sample *t, unsigned i)
{
	struct ds18b20_value value = { 0 };
	enum ds18b20_quality quality;
	char what[128];

	if (w1_crc8(t->rom, 7) != t->rom[7]) {
		snprintf(what, sizeof(what), "sensor %u: the CRC of its ROM is wrong", i);
		flaw(c, STORE_FLAW_ROM, what);
		return;
	}
	if (!t->scratchpad_known) {
		c->verdict->unproven += t->temp_known;
		return;
	}
	if (!ds18b20_is_thermometer(t->rom[0])) {
		return;
	}
	quality = ds18b20_decode(t->rom[0], t->scratchpad, &value);
	if (quality == DS18B20_CRC_FAILED || quality == DS18B20_BAD_SCRATCHPAD) {
		if (t->quality == DS18B20_OK || t->temp_known) {
			snprintf(
				what, sizeof(what),
				"sensor %u: a temperature of quality %s, though its scratchpad is %s",
				i, ds18b20_quality_name(t->quality), ds18b20_quality_name(quality));
			flaw(c, STORE_FLAW_CRC, what);
		}
	} else if (t->temp_known && t->temp_mc != value.temp_mc) {
		snprintf(what, sizeof(what),
			 "sensor %u: %" PRId32
			 " m\u00b0C is stored, its scratchpad decodes to %" PRId32,
			 i, t->temp_mc, value.temp_mc);
		flaw(c, STORE_FLAW_VALUE, what);
	} else {
		c->verdict->proven += t->temp_known;
	}
}

/* What a value may be. Only what is never true: other doubts are the reader's. */
static const struct {
	enum reading_scalar id;
	int64_t min, max;
} limits[] = {
	{ READING_LAT, -900000000, 900000000 },
	{ READING_LON, -1800000000, 1800000000 },
	{ READING_HEADING, -36000000, 36000000 },
	{ READING_FIX_TYPE, 0, 5 },
	{ READING_FIX_OK, 0, 1 },
	{ READING_CPU_TEMP, -100000, 200000 },
};

static void check_values(struct check *c, const struct sql_value *v, const struct reading *r)
{
	const struct sql_value *time = &v[STORE_COLUMN_TIME];
	int64_t source = v[STORE_COLUMN_TIME_SOURCE].integer,
		received_us = v[STORE_COLUMN_RECEIVED].integer;
	char what[96];

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		int64_t value = reading_scalar_get(r, limits[i].id);

		if (reading_knows(r, limits[i].id) &&
		    (value < limits[i].min || value > limits[i].max)) {
			snprintf(what, sizeof(what), "%s %" PRId64 " cannot be",
				 reading_scalars[limits[i].id].name, value);
			flaw(c, STORE_FLAW_RANGE, what);
		}
	}
	if (source < READING_TIME_NONE || source > READING_TIME_SERVER ||
	    (source == READING_TIME_NONE) != (time->type == SQL_NULL)) {
		snprintf(what, sizeof(what), "time_source %" PRId64 " with%s a time", source,
			 time->type == SQL_NULL ? "out" : "");
		flaw(c, STORE_FLAW_RANGE, what);
	}
	/* Only a machine's own clock (host) can be that wrong. */
	if (time->type != SQL_NULL &&
	    (time->integer < Y2000_US ||
	     (source != READING_TIME_HOST && time->integer > received_us + DAY_US))) {
		snprintf(what, sizeof(what), "its time is %" PRId64 ", it was received at %" PRId64,
			 time->integer, received_us);
		flaw(c, STORE_FLAW_RANGE, what);
	}
}

static int check_row(void *arg, const struct sql_value *v, size_t n)
{
	struct check *c = arg;
	struct reading *r = &c->store->reading;

	(void)n;
	c->rows++;
	c->verdict->rows++;
	if ((uint64_t)v[STORE_COLUMN_SEQ].integer != c->seq + 1) {
		c->missing[c->n_missing++] =
			(struct gaps_range){ c->seq + 1,
					     (uint64_t)v[STORE_COLUMN_SEQ].integer - 1 };
	}
	c->seq = (uint64_t)v[STORE_COLUMN_SEQ].integer;
	if (store_row_reading(v, c->device, c->epoch, r) < 0) {
		flaw(c, STORE_FLAW_ROW, "the row is no reading");
		return 0;
	}
	check_values(c, v, r);
	for (unsigned i = 0; i < r->n_temperatures; i++) {
		check_temperature(c, &r->temperatures[i], i);
	}
	for (unsigned i = 0; i < 4; i++) {
		const struct sql_value *column = &v[STORE_COLUMN_T1 + i];
		bool known = i < r->n_temperatures && r->temperatures[i].temp_known;

		if ((column->type == SQL_INTEGER) != known ||
		    (known && column->integer != r->temperatures[i].temp_mc)) {
			char what[64];

			snprintf(what, sizeof(what), "t%u_mc is not what `sensors` holds", i + 1);
			flaw(c, STORE_FLAW_COLUMN, what);
		}
	}
	return 0;
}

/* Counts the numbers of the range that have no cause. */
static int check_missing(struct check *c, struct gaps_range range)
{
	struct store_verdict *v = c->verdict;
	struct gaps_range piece;
	int rc;

	if (c->epoch == READING_EPOCH_LEGACY) {
		return 0;
	}
	while ((rc = store_find_unexplained(c->store, c->stream, range, &piece)) > 0) {
		if (v->first_hole[0] == '\0') {
			snprintf(v->first_hole, sizeof(v->first_hole),
				 "%s %016" PRIx64 ": %" PRIu64 " to %" PRIu64 "%s", c->device,
				 c->epoch, piece.first, piece.last,
				 piece.first <= (uint64_t)c->complete ? ", though acknowledged"
								      : "");
		}
		v->flaws[STORE_FLAW_HOLE] += piece.last - piece.first + 1;
		range.first = piece.last + 1;
	}
	return rc;
}

static int check_stream(struct check *c, int (*progress)(void *arg, const struct store_verdict *v),
			void *arg)
{
	char sql[1024];
	int rc = 0;

	snprintf(sql, sizeof(sql),
		 "SELECT %s FROM readings WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?",
		 store_row_names);
	c->seq = 0;
	do {
		c->rows = c->n_missing = 0;
		rc = store_query(c->store, sql,
				 SQL_PARAMS(sql_integer(c->stream), sql_integer((int64_t)c->seq),
					    sql_integer(ROWS)),
				 check_row, c);
		for (unsigned i = 0; rc >= 0 && i < c->n_missing; i++) {
			rc = check_missing(c, c->missing[i]);
		}
		if (rc >= 0 && progress != NULL) {
			rc = progress(arg, c->verdict);
			if (rc != 0) {
				return rc;
			}
		}
	} while (rc >= 0 && c->rows == ROWS);
	/* Numbers above the last row that the checkpoint counts as stored. */
	if (rc >= 0 && c->complete > 0 && (uint64_t)c->complete > c->seq) {
		rc = check_missing(c, (struct gaps_range){ c->seq + 1, (uint64_t)c->complete });
	}
	return rc < 0 ? rc : 0;
}

static int on_stream(void *arg, const struct sql_value *v, size_t n)
{
	struct check *c = arg;
	size_t size = v[1].size < sizeof(c->device) ? v[1].size : sizeof(c->device) - 1;

	(void)n;
	c->stream = v[0].integer;
	memcpy(c->device, v[1].data, size);
	c->device[size] = '\0';
	c->epoch = sql_epoch_of(&v[2]);
	c->complete = v[3].integer;
	return 0;
}

int store_verify(struct store *s, struct store_verdict *verdict,
		 int (*progress)(void *arg, const struct store_verdict *v), void *arg)
{
	struct check c = { .store = s, .verdict = verdict };
	int64_t renumbered = 0;
	int rc;

	memset(verdict, 0, sizeof(*verdict));
	rc = store_query(s, "SELECT COUNT(DISTINCT stream) FROM holes WHERE cause = ?",
			 SQL_PARAMS(sql_text(STORE_CAUSE_NODE "renumbered")), sql_first_integer,
			 &renumbered);
	verdict->renumbered = (uint64_t)renumbered;
	while (rc >= 0) {
		int64_t last = c.stream;

		rc = store_query(
			s,
			"SELECT id, device, epoch, complete FROM streams WHERE id > ? ORDER BY id LIMIT 1",
			SQL_PARAMS(sql_integer(last)), on_stream, &c);
		if (rc < 0 || c.stream == last) {
			return rc < 0 ? rc : 0;
		}
		verdict->streams++;
		rc = check_stream(&c, progress, arg);
		if (rc != 0) {
			return rc;
		}
	}
	return rc;
}
