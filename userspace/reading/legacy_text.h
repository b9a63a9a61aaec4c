/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * legacy_text: the record of the legacy client (CoAPthon, Python 2.7),
 * SENSOR/MAC/TEMP/FLOW/GPS/TIME. Pure.
 *
 *   SENSOR  a name without "/"; the kernel's "28-0000069be7d2" is read as a ROM
 *   MAC     Python's getnode() in decimal
 *   TEMP    degC as Python prints a float; exactly "-1": the sensor gave nothing
 *   FLOW    "0" without a flow sensor; its unit was never stated
 *   GPS     one NMEA RMC sentence with its CR LF, or a free string, or nothing
 *   TIME    seconds since 1970 with a fraction, of the node's clock
 *
 * A message of the MAC alone: the node started. An older form, MAC/TEMP/FLOW/GPS,
 * has the MAC as "5C:CF:7F:53:BA:34" and GPS as "latitude, longitude" in degrees.
 */
#ifndef LEGACY_TEXT_H
#define LEGACY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEGACY_TEXT_MAX 512 /* bytes of a record; true ones have about 120 */
#define LEGACY_NAME_SIZE 32

enum legacy_form { LEGACY_RECORD, LEGACY_OLDER, LEGACY_BOOT };

enum legacy_gps {
	LEGACY_GPS_NONE, /* empty */
	LEGACY_GPS_POSITION, /* lat_e7, lon_e7; from RMC also speed and heading, where given */
	LEGACY_GPS_VOID, /* RMC without a fix */
	LEGACY_GPS_TEXT, /* anything else, a sentence with a wrong checksum too */
};

struct legacy_record {
	enum legacy_form form;
	uint64_t mac; /* 48 bits */
	char sensor[LEGACY_NAME_SIZE]; /* "" in LEGACY_OLDER and LEGACY_BOOT */
	bool temp_known;
	int32_t temp_mc;
	bool flow_known; /* not "0" */
	int32_t flow_milli; /* 0.001 of whatever FLOW is in */
	enum legacy_gps gps;
	int32_t lat_e7, lon_e7;
	bool speed_known, heading_known;
	int32_t speed_mm_s, heading_e5;
	char gps_text[64]; /* LEGACY_GPS_TEXT: its printable ASCII, '?' for the rest, cut */
	int64_t time_us; /* LEGACY_RECORD: since 1970, as the node's clock was, right or wrong */
};

struct legacy_error {
	size_t byte; /* of the field's first character, or of the bad one in it */
	const char *field; /* "MAC", "TEMP" ... */
	const char *expected; /* as a text */
};

/* 0, or -EBADMSG with *err filled. text needs no NUL. */
int legacy_text_parse(const char *text, size_t size, struct legacy_record *record,
		      struct legacy_error *err);

/*
 * A LEGACY_RECORD as text, terminated; LEGACY_TEXT_MAX is always enough. Position and time are
 * written with all their digits; TIME also dates the RMC sentence. The length, or -ENOSPC.
 */
int legacy_text_format(const struct legacy_record *record, char *text, size_t size);

#endif
