/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gnss_fix: one navigation epoch of the receiver, with its doubts.
 *
 * From UBX-NAV-PVT (84 bytes on u-blox 7, 92 later). Position and time are each
 * "known" only under the rules below; the raw facts stay beside them so that a
 * reader can see why not. Plain data, copyable.
 */
#ifndef GNSS_FIX_H
#define GNSS_FIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "time/civil.h"

struct gnss_fix {
	uint64_t received_ns; /* CLOCK_BOOTTIME when the last byte of the message was read */

	/* Position: gnssFixOK and fixType 2 or 3 (or 4) and accuracy within the limits */
	bool position_known;
	int32_t lat_e7, lon_e7; /* 1e-7 deg */
	int32_t height_mm; /* above the ellipsoid */
	int32_t hmsl_mm; /* above mean sea level */
	uint32_t hacc_mm, vacc_mm;
	int32_t speed_mm_s; /* over ground */
	int32_t heading_e5; /* 1e-5 deg */
	uint16_t pdop_e2; /* 0.01 */

	/* Time: validDate and validTime and fullyResolved, not before the build date */
	bool time_known;
	int64_t utc_us; /* UTC of this epoch since 1970, rounded to us from fields + nano */
	uint32_t tacc_ns; /* UINT32_MAX: unknown */

	/* The raw facts */
	uint32_t itow_ms;
	uint8_t fix_type; /* 0 none, 1 DR, 2 2D, 3 3D, 4 GNSS+DR, 5 time only */
	bool gnss_fix_ok;
	uint8_t valid; /* validDate, validTime, fullyResolved in bits 0..2; the rest masked */
	uint8_t num_sv;
};

/* Where doubt begins. */
struct gnss_limits {
	uint32_t max_hacc_mm; /* a position less accurate than this is unknown */
	int64_t min_utc_us; /* a time before this is a receiver's error (week rollover, RTC):
			       unknown */
};

/*
 * From a NAV-PVT payload of 84 or 92 bytes. false: not one (other length, or a
 * latitude, longitude or fix type that cannot be); *fix is then untouched.
 */
bool gnss_fix_from_pvt(struct gnss_fix *fix, const uint8_t *payload, size_t payload_len,
		       uint64_t received_ns, const struct gnss_limits *limits);

/*
 * us since 1970 of a UTC calendar time plus nano ns; false if there is no such time.
 * nano may be negative: the receiver rounds its fields to 10 ms (V14 section 6.4).
 */
bool gnss_utc_us(const struct civil *date, int32_t nano, int64_t *utc_us);

#endif
