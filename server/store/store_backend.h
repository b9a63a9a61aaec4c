/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_backend: what SQLite and MariaDB each bring to store.c: a connection that runs SQL.
 *
 * store.c writes SQL that both understand; what differs is in this table. Every call
 * that fails fills store->error and returns a code of store.h. After STORE_DOWN the
 * connection is of no more use: store.c closes it.
 */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "migrations.h"
#include "store.h"
#include "store_row.h"

/* Values are valid for the call. A non-zero return ends the walk and is what query() returns. */
typedef int (*sql_row_fn)(void *arg, const struct sql_value *values, size_t n);

struct store_backend {
	const char *keep; /* ends an INSERT INTO streams or holes that leaves an existing row alone
			   */
	const char *keep_lease; /* the same for leases */
	const char *has_schema; /* 1 row: how many tables schema_migrations there are */
	const char *lock; /* one server at a time changes the schema: its row, if any, is 1 */
	const char *unlock; /* and keep the changes */
	const char *abandon; /* unlock after a failure */
	const char *begin;
	const char *lock_row; /* ends a SELECT in a transaction: others wait for its row until the
				 end */
	const char *by_key; /* after `readings`: use its primary key, whatever the statistics
			       suggest */
	const struct migration *migrations;
	const size_t *migrations_count;

	int (*open)(struct store *s);
	void (*close)(struct store *s);
	/* "?" takes params in order. Rows go to `each` (may be NULL). Rows changed, or a negative
	 * code. */
	int (*query)(struct store *s, const char *sql, const struct sql_value *params, size_t n,
		     sql_row_fn each, void *arg);
	/*
	 * Inside no transaction: adds what is new, all or nothing and durable. How many were. In
	 * the same statement or transaction: STORE_REPLACED, see store_commit().
	 */
	int (*insert)(struct store *s, const struct store_item *items, size_t n);
};

extern const struct store_backend store_sqlite, store_mariadb;

struct store {
	const struct store_backend *backend;
	struct store_config config;
	void *db; /* the backend's; NULL: not connected */
	bool begun; /* store_begin() has, and store_end() is to come */
	unsigned host; /* MariaDB: which of the hosts is tried next */
	struct store_row row; /* scratch for insert() */
	struct reading reading; /* scratch for rows read */
	char error[320];
};

/* Writes the message, returns code. */
int store_fail(struct store *s, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
