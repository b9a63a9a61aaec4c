/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outbox_row: a reading as a row of the outbox's table `reading`, and as it is sent. Used by
 * outbox.c only.
 *
 *   seq, boot, boot_ns, utc_us, time_source, time_acc_ns, crc, body
 *
 * The columns hold what may be queried or set later; the body, a SenML CBOR pack of one, all of the
 * reading as it was put. A reading that was dated later has its time in the columns only. The CRC
 * is of columns and body: SQLite itself does not notice a page of the database that has changed
 * under it.
 */
#ifndef NODE_OUTBOX_ROW_H
#define NODE_OUTBOX_ROW_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

/* Time: utc_us 0 while unknown, time_acc_ns -1 while unknown; both then NULL on the disk. */
struct outbox_row {
	int64_t seq, boot, boot_ns, utc_us, time_source, time_acc_ns;
	const uint8_t *body; /* borrowed */
	int length;
};

/*
 * The row on which `at` stands (SELECT *); body is valid until it is stepped or reset. false:
 * damaged.
 */
bool outbox_row_read(sqlite3_stmt *at, struct outbox_row *row);

void outbox_row_set_time(struct outbox_row *row, const struct clock_stamp *time);

/* Binds utc_us, time_source, time_acc_ns to the parameter `at` and the two after it. */
void outbox_row_bind_time(sqlite3_stmt *statement, int at, const struct outbox_row *row);

int64_t outbox_row_crc(const struct outbox_row *row);

/* The reading, with the time of the columns. false: it is none. */
bool outbox_row_reading(const struct outbox_row *row, struct reading *r);

/*
 * Appends the reading to the pack of *used bytes in buffer, as senml_join_cbor(): its body, or that
 * with the time of the columns if it was dated later. 0, -ENOSPC, or -EBADMSG: no Reading.
 */
int outbox_row_pack(const struct outbox_row *row, void *buffer, size_t size, size_t *used);

#endif
