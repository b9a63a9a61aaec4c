// SPDX-License-Identifier: BSD-2-Clause
#include "outbox_row.h"

#include <errno.h>
#include <stddef.h>

#include "userspace/reading/senml_codec.h"

/*
 * CRC-32 of IEEE 802.3, reflected: a row is some hundred bytes, a table would be larger than the
 * gain.
 */
static uint32_t crc32_add(uint32_t crc, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++) {
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
		}
	}
	return crc;
}

/* Of the columns, each as 8 bytes little-endian, then of the body. */
int64_t outbox_row_crc(const struct outbox_row *row)
{
	const int64_t columns[] = { row->seq,	 row->boot,	   row->boot_ns,
				    row->utc_us, row->time_source, row->time_acc_ns };
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		uint8_t bytes[8];

		for (unsigned b = 0; b < 8; b++) {
			bytes[b] = (uint8_t)((uint64_t)columns[i] >> 8 * b);
		}
		crc = crc32_add(crc, bytes, sizeof(bytes));
	}
	return ~crc32_add(crc, row->body, (size_t)row->length) & UINT32_MAX;
}

void outbox_row_set_time(struct outbox_row *row, const struct clock_stamp *time)
{
	row->time_source = time->source;
	row->utc_us = time->source == READING_TIME_NONE ? 0 : time->utc_us;
	row->time_acc_ns = time->source == READING_TIME_NONE || time->acc_ns > INT64_MAX
				   ? -1
				   : (int64_t)time->acc_ns;
}

void outbox_row_bind_time(sqlite3_stmt *statement, int at, const struct outbox_row *row)
{
	if (row->time_source == READING_TIME_NONE) {
		sqlite3_bind_null(statement, at);
	} else {
		sqlite3_bind_int64(statement, at, row->utc_us);
	}
	sqlite3_bind_int64(statement, at + 1, row->time_source);
	if (row->time_acc_ns < 0) {
		sqlite3_bind_null(statement, at + 2);
	} else {
		sqlite3_bind_int64(statement, at + 2, row->time_acc_ns);
	}
}

bool outbox_row_read(sqlite3_stmt *at, struct outbox_row *row)
{
	*row = (struct outbox_row){
		.seq = sqlite3_column_int64(at, 0),
		.boot = sqlite3_column_int64(at, 1),
		.boot_ns = sqlite3_column_int64(at, 2),
		.utc_us = sqlite3_column_int64(at, 3),
		.time_source = sqlite3_column_int64(at, 4),
		.time_acc_ns = sqlite3_column_type(at, 5) == SQLITE_NULL
				       ? -1
				       : sqlite3_column_int64(at, 5),
		.body = sqlite3_column_blob(at, 7),
		.length = sqlite3_column_bytes(at, 7),
	};
	return row->body != NULL && sqlite3_column_int64(at, 6) == outbox_row_crc(row);
}

/* A senml_record_fn: whether the first record, which opens the reading, has a time. */
static int read_dated(void *context, const struct senml_record *record)
{
	*(bool *)context = record->value[SENML_BT].number.magnitude != 0;
	return 1; /* no other record */
}

static bool is_body_dated(const struct outbox_row *row)
{
	struct senml_error error = { .byte = SENML_NOWHERE };
	bool dated = false;

	senml_cbor.read(row->body, (size_t)row->length, read_dated, &dated, &error);
	return dated;
}

bool outbox_row_reading(const struct outbox_row *row, struct reading *r)
{
	struct senml_error error;

	if (senml_decode(SENML_CBOR, row->body, (size_t)row->length, r, 1, &error) != 1) {
		return false;
	}
	r->utc_us = row->utc_us;
	r->time_source = (enum reading_time_source)row->time_source;
	r->time_acc_ns = row->time_acc_ns < 0 ? CLOCK_ACC_UNKNOWN : (uint64_t)row->time_acc_ns;
	return true;
}

int outbox_row_pack(const struct outbox_row *row, void *buffer, size_t size, size_t *used)
{
	uint8_t dated[SENML_READING_MAX];
	struct reading r;
	int length;

	if (row->time_source == READING_TIME_NONE || is_body_dated(row)) {
		return senml_join_cbor(buffer, size, used, row->body, (size_t)row->length);
	}
	if (!outbox_row_reading(row, &r)) {
		return -EBADMSG;
	}
	length = senml_encode(SENML_CBOR, &r, 1, dated, sizeof(dated), NULL);
	return length < 0 ? -EBADMSG : senml_join_cbor(buffer, size, used, dated, (size_t)length);
}
