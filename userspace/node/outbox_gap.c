// SPDX-License-Identifier: BSD-2-Clause
#include "outbox_gap.h"

#include "outbox_sql.h"

const char *outbox_gap_reason_name(enum outbox_gap_reason reason)
{
	static const char *const names[] = {
		[OUTBOX_GAP_FULL] = "full",	  [OUTBOX_GAP_NOT_WRITTEN] = "not-written",
		[OUTBOX_GAP_POWER] = "power",	  [OUTBOX_GAP_REFUSED] = "refused",
		[OUTBOX_GAP_DAMAGED] = "damaged", [OUTBOX_GAP_RENUMBERED] = "renumbered",
	};

	return reason >= OUTBOX_GAP_FULL && reason <= OUTBOX_GAP_RENUMBERED ? names[reason]
									    : "unknown";
}

int outbox_gap_add(struct outbox_sql *s, uint64_t first, uint64_t last,
		   enum outbox_gap_reason reason)
{
	int rc = outbox_sql_run(
		s, OUTBOX_SQL(s, OUTBOX_GAP_EXTEND, (int64_t)first, (int64_t)last, reason));

	if (rc == 0 && sqlite3_changes(s->db) == 0) {
		rc = outbox_sql_run(
			s, OUTBOX_SQL(s, OUTBOX_GAP_ADD, (int64_t)first, (int64_t)last, reason));
	}
	return rc;
}

int outbox_gap_read(struct outbox_sql *s, uint64_t from, struct outbox_gap *gaps, size_t max)
{
	sqlite3_stmt *rows = OUTBOX_SQL(s, OUTBOX_GAPS, (int64_t)from, (int64_t)max);
	size_t n = 0;
	int rc = SQLITE_DONE;

	while (n < max && (rc = sqlite3_step(rows)) == SQLITE_ROW) {
		gaps[n++] = (struct outbox_gap){
			.first = (uint64_t)sqlite3_column_int64(rows, 0),
			.last = (uint64_t)sqlite3_column_int64(rows, 1),
			.reason = (enum outbox_gap_reason)sqlite3_column_int(rows, 2),
		};
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		rc = outbox_sql_fail(s, rc);
		sqlite3_reset(rows);
		return rc;
	}
	sqlite3_reset(rows);
	return (int)n;
}

int outbox_gap_drop(struct outbox_sql *s, const struct outbox_gap *gap)
{
	int rc = outbox_sql_run(s, OUTBOX_SQL(s, OUTBOX_GAP_DROP, (int64_t)gap->first,
					      (int64_t)gap->last, gap->reason));

	return rc == 0 ? sqlite3_changes(s->db) : rc;
}
