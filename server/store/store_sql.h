/* SPDX-License-Identifier: BSD-2-Clause */
/* store_sql: how store*.c write a query: parameters, the connection's loss in one place, small
 * values back. */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include "store_backend.h"

/* For store_query(): SQL_PARAMS(sql_text(device), sql_integer(n)) stands for values and their
 * number. */
#define SQL_PARAMS(...)                            \
	(const struct sql_value[]){ __VA_ARGS__ }, \
		sizeof((const struct sql_value[]){ __VA_ARGS__ }) / sizeof(struct sql_value)
#define SQL_NO_PARAMS NULL, 0

struct sql_value sql_integer(int64_t n);
struct sql_value sql_text(const char *s); /* borrowed */

/* An epoch is random bits: 16 hexadecimal digits in SQL, no sign and nothing to add up. */
struct epoch_text {
	char digits[17];
};
struct sql_value sql_epoch(uint64_t epoch, struct epoch_text *text);
uint64_t sql_epoch_of(const struct sql_value *v);

/* A row of `streams`. */
struct stream_row {
	bool found;
	int64_t id, complete;
};
/* 0, and row->found is whether there is one. */
int store_find_stream(struct store *s, const char *device, uint64_t epoch, struct stream_row *row);

/* A transaction; others that note holes of the same stream wait for its end. */
int store_begin(struct store *s, int64_t stream);
/* 1 and in *piece the first numbers of the range that have no cause; 0: all have one. */
int store_find_unexplained(struct store *s, int64_t stream, struct gaps_range range,
			   struct gaps_range *piece);
/* In it: what of the range has no cause yet gets this one. */
int store_explain_range(struct store *s, int64_t stream, struct gaps_range range, const char *cause,
			int64_t now_us);
/* Ends a transaction, also one that could not begin: COMMIT where rc >= 0, else ROLLBACK that
 * leaves the error as it is. rc, or why COMMIT failed. */
int store_end(struct store *s, int rc);

/* A sql_row_fn: the first column of the last row into *(int64_t *)arg. */
int sql_first_integer(void *arg, const struct sql_value *v, size_t n);

/* The backend's query(), STORE_DOWN where there is no connection. */
int store_query(struct store *s, const char *sql, const struct sql_value *params, size_t n,
		sql_row_fn each, void *arg);
void store_disconnect(struct store *s);
/* Passes rc on, and closes a connection that is lost (STORE_DOWN): the next store_connect() makes a
 * new one. */
int store_after(struct store *s, int rc);

#endif
