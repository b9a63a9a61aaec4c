// SPDX-License-Identifier: BSD-2-Clause
#include "senml_unpack.h"

#include <errno.h>

#include "gpio-w1/w1_crc.h"
#include "userspace/reading/hex.h"
#include "userspace/reading/senml_pack.h"

/* The fields of a reading: of the device, its scalars, of a sensor. An acknowledgement has two. */
enum field {
#define X(id, name) FIELD_##id,
	SENML_DEVICE_FIELDS(X) FIELD_SCALAR,
#undef X
	FIELD_SENSOR = FIELD_SCALAR + READING_SCALAR_COUNT,
};
_Static_assert(FIELD_SENSOR <= 64, "seen is 64 bits");

enum sensor_field {
#define X(id, name) SENSOR_##id,
	SENML_SENSOR_FIELDS(X) SENSOR_FIELD_COUNT
#undef X
};

#define FIELD_COUNT (FIELD_SENSOR + SENSOR_FIELD_COUNT)

static const char *const field_names[FIELD_COUNT] = {
#define X(id, name) [FIELD_##id] = name,
	SENML_DEVICE_FIELDS(X)
#undef X
#define X(id, type, member, name, unit, exponent) [FIELD_SCALAR + READING_##id] = name,
		READING_SCALARS(X)
#undef X
#define X(id, name) [FIELD_SENSOR + SENSOR_##id] = name,
			SENML_SENSOR_FIELDS(X)
#undef X
};

#define ACK_COMPLETE 0 /* the bit of `seen` for "complete" of an acknowledgement */

/* FIELD_COUNT: not one of ours. */
static unsigned find_field(const char *name)
{
	unsigned field = 0;

	while (field < FIELD_COUNT && strcmp(name, field_names[field]) != 0) {
		field++;
	}
	return field;
}

/* --- values of our own forms -------------------------------------------------- */

static int read_epoch(const struct senml_resolved *s, uint64_t *epoch, struct senml_error *err)
{
	uint8_t bytes[8];
	char text[17];

	if (senml_resolved_text(s, text, sizeof(text), err) != 0) {
		return err->code;
	}
	*epoch = 0;
	if (hex_parse_canonical(text, bytes, sizeof(bytes))) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			*epoch = *epoch << 8 | bytes[i];
		}
	}
	return *epoch != 0 ? 0
			   : senml_fail(err, -EBADMSG,
					"epoch: expected 16 lowercase hex digits, not all 0");
}

/* --- one reading -------------------------------------------------------------- */

static int read_time_source(const struct senml_resolved *s, struct reading *r,
			    struct senml_error *err)
{
	char text[16];

	if (senml_resolved_text(s, text, sizeof(text), err) != 0) {
		return err->code;
	}
	for (unsigned i = READING_TIME_NONE; i <= READING_TIME_SERVER; i++) {
		if (strcmp(text, reading_time_source_name((enum reading_time_source)i)) == 0) {
			r->time_source = (enum reading_time_source)i;
			return (i == READING_TIME_NONE) == (r->utc_us == 0)
				       ? 0
				       : senml_fail(err, -EBADMSG, "tsrc: \"%s\" with%s a time",
						    text, r->utc_us == 0 ? "out" : "");
		}
	}
	return senml_fail(err, -EBADMSG, "tsrc: expected none, gnss, ntp, host or server");
}

static int read_device_field(struct reading *r, unsigned field, const struct senml_resolved *s,
			     struct senml_error *err)
{
	int64_t value;

	switch (field) {
	case FIELD_SEQ:
		if (senml_resolved_count(s, "", UINT64_MAX, &r->seq, err) == 0 && r->seq == 0) {
			senml_fail(err, -EBADMSG, "seq: expected 1 or more");
		}
		return err->code;
	case FIELD_EPOCH:
		return read_epoch(s, &r->epoch, err);
	case FIELD_TSRC:
		return read_time_source(s, r, err);
	case FIELD_TACC:
		if (senml_resolved_number(s, "s", -9, false, &value, err) == 0) {
			r->time_acc_ns = (uint64_t)value;
		}
		return err->code;
	case FIELD_BOOT:
		if (senml_resolved_number(s, "s", -9, false, &value, err) == 0) {
			r->boot_ns = (uint64_t)value;
		}
		return err->code;
	case FIELD_HOST:
		return senml_resolved_text(s, r->host, sizeof(r->host), err);
	case FIELD_VERSION:
		return senml_resolved_text(s, r->version, sizeof(r->version), err);
	case FIELD_NOTE:
		return senml_resolved_text(s, r->note, sizeof(r->note), err);
	default: {
		const struct reading_scalar_info *info = &reading_scalars[field - FIELD_SCALAR];

		if (senml_resolved_number(s, info->unit, info->exponent, info->is_signed, &value,
					  err) != 0) {
			return err->code;
		}
		return reading_scalar_put(r, (enum reading_scalar)(field - FIELD_SCALAR), value) ==
				       0
			       ? 0
			       : senml_fail(err, -EBADMSG, "%s: out of range", s->field);
	}
	}
}

