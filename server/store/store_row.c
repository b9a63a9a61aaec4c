// SPDX-License-Identifier: BSD-2-Clause
#include "store_row.h"

#include <errno.h>
#include <string.h>

#define X(id, type, member, name, unit, exponent) #member ", "
const char store_row_names[] =
	"stream, seq, time_us, time_source, time_acc_ns, boot_ns, received_us, " READING_SCALARS(
		X) "host, version, note, t1_mc, t2_mc, t3_mc, t4_mc, sensors";
#undef X

#define SENSORS_LAYOUT 1
#define SENSOR_SCRATCHPAD_KNOWN 1
#define SENSOR_TEMP_KNOWN 2

static struct sql_value integer_value(int64_t n)
{
	return (struct sql_value){ .type = SQL_INTEGER, .integer = n };
}

static struct sql_value text_value(const char *s)
{
	if (s[0] == '\0') {
		return (struct sql_value){ .type = SQL_NULL };
	}
	return (struct sql_value){ .type = SQL_TEXT, .data = s, .size = strlen(s) };
}

static void put_sensor(uint8_t *at, const struct thermometer_sample *t)
{
	uint32_t mc = t->temp_known ? (uint32_t)t->temp_mc : 0;
	uint16_t raw = t->temp_known ? (uint16_t)ds18b20_raw(t->temp_mc) : 0;

	memset(at, 0, STORE_ROW_SENSOR_SIZE);
	memcpy(at, t->rom, 8);
	if (t->scratchpad_known) {
		memcpy(at + 8, t->scratchpad, 9);
	}
	at[17] = (uint8_t)((t->scratchpad_known ? SENSOR_SCRATCHPAD_KNOWN : 0) |
			   (t->temp_known ? SENSOR_TEMP_KNOWN : 0));
	at[18] = (uint8_t)(mc >> 24);
	at[19] = (uint8_t)(mc >> 16);
	at[20] = (uint8_t)(mc >> 8);
	at[21] = (uint8_t)mc;
	at[22] = (uint8_t)(raw >> 8);
	at[23] = (uint8_t)raw;
	at[24] = t->resolution_bits;
	at[25] = t->retries;
	at[26] = t->quality;
}

static void get_sensor(const uint8_t *at, struct thermometer_sample *t)
{
	memcpy(t->rom, at, 8);
	memcpy(t->scratchpad, at + 8, 9);
	t->scratchpad_known = (at[17] & SENSOR_SCRATCHPAD_KNOWN) != 0;
	t->temp_known = (at[17] & SENSOR_TEMP_KNOWN) != 0;
	t->temp_mc = (int32_t)((uint32_t)at[18] << 24 | (uint32_t)at[19] << 16 |
			       (uint32_t)at[20] << 8 | at[21]);
	t->resolution_bits = at[24];
	t->retries = at[25];
	t->quality = (enum ds18b20_quality)at[26];
}

void store_row_make(struct store_row *row, uint64_t stream, const struct reading *r,
		    int64_t received_us)
{
	struct sql_value *v = row->value;

	memset(v, 0, sizeof(row->value)); /* SQL_NULL */
	v[STORE_COLUMN_STREAM] = integer_value((int64_t)stream);
	v[STORE_COLUMN_SEQ] = integer_value((int64_t)r->seq);
	if (r->time_source != READING_TIME_NONE) {
		v[STORE_COLUMN_TIME] = integer_value(r->utc_us);
	}
	v[STORE_COLUMN_TIME_SOURCE] = integer_value(r->time_source);
	if (r->time_acc_ns != UINT64_MAX) {
		v[STORE_COLUMN_TIME_ACC] = integer_value((int64_t)r->time_acc_ns);
	}
	if (r->boot_ns != 0) {
		v[STORE_COLUMN_BOOT] = integer_value((int64_t)r->boot_ns);
	}
	v[STORE_COLUMN_RECEIVED] = integer_value(received_us);
	for (unsigned i = 0; i < READING_SCALAR_COUNT; i++) {
		if (reading_knows(r, i)) {
			v[STORE_COLUMN_SCALARS + i] = integer_value(reading_scalar_get(r, i));
		}
	}
	v[STORE_COLUMN_HOST] = text_value(r->host);
	v[STORE_COLUMN_VERSION] = text_value(r->version);
	v[STORE_COLUMN_NOTE] = text_value(r->note);
	for (unsigned i = 0; i < 4 && i < r->n_temperatures; i++) {
		if (r->temperatures[i].temp_known) {
			v[STORE_COLUMN_T1 + i] = integer_value(r->temperatures[i].temp_mc);
		}
	}
	if (r->n_temperatures > 0) {
		row->sensors[0] = SENSORS_LAYOUT;
		for (unsigned i = 0; i < r->n_temperatures; i++) {
			put_sensor(row->sensors + 1 + i * STORE_ROW_SENSOR_SIZE,
				   &r->temperatures[i]);
		}
		v[STORE_COLUMN_SENSORS] = (struct sql_value){
			.type = SQL_BLOB,
			.data = row->sensors,
			.size = 1 + r->n_temperatures * STORE_ROW_SENSOR_SIZE,
		};
	}
}

