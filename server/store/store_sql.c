// SPDX-License-Identifier: BSD-2-Clause
#include "store_sql.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int store_fail(struct store *s, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->error, sizeof(s->error), format, args);
	va_end(args);
	return code;
}

struct sql_value sql_integer(int64_t n)
{
	return (struct sql_value){ .type = SQL_INTEGER, .integer = n };
}

struct sql_value sql_text(const char *s)
{
	return (struct sql_value){ .type = SQL_TEXT, .data = s, .size = strlen(s) };
}

struct sql_value sql_epoch(uint64_t epoch, struct epoch_text *text)
{
	snprintf(text->digits, sizeof(text->digits), "%016" PRIx64, epoch);
	return sql_text(text->digits);
}

uint64_t sql_epoch_of(const struct sql_value *v)
{
	char digits[17] = "";

	if (v->type == SQL_TEXT && v->size == 16) {
		memcpy(digits, v->data, 16);
	}
	return strtoull(digits, NULL, 16);
}

int store_after(struct store *s, int rc)
{
	if (rc == STORE_DOWN) {
		store_disconnect(s);
	}
	return rc;
}

int store_query(struct store *s, const char *sql, const struct sql_value *params, size_t n,
		sql_row_fn each, void *arg)
{
	if (s->db == NULL) {
		return STORE_DOWN;
	}
	return store_after(s, s->backend->query(s, sql, params, n, each, arg));
}

int sql_first_integer(void *arg, const struct sql_value *v, size_t n)
{
	if (n > 0 && v[0].type == SQL_INTEGER) {
		*(int64_t *)arg = v[0].integer;
	}
	return 0;
}

void store_disconnect(struct store *s)
{
	if (s->db != NULL) {
		s->backend->close(s);
		s->db = NULL;
	}
}

int store_end(struct store *s, int rc)
{
	char why[sizeof(s->error)];

	if (rc >= 0) {
		rc = store_query(s, "COMMIT", SQL_NO_PARAMS, NULL, NULL);
	}
	if (rc < 0 && s->db != NULL && s->begun) {
		memcpy(why, s->error, sizeof(why));
		store_query(s, "ROLLBACK", SQL_NO_PARAMS, NULL, NULL);
		memcpy(s->error, why, sizeof(why));
	}
	s->begun = false;
	return rc;
}
