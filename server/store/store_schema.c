// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* clock_gettime, memmem, strndup */
#include "store_schema.h"

#include <stdlib.h>
#include <string.h>

#include "store_sql.h"
#include "time/now.h"

/* 0: none yet. */
static int schema_version(struct store *s, size_t *version)
{
	int64_t found = 0;
	int rc = store_query(s, s->backend->has_schema, SQL_NO_PARAMS, sql_first_integer, &found);

	if (rc >= 0 && found != 0) {
		found = 0;
		rc = store_query(s, "SELECT COALESCE(MAX(version), 0) FROM schema_migrations",
				 SQL_NO_PARAMS, sql_first_integer, &found);
	}
	*version = (size_t)found;
	if (rc >= 0 && *version > *s->backend->migrations_count) {
		return store_fail(
			s, STORE_UNUSABLE,
			"the database has schema %zu, this server knows %zu: run the newer server",
			*version, *s->backend->migrations_count);
	}
	return rc;
}

/* Statement by statement: each ends with ';' at the end of a line. */
static int run_migration(struct store *s, const struct migration *m)
{
	const char *at = m->sql;
	int rc = 0;

	while (rc >= 0 && at < m->end) {
		const char *stop = memmem(at, (size_t)(m->end - at), ";\n", 2);
		char *sql;

		if (stop == NULL) {
			break;
		}
		sql = strndup(at, (size_t)(stop - at));
		if (sql == NULL) {
			return store_fail(s, STORE_DOWN, "out of memory");
		}
		rc = store_query(s, sql, SQL_NO_PARAMS, NULL, NULL);
		free(sql);
		at = stop + 2;
	}
	return rc;
}

static int migrate_locked(struct store *s)
{
	size_t version;
	int rc = schema_version(s, &version);

	if (rc >= 0 && version == 0) {
		rc = store_query(
			s,
			"CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER NOT NULL PRIMARY KEY, "
			"name VARCHAR(64) NOT NULL, applied_us BIGINT NOT NULL)",
			SQL_NO_PARAMS, NULL, NULL);
	}
	for (size_t i = version; rc >= 0 && i < *s->backend->migrations_count; i++) {
		const struct migration *m = &s->backend->migrations[i];

		rc = run_migration(s, m);
		if (rc >= 0) {
			rc = store_query(
				s,
				"INSERT INTO schema_migrations (version, name, applied_us) VALUES (?, ?, ?)",
				SQL_PARAMS(sql_integer((int64_t)i + 1), sql_text(m->name),
					   sql_integer(now_utc_us())),
				NULL, NULL);
		}
	}
	return rc;
}

/* GET_LOCK() returns 1, 0 for a timeout and NULL for an error; BEGIN has no row. */
static int lock_schema(void *arg, const struct sql_value *v, size_t n)
{
	*(bool *)arg = n == 1 && v[0].type == SQL_INTEGER && v[0].integer == 1;
	return 0;
}

int store_schema_update(struct store *s)
{
	size_t version = 0;
	bool locked = true;
	int rc = schema_version(s, &version);

	if (rc < 0 || version == *s->backend->migrations_count) {
		return rc;
	}
	if (s->config.read_only) {
		return store_fail(
			s, STORE_UNUSABLE,
			"the database has schema %zu, this program reads %zu: start the server on it, or on a copy",
			version, *s->backend->migrations_count);
	}
	rc = store_query(s, s->backend->lock, SQL_NO_PARAMS, lock_schema, &locked);
	if (rc < 0) {
		return rc;
	}
	if (!locked) {
		return store_fail(s, STORE_DOWN, "another server is changing the schema");
	}
	rc = migrate_locked(s);
	if (rc >= 0) {
		return store_query(s, s->backend->unlock, SQL_NO_PARAMS, NULL, NULL);
	}
	if (s->db != NULL) {
		char why[sizeof(s->error)];

		memcpy(why, s->error, sizeof(why));
		store_query(s, s->backend->abandon, SQL_NO_PARAMS, NULL, NULL);
		store_fail(s, rc, "%s", why);
	}
	return rc;
}
