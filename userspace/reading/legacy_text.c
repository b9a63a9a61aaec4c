// SPDX-License-Identifier: BSD-2-Clause
#include "legacy_text.h"

#include <errno.h>
#include <string.h>

#include "time/civil.h"
#include "userspace/reading/hex.h"
#include "userspace/reading/senml_number.h"

/* A piece of the input. */
struct slice {
	const char *at;
	size_t length;
};

static int bad(struct legacy_error *err, const char *field, size_t byte, const char *expected)
{
	*err = (struct legacy_error){ .byte = byte, .field = field, .expected = expected };
	return -EBADMSG;
}

/* --- numbers -------------------------------------------------------------------- */

/* A decimal in units of 10^exponent; what is finer is cut off (Python prints up to 12 digits). */
static bool decimal(struct slice s, int exponent, int64_t limit, int64_t *value)
{
	struct senml_number n;

	if (senml_number_parse(s.at, s.length, &n) != 0) {
		return false;
	}
	for (; n.exponent < exponent && n.magnitude != 0; n.exponent++) {
		n.magnitude /= 10;
	}
	return senml_number_to_i64(&n, exponent, value) == 0 && *value >= -limit && *value <= limit;
}

/* Hexadecimal, all of the slice, at most 16 digits. */
static bool hex_number(struct slice s, uint64_t *value)
{
	*value = 0;
	for (size_t i = 0; i < s.length; i++) {
		int digit = hex_digit(s.at[i]);

		if (digit < 0) {
			return false;
		}
		*value = *value << 4 | (uint64_t)digit;
	}
	return s.length > 0 && s.length <= 16;
}

static bool decimal_mac(struct slice s, uint64_t *mac)
{
	int64_t value;

	for (size_t i = 0; i < s.length; i++) {
		if (s.at[i] < '0' || s.at[i] > '9') {
			return false;
		}
	}
	if (!decimal(s, 0, (INT64_C(1) << 48) - 1, &value)) {
		return false;
	}
	*mac = (uint64_t)value;
	return true;
}

/* "5C:CF:7F:53:BA:34" */
static bool colon_mac(struct slice s, uint64_t *mac)
{
	*mac = 0;
	for (size_t i = 0; s.length == 17 && i < 17; i++) {
		int digit = hex_digit(s.at[i]);

		if (i % 3 == 2 ? s.at[i] != ':' : digit < 0) {
			return false;
		}
		*mac = i % 3 == 2 ? *mac : *mac << 4 | (uint64_t)digit;
	}
	return s.length == 17;
}

/* --- GPS ------------------------------------------------------------------------- */

/* The next field of a sentence, up to the comma; *s moves past it. */
static struct slice next_field(struct slice *s)
{
	const char *comma = memchr(s->at, ',', s->length);
	struct slice field = { s->at, comma != NULL ? (size_t)(comma - s->at) : s->length };
	size_t eaten = comma != NULL ? field.length + 1 : field.length;

	s->at += eaten;
	s->length -= eaten;
	return field;
}

/* "ddmm.mmmm" and a hemisphere; degree_digits is 2 or 3. */
static bool rmc_angle(struct slice s, struct slice hemisphere, size_t degree_digits,
		      const char *letters, int32_t *e7)
{
	struct slice degrees = { s.at, degree_digits };
	int64_t whole, minutes_e7;

	if (s.length < degree_digits + 2 || hemisphere.length != 1 ||
	    (hemisphere.at[0] != letters[0] && hemisphere.at[0] != letters[1])) {
		return false;
	}
	/* senml_number_parse() refuses leading zeros, which these fields have. */
	for (; degrees.length > 1 && degrees.at[0] == '0'; degrees.at++, degrees.length--) {
	}
	s.at += degree_digits;
	s.length -= degree_digits;
	if (s.at[0] == '0' && s.length > 1 && s.at[1] != '.') {
		s.at++;
		s.length--;
	}
	if (!decimal(degrees, 0, degree_digits == 2 ? 90 : 180, &whole) ||
	    !decimal(s, -7, 599999999, &minutes_e7) || minutes_e7 < 0) {
		return false;
	}
	whole = whole * 10000000 + (minutes_e7 + 30) / 60;
	if (whole > (degree_digits == 2 ? 900000000 : 1800000000)) {
		return false;
	}
	*e7 = (int32_t)(hemisphere.at[0] == letters[1] ? -whole : whole);
	return true;
}