static int get_text(const struct sql_value *v, char *out, size_t size)
{
	if (v->type == SQL_NULL) {
		return 0;
	}
	if (v->type != SQL_TEXT || v->size >= size) {
		return -EBADMSG;
	}
	memcpy(out, v->data, v->size);
	out[v->size] = '\0';
	return 0;
}

static int get_sensors(const struct sql_value *v, struct reading *out)
{
	const uint8_t *at = v->data;
	size_t n;

	if (v->type == SQL_NULL) {
		return 0;
	}
	if (v->type != SQL_BLOB || v->size == 0 || at[0] != SENSORS_LAYOUT ||
	    (v->size - 1) % STORE_ROW_SENSOR_SIZE != 0) {
		return -EBADMSG;
	}
	n = (v->size - 1) / STORE_ROW_SENSOR_SIZE;
	if (n > READING_TEMPERATURES_MAX) {
		return -EBADMSG;
	}
	for (size_t i = 0; i < n; i++) {
		get_sensor(at + 1 + i * STORE_ROW_SENSOR_SIZE, &out->temperatures[i]);
	}
	out->n_temperatures = (unsigned)n;
	return 0;
}

int store_row_reading(const struct sql_value v[STORE_COLUMNS], const char *device, uint64_t epoch,
		      struct reading *out)
{
	size_t length = strlen(device);

	reading_init(out);
	if (length >= sizeof(out->device) || v[STORE_COLUMN_SEQ].type != SQL_INTEGER) {
		return -EBADMSG;
	}
	memcpy(out->device, device, length + 1);
	out->epoch = epoch;
	out->seq = (uint64_t)v[STORE_COLUMN_SEQ].integer;
	if (v[STORE_COLUMN_TIME].type == SQL_INTEGER) {
		out->utc_us = v[STORE_COLUMN_TIME].integer;
		out->time_source = (enum reading_time_source)v[STORE_COLUMN_TIME_SOURCE].integer;
	}
	if (v[STORE_COLUMN_TIME_ACC].type == SQL_INTEGER) {
		out->time_acc_ns = (uint64_t)v[STORE_COLUMN_TIME_ACC].integer;
	}
	if (v[STORE_COLUMN_BOOT].type == SQL_INTEGER) {
		out->boot_ns = (uint64_t)v[STORE_COLUMN_BOOT].integer;
	}
	for (unsigned i = 0; i < READING_SCALAR_COUNT; i++) {
		const struct sql_value *scalar = &v[STORE_COLUMN_SCALARS + i];

		if (scalar->type == SQL_INTEGER &&
		    reading_scalar_put(out, i, scalar->integer) < 0) {
			return -EBADMSG;
		}
	}
	if (get_text(&v[STORE_COLUMN_HOST], out->host, sizeof(out->host)) < 0 ||
	    get_text(&v[STORE_COLUMN_VERSION], out->version, sizeof(out->version)) < 0 ||
	    get_text(&v[STORE_COLUMN_NOTE], out->note, sizeof(out->note)) < 0) {
		return -EBADMSG;
	}
	return get_sensors(&v[STORE_COLUMN_SENSORS], out);
}
