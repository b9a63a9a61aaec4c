// SPDX-License-Identifier: BSD-2-Clause
#include "legacy_reading.h"

#include <errno.h>
#include <string.h>

#include "gpio-w1/ds18b20.h"
#include "gpio-w1/w1_crc.h"
#include "userspace/reading/hex.h"
#include "userspace/reading/rom.h"
#include "userspace/reading/senml_number.h"

/* Appends to a terminated text, cut where it is full. */
static void append(char *text, size_t size, const char *more, size_t n)
{
	size_t used = strlen(text), room = size - used - 1;

	n = n < room ? n : room;
	memcpy(text + used, more, n);
	text[used + n] = '\0';
}

static void append_text(char *text, size_t size, const char *more)
{
	append(text, size, more, strlen(more));
}

static void append_number(char *text, size_t size, struct senml_number number)
{
	char digits[SENML_NUMBER_TEXT];

	append(text, size, digits, senml_number_print(&number, digits));
}

/* In lower case, and of some family. */
static bool rom_of_name(const char *name, uint8_t rom[8])
{
	return strpbrk(name, "ABCDEF") == NULL && rom_parse(name, rom) && rom[0] != 0;
}

static void rom_from_hash(const char *name, uint8_t rom[8])
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a, 64 bits */

	for (; *name != '\0'; name++) {
		hash = (hash ^ (uint8_t)*name) * UINT64_C(1099511628211);
	}
	rom[0] = 0;
	for (unsigned i = 1; i < 7; i++) {
		rom[i] = (uint8_t)hash;
		hash >>= 8;
	}
}

static void to_temperature(const struct legacy_record *record, struct reading *r)
{
	struct thermometer_sample *t = &r->temperatures[r->n_temperatures++];

	if (!rom_of_name(record->sensor, t->rom)) {
		rom_from_hash(record->sensor, t->rom);
		append_text(r->note, sizeof(r->note), record->sensor);
	}
	t->rom[7] = w1_crc8(t->rom, 7);
	t->temp_known = record->temp_known;
	t->temp_mc = record->temp_mc;
	t->quality = record->temp_known ? DS18B20_NOT_CONVERTED : DS18B20_ABSENT;
}

void legacy_to_reading(const struct legacy_record *record, int64_t arrived_us, struct reading *r)
{
	bool dated = record->form == LEGACY_RECORD;
	uint8_t mac[6];

	reading_init(r);
	for (unsigned i = 0; i < 6; i++) {
		mac[i] = (uint8_t)(record->mac >> (40 - 8 * i));
	}
	reading_device_from_mac(mac, r->device);
	r->epoch = READING_EPOCH_LEGACY;
	r->utc_us = dated ? record->time_us : arrived_us;
	r->seq = (uint64_t)r->utc_us;
	r->time_source = dated ? READING_TIME_HOST : READING_TIME_SERVER;
	/* A Pi without the time: TIME still distinguishes records, but dates nothing. */
	if (r->utc_us < READING_UTC_MIN_US || r->utc_us >= READING_UTC_MAX_US) {
		r->utc_us = 0;
		r->time_source = READING_TIME_NONE;
	}
	if (record->form == LEGACY_BOOT) {
		append_text(r->note, sizeof(r->note), "started");
		return;
	}
	to_temperature(record, r);
	if (record->flow_known) {
		append_text(r->note, sizeof(r->note), r->note[0] != '\0' ? " flow=" : "flow=");
		append_number(r->note, sizeof(r->note), senml_number_i64(record->flow_milli, -3));
	}
	if (record->gps == LEGACY_GPS_TEXT) {
		append_text(r->note, sizeof(r->note), r->note[0] != '\0' ? " gps=" : "gps=");
		append_text(r->note, sizeof(r->note), record->gps_text);
	}
	if (record->gps == LEGACY_GPS_POSITION) {
		reading_scalar_put(r, READING_LAT, record->lat_e7);
		reading_scalar_put(r, READING_LON, record->lon_e7);
	}
	if (record->speed_known) {
		reading_scalar_put(r, READING_SPEED, record->speed_mm_s);
	}
	if (record->heading_known) {
		reading_scalar_put(r, READING_HEADING, record->heading_e5);
	}
}

/* --- from a Reading --------------------------------------------------------------- */

/* The MAC in "urn:dev:mac:" + EUI-64 with ff:fe in its middle (RFC 9039 4.1). */
static bool mac_of_device(const char *device, uint64_t *mac)
{
	static const char prefix[] = "urn:dev:mac:";
	uint8_t eui64[8];

	if (strncmp(device, prefix, sizeof(prefix) - 1) != 0 ||
	    !hex_parse_canonical(device + sizeof(prefix) - 1, eui64, sizeof(eui64)) ||
	    eui64[3] != 0xff || eui64[4] != 0xfe) {
		return false;
	}
	*mac = 0;
	for (unsigned i = 0; i < sizeof(eui64); i++) {
		*mac = i == 3 || i == 4 ? *mac : *mac << 8 | eui64[i];
	}
	return true;
}

int legacy_from_reading(const struct reading *r, struct legacy_record *record)
{
	const struct thermometer_sample *t = NULL;

	memset(record, 0, sizeof(*record));
	if (!mac_of_device(r->device, &record->mac)) {
		return -EINVAL;
	}
	for (unsigned i = 0; i < r->n_temperatures && (t == NULL || !t->temp_known); i++) {
		if (t == NULL || r->temperatures[i].temp_known) {
			t = &r->temperatures[i];
		}
	}
	if (t != NULL) {
		rom_format(record->sensor, t->rom);
		record->temp_known = t->temp_known;
		record->temp_mc = t->temp_known ? t->temp_mc : 0;
	} else {
		strcpy(record->sensor, "none");
	}
	if (reading_knows(r, READING_LAT) && reading_knows(r, READING_LON)) {
		record->gps = LEGACY_GPS_POSITION;
		record->lat_e7 = r->lat_e7;
		record->lon_e7 = r->lon_e7;
		record->speed_known = reading_knows(r, READING_SPEED) && r->speed_mm_s >= 0;
		record->speed_mm_s = record->speed_known ? r->speed_mm_s : 0;
		record->heading_known = reading_knows(r, READING_HEADING) && r->heading_e5 >= 0;
		record->heading_e5 = record->heading_known ? r->heading_e5 : 0;
	}
	/* Without the time, seconds since the boot, as the legacy client on a Pi without time */
	record->time_us = r->time_source != READING_TIME_NONE ? r->utc_us
							      : (int64_t)(r->boot_ns / 1000);
	return 0;
}