/* $GPRMC,hhmmss.ss,A,llll.ll,a,yyyyy.yy,a,knots,course,ddmmyy,...*hh (NMEA 0183); any talker. */
static bool parse_rmc(struct slice s, struct legacy_record *record)
{
	const char *star = memchr(s.at, '*', s.length);
	struct slice status, lat, north, lon, east, knots, course;
	uint64_t want;
	uint8_t sum = 0;
	int64_t value;

	if (s.length < 7 || s.at[0] != '$' || memcmp(s.at + 3, "RMC,", 4) != 0 || star == NULL ||
	    !hex_number((struct slice){ star + 1, s.length - (size_t)(star + 1 - s.at) }, &want)) {
		return false;
	}
	for (const char *c = s.at + 1; c < star; c++) {
		sum ^= (uint8_t)*c;
	}
	if (sum != want) {
		return false;
	}
	s = (struct slice){ s.at + 7, (size_t)(star - s.at) - 7 };
	next_field(&s);
	status = next_field(&s);
	lat = next_field(&s);
	north = next_field(&s);
	lon = next_field(&s);
	east = next_field(&s);
	knots = next_field(&s);
	course = next_field(&s);
	record->gps = LEGACY_GPS_VOID;
	if (status.length != 1 || status.at[0] != 'A') {
		return true;
	}
	if (!rmc_angle(lat, north, 2, "NS", &record->lat_e7) ||
	    !rmc_angle(lon, east, 3, "EW", &record->lon_e7)) {
		return false;
	}
	record->gps = LEGACY_GPS_POSITION;
	/* A knot is 1852 m/h. */
	record->speed_known = decimal(knots, -4, INT64_C(100000000), &value) && value >= 0;
	record->speed_mm_s = record->speed_known ? (int32_t)((value * 1852 + 18000) / 36000) : 0;
	record->heading_known = decimal(course, -5, 36000000, &value) && value >= 0;
	record->heading_e5 = record->heading_known ? (int32_t)value : 0;
	return true;
}

/* "-27.60044, -48.51884" */
static bool parse_degrees(struct slice s, struct legacy_record *record)
{
	struct slice lat = next_field(&s);
	int64_t lat_e7, lon_e7;

	while (s.length > 0 && s.at[0] == ' ') {
		s.at++;
		s.length--;
	}
	if (!decimal(lat, -7, 900000000, &lat_e7) || !decimal(s, -7, 1800000000, &lon_e7)) {
		return false;
	}
	record->gps = LEGACY_GPS_POSITION;
	record->lat_e7 = (int32_t)lat_e7;
	record->lon_e7 = (int32_t)lon_e7;
	return true;
}

static void parse_gps(struct slice s, struct legacy_record *record)
{
	size_t n;

	while (s.length > 0 && strchr("\r\n ", s.at[s.length - 1]) != NULL &&
	       s.at[s.length - 1] != '\0') {
		s.length--;
	}
	if (s.length == 0) {
		record->gps = LEGACY_GPS_NONE;
		return;
	}
	if (parse_rmc(s, record) || parse_degrees(s, record)) {
		return;
	}
	record->gps = LEGACY_GPS_TEXT;
	n = s.length < sizeof(record->gps_text) ? s.length : sizeof(record->gps_text) - 1;
	for (size_t i = 0; i < n; i++) {
		record->gps_text[i] = (char)(s.at[i] >= ' ' && s.at[i] <= '~' ? s.at[i] : '?');
	}
}

/* --- the record -------------------------------------------------------------------- */

#define FIELDS 5 /* SENSOR, MAC, TEMP, FLOW, and GPS/TIME */

/* Cuts at slashes into at most FIELDS fields, the last of which has the rest: how many. */
static unsigned split(struct slice s, struct slice fields[FIELDS])
{
	unsigned n = 0;
	const char *slash;

	while (n < FIELDS - 1 && (slash = memchr(s.at, '/', s.length)) != NULL) {
		fields[n] = (struct slice){ s.at, (size_t)(slash - s.at) };
		s.length -= fields[n].length + 1;
		s.at = slash + 1;
		n++;
	}
	fields[n] = s;
	return n + 1;
}

