// SPDX-License-Identifier: BSD-2-Clause
#include "outbox_kept.h"

#include <errno.h>
#include <string.h>

/* Rows of first..last, and their bytes. */
static int count(struct outbox_sql *s, uint64_t first, uint64_t last, uint64_t *rows,
		 uint64_t *bytes)
{
	int64_t found[2] = { 0 };
	int rc = outbox_sql_first(s, OUTBOX_SQL(s, OUTBOX_SIZE_OF, (int64_t)first, (int64_t)last),
				  2, found);

	*rows += (uint64_t)found[0];
	*bytes += (uint64_t)(found[1] + OUTBOX_ROW_BYTES * found[0]);
	return rc < 0 ? rc : 0;
}

int outbox_kept_load(struct outbox_kept *k, struct outbox_sql *s)
{
	sqlite3_stmt *at = outbox_sql_bind(s, OUTBOX_KEPT, 0, NULL);
	int rc;

	*k = (struct outbox_kept){ .n = 0 };
	while ((rc = sqlite3_step(at)) == SQLITE_ROW && k->n < OUTBOX_KEPT_MAX) {
		k->ranges[k->n++] = (struct outbox_range){ (uint64_t)sqlite3_column_int64(at, 0),
							   (uint64_t)sqlite3_column_int64(at, 1) };
	}
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : outbox_sql_fail(s, rc);
	sqlite3_reset(at);
	for (unsigned i = 0; rc == 0 && i < k->n; i++) {
		rc = count(s, k->ranges[i].first, k->ranges[i].last, &k->rows, &k->bytes);
	}
	return rc;
}

int outbox_kept_write(const struct outbox_kept *k, struct outbox_sql *s, uint64_t at_least)
{
	int rc;

	if (k->unwritten < at_least) {
		return 0;
	}
	rc = outbox_sql_run(s, outbox_sql_bind(s, OUTBOX_KEPT_CLEAR, 0, NULL));
	for (unsigned i = 0; rc == 0 && i < k->n; i++) {
		rc = outbox_sql_run(s, OUTBOX_SQL(s, OUTBOX_KEPT_ADD, (int64_t)k->ranges[i].first,
						  (int64_t)k->ranges[i].last));
	}
	return rc;
}

bool outbox_kept_between(const struct outbox_kept *k, unsigned i, struct outbox_range *range)
{
	range->first = i == 0 ? 1 : k->ranges[i - 1].last + 1;
	range->last = i == k->n ? INT64_MAX : k->ranges[i].first - 1;
	return range->first <= range->last;
}

/* Puts `with` in the place of n ranges from `at` on. */
static int replace(struct outbox_kept *k, unsigned at, unsigned n, const struct outbox_range *with,
		   unsigned n_with)
{
	if (k->n - n + n_with > OUTBOX_KEPT_MAX) {
		return -ENOSPC;
	}
	memmove(&k->ranges[at + n_with], &k->ranges[at + n],
		(k->n - at - n) * sizeof(k->ranges[0]));
	if (n_with > 0) {
		memcpy(&k->ranges[at], with, n_with * sizeof(*with));
	}
	k->n += n_with - n;
	return 0;
}

/* Is nothing waiting between the ranges i and i + 1? Then they become one. */
static int join_ranges(struct outbox_kept *k, struct outbox_sql *s, unsigned i)
{
	struct outbox_range both = { k->ranges[i].first, k->ranges[i + 1].last };
	uint64_t rows = 0, bytes = 0;
	int rc =
		k->ranges[i].last + 1 < k->ranges[i + 1].first
			? count(s, k->ranges[i].last + 1, k->ranges[i + 1].first - 1, &rows, &bytes)
			: 0;

	return rc < 0 || rows > 0 ? rc : replace(k, i, 2, &both, 1);
}

