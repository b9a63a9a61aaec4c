/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ublox7_world: position and time of the simulated antenna, and the receiver's knowledge of them.
 *
 * Truth (a drive made from a seed, or a recording played in a loop) and knowledge
 * (no fix yet, doubtful fix, UTC not resolved) are combined into one epoch, the
 * source of every NAV and NMEA message of that epoch. Pure.
 */
#ifndef UBLOX7_WORLD_H
#define UBLOX7_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A point of a recorded track. */
struct ublox7_point {
	uint32_t t_ms; /* since the first point; ascending */
	int32_t lon_e7, lat_e7, height_mm, hmsl_mm;
	int32_t vel_mm_s[3]; /* north, east, down */
	uint32_t hacc_mm, vacc_mm, sacc_mm_s;
	uint16_t pdop_e2;
	uint8_t fix_type, num_sv;
	bool fix_ok;
};

#define UBLOX7_SATELLITES 12

struct ublox7_satellite {
	uint8_t svid, cno, elev;
	uint16_t azim;
	bool used;
};

struct ublox7_epoch {
	struct ublox7_point at; /* position, velocity, accuracy, fix */
	uint32_t itow_ms;
	uint16_t week; /* full GPS week, as the receiver places it */
	int32_t ftow_ns; /* rest of the time of week: -500000..500000 */
	int32_t speed_mm_s, heading_e5;
	/* UTC as in UBX: fields rounded to 10 ms, nano -5e6..995e6 (V14 section 6.4) */
	uint16_t year;
	uint8_t month, day, hour, min, sec;
	int32_t nano;
	uint8_t valid; /* bits 0..2 date, time, fully resolved */
	uint8_t leap_s;
	uint32_t tacc_ns;
	double ecef_m[3], ecef_m_s[3];
	struct ublox7_satellite sat[UBLOX7_SATELLITES];
};

struct ublox7_world {
	uint64_t seed;
	const struct ublox7_point *track;
	size_t track_len;
	uint64_t track_begin_us; /* GPS time of its first point */
	int64_t no_fix_before_us; /* GPS time, whatever fix_at_us is */
	uint64_t fix_at_us, utc_at_us; /* GPS times from which a fix, resolved UTC are known */
	uint32_t doubtful_ppm;
	uint32_t ttff_ms; /* of the last start */
	struct ublox7_epoch epoch; /* the newest */
};

#define GPS_LEAP_S 18 /* since 2017 */
#define GPS_EPOCH_S 315964800ll /* 1980-01-06 in seconds since 1970 */

/* True GPS time in us since 1980-01-06 of a UTC in us since 1970. */
int64_t ublox7_gps_us(int64_t utc_us);

/* Computes the epoch of true GPS time gps_us; week numbers are placed after rollover_week. */
void ublox7_world_epoch(struct ublox7_world *w, int64_t gps_us, uint16_t rollover_week);

#endif
