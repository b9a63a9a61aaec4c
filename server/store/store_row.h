/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_row: a reading as a row of the table `readings` and back. Pure.
 *
 * One column each, in this order: key, times, the scalars of READING_SCALARS under their members'
 * names, texts, the first four temperatures for plain SQL, and `sensors`, the bytes behind all of
 * them. Unknown is NULL. 64-bit numbers keep their bits: one above 2^63 shows as negative in SQL.
 *
 * sensors: a byte 1 (this layout), then 27 bytes per temperature:
 *	0	rom[8], family code first
 *	8	scratchpad[9] as read, zero if not known
 *	17	bit 0: scratchpad known, bit 1: temperature known
 *	18	m degC, signed 32 bit, big endian
 *	22	raw 1/16 degC, signed 16 bit, big endian
 *	24	resolution in bits, 0 unknown
 *	25	retries
 *	26	quality (gpio-w1/ds18b20.h)
 */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "userspace/reading/reading.h"

enum sql_type { SQL_NULL, SQL_INTEGER, SQL_TEXT, SQL_BLOB };

struct sql_value {
	enum sql_type type;
	int64_t integer;
	const void *data; /* TEXT, BLOB; borrowed */
	size_t size;
};

enum store_column {
	STORE_COLUMN_STREAM,
	STORE_COLUMN_SEQ,
	STORE_COLUMN_TIME,
	STORE_COLUMN_TIME_SOURCE,
	STORE_COLUMN_TIME_ACC,
	STORE_COLUMN_BOOT,
	STORE_COLUMN_RECEIVED,
	STORE_COLUMN_SCALARS,
	STORE_COLUMN_HOST = STORE_COLUMN_SCALARS + READING_SCALAR_COUNT,
	STORE_COLUMN_VERSION,
	STORE_COLUMN_NOTE,
	STORE_COLUMN_T1,
	STORE_COLUMN_SENSORS = STORE_COLUMN_T1 + 4,
	STORE_COLUMNS
};

/* Names of all columns, "stream, seq, ...", for INSERT and SELECT. */
extern const char store_row_names[];

#define STORE_ROW_SENSOR_SIZE 27
#define STORE_ROW_SENSORS_SIZE (1 + READING_TEMPERATURES_MAX * STORE_ROW_SENSOR_SIZE)

struct store_row {
	struct sql_value value[STORE_COLUMNS];
	uint8_t sensors[STORE_ROW_SENSORS_SIZE];
};

/* row->value points into *r and *row. */
void store_row_make(struct store_row *row, uint64_t stream, const struct reading *r,
		    int64_t received_us);

/* From the columns above and the stream's names: 0, or -EBADMSG if the row cannot be a reading. */
int store_row_reading(const struct sql_value value[STORE_COLUMNS], const char *device,
		      uint64_t epoch, struct reading *out);

#endif