int outbox_kept_add(struct outbox_kept *k, struct outbox_sql *s, uint64_t first, uint64_t last,
		    uint64_t *bytes)
{
	unsigned at = 0, end;
	struct outbox_range all = { first, last };
	uint64_t rows = 0, from = first;
	int rc = 0;

	*bytes = 0;
	while (at < k->n && k->ranges[at].last < first) {
		at++;
	}
	for (end = at; rc == 0 && end < k->n && k->ranges[end].first <= last; end++) {
		const struct outbox_range *old = &k->ranges[end];

		rc = from < old->first ? count(s, from, old->first - 1, &rows, bytes) : 0;
		from = old->last + 1;
		all.first = old->first < all.first ? old->first : all.first;
		all.last = old->last > all.last ? old->last : all.last;
	}
	rc = rc == 0 && from <= last ? count(s, from, last, &rows, bytes) : rc;
	rc = rc == 0 ? replace(k, at, end - at, &all, 1) : rc;
	if (rc < 0) {
		return rc;
	}
	k->rows += rows;
	k->unwritten += rows;
	k->bytes += *bytes;
	rc = at + 1 < k->n ? join_ranges(k, s, at) : 0;
	rc = rc == 0 && at > 0 ? join_ranges(k, s, at - 1) : rc;
	return rc < 0 ? rc : (int)rows;
}

int outbox_kept_release(struct outbox_kept *k, struct outbox_sql *s, uint64_t first, uint64_t last,
			unsigned max, uint64_t *bytes, uint64_t *to)
{
	unsigned at = 0, n = 0;
	struct outbox_range rest[2];
	int64_t found[2] = { 0 };
	uint64_t rows = 0;
	int rc;

	*bytes = 0;
	*to = last;
	while (at < k->n && k->ranges[at].last < first) {
		at++;
	}
	if (at == k->n || k->ranges[at].first > last) {
		return 0;
	}
	first = first > k->ranges[at].first ? first : k->ranges[at].first;
	last = last < k->ranges[at].last ? last : k->ranges[at].last;
	rc = outbox_sql_first(
		s, OUTBOX_SQL(s, OUTBOX_SOME, (int64_t)first, (int64_t)last, (int64_t)max), 2,
		found);
	if (rc < 0) {
		return rc;
	}
	*to = found[1] == max ? (uint64_t)found[0] : last;
	rc = count(s, first, *to, &rows, bytes);
	if (rc < 0 || rows == 0) {
		return rc;
	}
	if (k->ranges[at].first < first) {
		rest[n++] = (struct outbox_range){ k->ranges[at].first, first - 1 };
	}
	if (*to < k->ranges[at].last) {
		rest[n++] = (struct outbox_range){ *to + 1, k->ranges[at].last };
	}
	rc = replace(k, at, 1, rest, n);
	if (rc < 0) {
		return rc;
	}
	k->rows -= rows;
	k->unwritten += rows;
	k->bytes -= *bytes;
	return (int)rows;
}

int outbox_kept_drop(struct outbox_kept *k, struct outbox_sql *s, int64_t before_us)
{
	enum { SEQ, SIZE, UTC, COUNT };
	int64_t oldest[COUNT] = { 0 };
	int rc = 0;

	while (k->n > 0 && rc == 0) {
		rc = outbox_sql_first(s,
				      OUTBOX_SQL(s, OUTBOX_KEPT_OLDEST, (int64_t)k->ranges[0].first,
						 (int64_t)k->ranges[0].last),
				      COUNT, oldest);
		if (rc == 0) { /* a range without rows */
			replace(k, 0, 1, NULL, 0);
		}
	}
	if (rc <= 0 || (before_us != INT64_MAX && (oldest[UTC] == 0 || oldest[UTC] >= before_us))) {
		return rc < 0 ? rc : 0;
	}
	rc = outbox_sql_run(s, OUTBOX_SQL(s, OUTBOX_DROP, oldest[SEQ]));
	if (rc < 0) {
		return rc;
	}
	k->ranges[0].first = (uint64_t)oldest[SEQ] + 1;
	k->unwritten++;
	if (k->ranges[0].first > k->ranges[0].last) {
		replace(k, 0, 1, NULL, 0);
	}
	k->rows--;
	k->bytes -= (uint64_t)oldest[SIZE] + OUTBOX_ROW_BYTES;
	return 1;
}
