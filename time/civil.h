/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * civil: dates of the proleptic Gregorian calendar, UTC, years 1 to 9999. Pure: no clock, no
 * environment, no time zone. A leap second (sec 60) is the first second of the next minute, as in
 * POSIX time. Used by ubx/ (UTC of NAV-PVT) and by everything above it.
 */
#ifndef CIVIL_H
#define CIVIL_H

#include <stdbool.h>
#include <stdint.h>

struct civil {
	int year; /* 1 to 9999 */
	int month; /* 1 to 12 */
	int day; /* 1 to 31 */
	int hour, min, sec;
};

/* Whether the date exists and the time of day is at most 23:59:60. */
bool civil_is_valid(const struct civil *c);

/* Seconds since 1970-01-01T00:00:00Z of a valid date. */
int64_t civil_to_s(const struct civil *c);

/* The reverse, for seconds of the years 1 to 9999. */
void civil_from_s(int64_t s, struct civil *c);

/* "2026-11-23T18:47:03Z" of such seconds; returns text. */
#define CIVIL_TEXT_SIZE 21
char *civil_text(int64_t s, char text[CIVIL_TEXT_SIZE]);

#endif