/* TEMP, FLOW and GPS, which both forms have. */
static int parse_values(const char *text, struct slice temp, struct slice flow, struct slice gps,
			struct legacy_record *record, struct legacy_error *err)
{
	int64_t value;

	if (temp.length != 2 || memcmp(temp.at, "-1", 2) != 0) {
		/* What 16 bits of 1/16 degC reach */
		if (!decimal(temp, -3, 2048000, &value) || value > 2047938) {
			return bad(err, "TEMP", (size_t)(temp.at - text),
				   "a temperature in degC, or -1 for none");
		}
		record->temp_known = true;
		record->temp_mc = (int32_t)value;
	}
	if (!decimal(flow, -3, INT32_MAX, &value)) {
		return bad(err, "FLOW", (size_t)(flow.at - text), "a number");
	}
	record->flow_known = flow.length != 1 || value != 0;
	record->flow_milli = (int32_t)value;
	parse_gps(gps, record);
	return 0;
}

static int parse_sensor(struct slice name, struct legacy_record *record, struct legacy_error *err)
{
	for (size_t i = 0; i < name.length; i++) {
		if (name.at[i] <= ' ' || name.at[i] > '~') {
			return bad(err, "SENSOR", i, "printable ASCII without blanks");
		}
	}
	if (name.length == 0 || name.length >= sizeof(record->sensor)) {
		return bad(err, "SENSOR", 0, "a name of 1 to 31 characters");
	}
	memcpy(record->sensor, name.at, name.length);
	return 0;
}

/* SENSOR/MAC/TEMP/FLOW/GPS/TIME. GPS may be any text, slashes too: TIME follows the last one. */
static int parse_record(const char *text, size_t size, const struct slice *fields, unsigned n,
			struct legacy_record *record, struct legacy_error *err)
{
	const struct slice rest = fields[FIELDS - 1];
	size_t gps = n == FIELDS ? rest.length : 0;
	struct slice time;
	int64_t value;

	while (gps > 0 && rest.at[gps - 1] != '/') {
		gps--;
	}
	if (gps == 0) {
		return bad(err, "record", size, "SENSOR/MAC/TEMP/FLOW/GPS/TIME");
	}
	if (parse_sensor(fields[0], record, err) != 0) {
		return -EBADMSG;
	}
	if (!decimal_mac(fields[1], &record->mac)) {
		return bad(err, "MAC", (size_t)(fields[1].at - text),
			   "a MAC of 48 bits in decimal");
	}
	/* Past 2^32 s (2106) it is no time of anything. */
	time = (struct slice){ rest.at + gps, rest.length - gps };
	if (!decimal(time, -6, INT64_C(4294967296) * 1000000, &value) || value < 1) {
		return bad(err, "TIME", (size_t)(time.at - text),
			   "seconds since 1970, more than 0");
	}
	record->time_us = value;
	return parse_values(text, fields[2], fields[3], (struct slice){ rest.at, gps - 1 }, record,
			    err);
}

int legacy_text_parse(const char *text, size_t size, struct legacy_record *record,
		      struct legacy_error *err)
{
	const char *end = text + size;
	struct slice fields[FIELDS];
	unsigned n;

	memset(record, 0, sizeof(*record));
	if (size > LEGACY_TEXT_MAX) {
		return bad(err, "record", LEGACY_TEXT_MAX,
			   "SENSOR/MAC/TEMP/FLOW/GPS/TIME of at most 512 bytes");
	}
	while (end > text && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' ')) {
		end--;
	}
	n = split((struct slice){ text, (size_t)(end - text) }, fields);
	if (n == 1) {
		record->form = LEGACY_BOOT;
		return decimal_mac(fields[0], &record->mac) || colon_mac(fields[0], &record->mac)
			       ? 0
			       : bad(err, "record", 0,
				     "SENSOR/MAC/TEMP/FLOW/GPS/TIME or a MAC alone");
	}
	if (!colon_mac(fields[0], &record->mac)) {
		return parse_record(text, size, fields, n, record, err);
	}
	record->form = LEGACY_OLDER;
	if (n < 4) {
		return bad(err, "record", size, "MAC/TEMP/FLOW/GPS");
	}
	return parse_values(text, fields[1], fields[2],
			    (struct slice){ fields[3].at, (size_t)(end - fields[3].at) }, record,
			    err);
}

/* --- writing ---------------------------------------------------------------------- */

