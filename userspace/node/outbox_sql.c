// SPDX-License-Identifier: BSD-2-Clause
#include "outbox_sql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "outbox_file.h"

static const char *const sql_of[OUTBOX_STATEMENT_COUNT] = {
#define X(id, sql) [OUTBOX_##id] = sql,
	OUTBOX_STATEMENTS(X)
#undef X
};

int outbox_sql_fail(struct outbox_sql *s, int sqlite_rc)
{
	int error = outbox_file_error(sqlite_rc);

	snprintf(s->reason, sizeof(s->reason), "%s: %s (SQLite %d)", strerror(-error),
		 sqlite3_errmsg(s->db), sqlite_rc);
	s->damaged |= error == -EUCLEAN;
	return error;
}

int outbox_sql_prepare(struct outbox_sql *s, sqlite3 *db)
{
	s->db = db;
	for (int i = 0; i < OUTBOX_STATEMENT_COUNT; i++) {
		int rc = sqlite3_prepare_v3(db, sql_of[i], -1, SQLITE_PREPARE_PERSISTENT,
					    &s->statements[i], NULL);

		if (rc != SQLITE_OK) {
			return outbox_sql_fail(s, rc);
		}
	}
	return 0;
}

void outbox_sql_free(struct outbox_sql *s)
{
	for (int i = 0; i < OUTBOX_STATEMENT_COUNT; i++) {
		sqlite3_finalize(s->statements[i]);
		s->statements[i] = NULL;
	}
}

sqlite3_stmt *outbox_sql_bind(struct outbox_sql *s, enum outbox_statement id, unsigned n,
			      const int64_t *values)
{
	sqlite3_stmt *statement = s->statements[id];

	sqlite3_reset(statement);
	for (unsigned i = 0; i < n; i++) {
		sqlite3_bind_int64(statement, (int)i + 1, values[i]);
	}
	return statement;
}

int outbox_sql_first(struct outbox_sql *s, sqlite3_stmt *statement, unsigned n, int64_t *values)
{
	int rc = sqlite3_step(statement);

	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		rc = outbox_sql_fail(s, rc);
		sqlite3_reset(statement);
		return rc;
	}
	for (unsigned i = 0; i < n && rc == SQLITE_ROW; i++) {
		values[i] = sqlite3_column_int64(statement, (int)i);
	}
	sqlite3_reset(statement);
	return rc == SQLITE_ROW;
}

int outbox_sql_text(struct outbox_sql *s, enum outbox_statement id, char *text, size_t size)
{
	sqlite3_stmt *statement = outbox_sql_bind(s, id, 0, NULL);
	int rc = sqlite3_step(statement);

	if (rc == SQLITE_ROW) {
		const char *value = (const char *)sqlite3_column_text(statement, 0);

		snprintf(text, size, "%s", value != NULL ? value : "");
		rc = 1;
	} else {
		rc = rc == SQLITE_DONE ? 0 : outbox_sql_fail(s, rc);
	}
	sqlite3_reset(statement);
	return rc;
}

int outbox_sql_run(struct outbox_sql *s, sqlite3_stmt *statement)
{
	int rc = outbox_sql_first(s, statement, 0, NULL);

	return rc < 0 ? rc : 0;
}

int outbox_sql_begin(struct outbox_sql *s)
{
	return outbox_sql_run(s, s->statements[OUTBOX_BEGIN]);
}

int outbox_sql_finish(struct outbox_sql *s, int rc)
{
	if (rc == 0) {
		rc = outbox_sql_run(s, s->statements[OUTBOX_COMMIT]);
	}
	if (rc != 0 && !sqlite3_get_autocommit(s->db)) {
		sqlite3_step(s->statements[OUTBOX_ROLLBACK]);
		sqlite3_reset(s->statements[OUTBOX_ROLLBACK]);
	}
	return rc;
}