static int read_sensor_field(struct thermometer_sample *t, enum sensor_field field,
			     const struct senml_resolved *s, struct senml_error *err)
{
	uint64_t small;
	int64_t value;
	char text[32];

	switch (field) {
	case SENSOR_QUALITY:
		if (senml_resolved_text(s, text, sizeof(text), err) != 0) {
			return err->code;
		}
		for (t->quality = DS18B20_OK; t->quality < DS18B20_QUALITY_COUNT; t->quality++) {
			if (strcmp(text, ds18b20_quality_name(t->quality)) == 0) {
				return 0;
			}
		}
		return senml_fail(err, -EBADMSG, "quality: \"%.*s\" is not one of ours",
				  (int)strlen(text), text);
	case SENSOR_TEMP:
		if (senml_resolved_number(s, "Cel", -3, true, &value, err) != 0) {
			return err->code;
		}
		/* What 16 bits of 1/16 degC reach. */
		if (value < -2048000 || value > 2047938) {
			return senml_fail(err, -EBADMSG, "temp: out of range");
		}
		t->temp_known = true;
		t->temp_mc = (int32_t)value;
		return 0;
	case SENSOR_SP:
		if (!senml_record_has(s->record, SENML_VD) ||
		    s->record->value[SENML_VD].text.length != sizeof(t->scratchpad)) {
			return senml_fail(err, -EBADMSG, "sp: expected 9 bytes (vd)");
		}
		memcpy(t->scratchpad, s->record->value[SENML_VD].text.at, sizeof(t->scratchpad));
		t->scratchpad_known = true;
		return 0;
	case SENSOR_RES:
		if (senml_resolved_count(s, "bit", UINT8_MAX, &small, err) == 0) {
			t->resolution_bits = (uint8_t)small;
		}
		return err->code;
	default:
		if (senml_resolved_count(s, "count", UINT8_MAX, &small, err) == 0) {
			t->retries = (uint8_t)small;
		}
		return err->code;
	}
}

/* The sensor that a record names: known from a record before, or new. */
static int find_sensor(struct senml_unpack *u, struct reading *r, const struct senml_resolved *s,
		       unsigned *index)
{
	const size_t prefix = sizeof(SENML_OW_PREFIX) - 1;
	uint8_t rom[8];

	if (strncmp(s->name, SENML_OW_PREFIX, prefix) != 0 ||
	    !hex_parse_canonical(s->name + prefix, rom, sizeof(rom))) {
		return senml_fail(u->err, -EBADMSG,
				  "%s: of \"%.64s\", expected " SENML_OW_PREFIX
				  " and 16 lowercase hex digits",
				  s->field, s->name);
	}
	for (unsigned i = r->n_temperatures; i-- > 0;) {
		if (memcmp(r->temperatures[i].rom, rom, sizeof(rom)) == 0) {
			*index = i;
			return 0;
		}
	}
	if (w1_crc8(rom, 7) != rom[7] || memcmp(rom, (uint8_t[8]){ 0 }, 8) == 0) {
		return senml_fail(u->err, -EBADMSG, "%s: the CRC in %.64s is wrong", s->field,
				  s->name);
	}
	if (r->n_temperatures == READING_TEMPERATURES_MAX) {
		return senml_fail(u->err, -EBADMSG, "more than %d sensors in a reading",
				  READING_TEMPERATURES_MAX);
	}
	*index = r->n_temperatures++;
	memcpy(r->temperatures[*index].rom, rom, sizeof(rom));
	u->sensor_seen[*index] = 0;
	return 0;
}

/* What only the end of a reading shows. The complaint is about it, not about the record at hand. */
static int finish_reading(struct senml_unpack *u)
{
	const char *missing = NULL;

	if (u->n == 0) {
		return 0;
	}
	if (u->acks != NULL) {
		missing = u->seen >> ACK_COMPLETE & 1 ? NULL : "complete";
	} else {
		struct reading *r = &u->readings[u->n - 1];

		missing = u->seen >> FIELD_EPOCH & 1 ? NULL : "epoch";
		for (unsigned i = 0; i < r->n_temperatures; i++) {
			if (!(u->sensor_seen[i] >> SENSOR_QUALITY & 1)) {
				missing = "quality of a sensor";
			}
		}
		/* A time without a source is the host's. */
		if (!(u->seen >> FIELD_TSRC & 1) && r->utc_us != 0) {
			r->time_source = READING_TIME_HOST;
		}
	}
	if (missing == NULL) {
		return 0;
	}
	u->err->in_record = false;
	u->err->byte = SENML_NOWHERE;
	return senml_fail(u->err, -EBADMSG, "%s %zu has no %s", u->acks != NULL ? "ack" : "reading",
			  u->n - 1, missing);
}