struct out {
	char *text;
	size_t size, used; /* used may pass size: then it did not fit */
};

static void put(struct out *o, const char *text, size_t n)
{
	if (n < o->size && o->used < o->size - n) {
		memcpy(o->text + o->used, text, n);
	}
	o->used += n;
}

static void put_text(struct out *o, const char *text)
{
	put(o, text, strlen(text));
}

static void put_number(struct out *o, struct senml_number number)
{
	char digits[SENML_NUMBER_TEXT];

	put(o, digits, senml_number_print(&number, digits));
}

/* The last `width` decimal digits, with leading zeros. */
static void put_digits(struct out *o, uint64_t value, unsigned width)
{
	char digits[20];

	for (unsigned i = width; i > 0; i--) {
		digits[i - 1] = (char)('0' + value % 10);
		value /= 10;
	}
	put(o, digits, width);
}

/* 1e-7 degrees are 6e-6 minutes: six decimals are exact. */
static void put_angle(struct out *o, int32_t e7, unsigned degree_digits, const char *letters)
{
	uint64_t size = e7 < 0 ? 0 - (uint64_t)e7 : (uint64_t)e7;
	uint64_t minutes_e6 = size % 10000000 * 6;

	put_digits(o, size / 10000000, degree_digits);
	put_digits(o, minutes_e6 / 1000000, 2);
	put_text(o, ".");
	put_digits(o, minutes_e6 % 1000000, 6);
	put_text(o, ",");
	put(o, &letters[e7 < 0], 1);
	put_text(o, ",");
}

static void put_rmc(struct out *o, const struct legacy_record *record)
{
	struct civil at;
	static const char digits[] = "0123456789ABCDEF";
	size_t start = o->used + 1;
	uint8_t sum = 0;

	civil_from_s(record->time_us / 1000000, &at);
	put_text(o, "$GPRMC,");
	put_digits(o, (uint64_t)at.hour * 10000 + (uint64_t)at.min * 100 + (uint64_t)at.sec, 6);
	put_text(o, ".");
	put_digits(o, (uint64_t)record->time_us / 10000 % 100, 2);
	put_text(o, ",A,");
	put_angle(o, record->lat_e7, 2, "NS");
	put_angle(o, record->lon_e7, 3, "EW");
	if (record->speed_known) {
		put_number(o, senml_number_i64(((int64_t)record->speed_mm_s * 36000 + 926) / 1852,
					       -4));
	}
	put_text(o, ",");
	if (record->heading_known) {
		put_number(o, senml_number_i64(record->heading_e5, -5));
	}
	put_text(o, ",");
	put_digits(o, (uint64_t)at.day * 10000 + (uint64_t)at.month * 100 + (uint64_t)at.year % 100,
		   6);
	put_text(o, ",,,A");
	for (size_t i = start; i < o->used && o->used < o->size; i++) {
		sum ^= (uint8_t)o->text[i];
	}
	put_text(o, "*");
	put(o, &digits[sum >> 4], 1);
	put(o, &digits[sum & 15], 1);
	put_text(o, "\r\n");
}

int legacy_text_format(const struct legacy_record *record, char *text, size_t size)
{
	struct out o = { .text = text, .size = size };

	put_text(&o, record->sensor);
	put_text(&o, "/");
	put_number(&o, senml_number_u64(record->mac, 0));
	put_text(&o, "/");
	if (!record->temp_known) {
		put_text(&o, "-1");
	} else {
		put_number(&o, senml_number_i64(record->temp_mc, -3));
		/* Python's floats have a point, and a bare -1 means "none". */
		put_text(&o, record->temp_mc % 1000 == 0 ? ".0" : "");
	}
	put_text(&o, "/");
	put_number(&o, senml_number_i64(record->flow_milli, -3));
	put_text(&o, record->flow_known && record->flow_milli % 1000 == 0 ? ".0/" : "/");
	if (record->gps == LEGACY_GPS_POSITION) {
		put_rmc(&o, record);
	} else if (record->gps == LEGACY_GPS_TEXT) {
		put_text(&o, record->gps_text);
	}
	put_text(&o, "/");
	put_number(&o, senml_number_i64(record->time_us, -6));
	if (o.used >= size) {
		return -ENOSPC;
	}
	text[o.used] = '\0';
	return (int)o.used;
}