/* A record that opens the next reading or ack: whose it is must be a device. */
static int open_next(struct senml_unpack *u, const struct senml_resolved *s)
{
	size_t size = strlen(s->name) + 1;

	if (finish_reading(u) != 0) {
		return u->err->code;
	}
	if (u->n == u->max) {
		return senml_fail(u->err, -E2BIG, "more than %zu %s in a pack", u->max,
				  u->acks != NULL ? "acks" : "readings");
	}
	if (reading_device_check(s->name) != 0) {
		return senml_fail(u->err, -EBADMSG,
				  "%s: of \"%.64s\", expected a device \"urn:dev:...\"", s->field,
				  s->name);
	}
	u->seen = 0;
	if (u->acks != NULL) {
		u->acks[u->n] = (struct reading_ack){ .epoch = 0 };
		memcpy(u->acks[u->n].device, s->name, size);
	} else {
		reading_init(&u->readings[u->n]);
		memcpy(u->readings[u->n].device, s->name, size);
		if (senml_resolved_time(&u->base, s, &u->readings[u->n].utc_us, u->err) != 0) {
			return u->err->code;
		}
	}
	u->n++;
	return 0;
}

/* Notes a field as seen; one given twice is an error. */
static int note_field(struct senml_unpack *u, uint64_t *seen, unsigned field, const char *name)
{
	if (*seen >> field & 1) {
		return senml_fail(u->err, -EBADMSG, "%s: given twice", name);
	}
	*seen |= UINT64_C(1) << field;
	return 0;
}

static int read_sensor_record(struct senml_unpack *u, struct reading *r, enum sensor_field field,
			      const struct senml_resolved *s)
{
	unsigned sensor = 0;

	if (find_sensor(u, r, s, &sensor) != 0 ||
	    note_field(u, &u->sensor_seen[sensor], field, s->field) != 0) {
		return u->err->code;
	}
	return read_sensor_field(&r->temperatures[sensor], field, s, u->err);
}

static int read_device_record(struct senml_unpack *u, struct reading *r, unsigned field,
			      const struct senml_resolved *s)
{
	if (strcmp(s->name, r->device) != 0) {
		return senml_fail(
			u->err, -EBADMSG,
			"%s: belongs to \"%.64s\": expected the device of the seq before it",
			s->field, s->name);
	}
	return note_field(u, &u->seen, field, s->field) != 0
		       ? u->err->code
		       : read_device_field(r, field, s, u->err);
}

static int read_of_reading(struct senml_unpack *u, const struct senml_resolved *s)
{
	unsigned field = find_field(s->field);
	struct reading *r;
	int64_t utc_us;

	if (field == FIELD_COUNT) {
		return 0;
	}
	if (field == FIELD_SEQ && open_next(u, s) != 0) {
		return u->err->code;
	}
	if (u->n == 0) {
		return senml_fail(u->err, -EBADMSG, "%s: expected a seq before it", s->field);
	}
	r = &u->readings[u->n - 1];
	if (senml_resolved_time(&u->base, s, &utc_us, u->err) != 0) {
		return u->err->code;
	}
	if (utc_us != r->utc_us) {
		return senml_fail(u->err, -EBADMSG, "%s: of another time than its seq", s->field);
	}
	return field >= FIELD_SENSOR
		       ? read_sensor_record(u, r, (enum sensor_field)(field - FIELD_SENSOR), s)
		       : read_device_record(u, r, field, s);
}

static int read_of_ack(struct senml_unpack *u, const struct senml_resolved *s)
{
	struct reading_ack *ack;

	if (strcmp(s->field, "epoch") == 0) {
		return open_next(u, s) != 0 ? u->err->code
					    : read_epoch(s, &u->acks[u->n - 1].epoch, u->err);
	}
	if (strcmp(s->field, "complete") != 0) {
		return 0;
	}
	ack = u->n > 0 ? &u->acks[u->n - 1] : NULL;
	if (ack == NULL || strcmp(s->name, ack->device) != 0) {
		return senml_fail(u->err, -EBADMSG, "complete: before the epoch of its device");
	}
	return note_field(u, &u->seen, ACK_COMPLETE, s->field) != 0
		       ? u->err->code
		       : senml_resolved_count(s, "", UINT64_MAX, &ack->complete, u->err);
}

void senml_unpack_readings(struct senml_unpack *u, struct reading *readings, size_t max,
			   struct senml_error *err)
{
	*u = (struct senml_unpack){ .err = err, .readings = readings, .max = max };
}

void senml_unpack_acks(struct senml_unpack *u, struct reading_ack *acks, size_t max,
		       struct senml_error *err)
{
	*u = (struct senml_unpack){ .err = err, .acks = acks, .max = max };
}

int senml_unpack_record(void *context, const struct senml_record *record)
{
	struct senml_unpack *u = context;
	struct senml_resolved s = { .field = NULL };
	int rc = senml_resolve(&u->base, record, &s, u->err);

	if (rc != 0) {
		return rc;
	}
	return u->acks != NULL ? read_of_ack(u, &s) : read_of_reading(u, &s);
}

int senml_unpack_end(struct senml_unpack *u)
{
	u->err->in_record = false;
	u->err->byte = SENML_NOWHERE;
	if (u->n == 0) {
		return senml_fail(u->err, -EBADMSG, "no %s in the pack",
				  u->acks != NULL ? "epoch" : "seq, so no reading,");
	}
	return finish_reading(u) != 0 ? u->err->code : (int)u->n;
}
