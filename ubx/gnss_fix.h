/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gnss_fix: one navigation epoch of the receiver, with its doubts.
 *
 * From UBX-NAV-PVT (84 bytes on u-blox 7, 92 later), or NAV-SOL, POSLLH, VELNED and TIMEUTC.
 * Position and time are each "known" only under the rules below; the raw facts stay beside them so
 * that a reader can see why not. Plain data, copyable.
 */
#ifndef GNSS_FIX_H
#define GNSS_FIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "time/civil.h"
#include "ubx_msg.h"

/* Why the time of an epoch is not known: the first of these that holds. */
enum gnss_time_doubt {
	GNSS_TIME_KNOWN,
	GNSS_TIME_INVALID, /* not validDate and validTime */
	GNSS_TIME_UNRESOLVED, /* not fullyResolved: leap seconds are the firmware's guess */
	GNSS_TIME_JUMPED, /* since the epoch before it advanced otherwise than iTOW */
	GNSS_TIME_NO_FIX, /* of the receiver's clock or of aiding, not of satellites */
	GNSS_TIME_IMPLAUSIBLE, /* outside the limits: utc_us has it all the same; or no date, then 0
				*/
};

struct gnss_fix {
	uint64_t received_ns; /* CLOCK_BOOTTIME when the last byte of the message was read */
	/* The epoch was between age_max_ns and age_min_ns before received_ns. UINT64_MAX: not
	 * known, as of an answer to a poll. */
	uint64_t age_min_ns, age_max_ns;
	/* The pulse of a whole second that was received with it: when, which, how exact; 0: none.
	 */
	uint64_t pulse_ns, pulse_acc_ns;
	int64_t pulse_utc_us;

	/* Position: gnssFixOK and fixType 2 or 3 (or 4) and accuracy within the limits */
	bool position_known;
	int32_t lat_e7, lon_e7; /* 1e-7 deg */
	int32_t height_mm; /* above the ellipsoid */
	int32_t hmsl_mm; /* above mean sea level */
	uint32_t hacc_mm, vacc_mm;
	int32_t speed_mm_s; /* over ground */
	int32_t heading_e5; /* 1e-5 deg */
	uint16_t pdop_e2; /* 0.01 */

	bool time_known; /* time_doubt is GNSS_TIME_KNOWN */
	enum gnss_time_doubt time_doubt;
	int64_t utc_us; /* UTC of this epoch since 1970, rounded to us from fields + nano; else 0 */
	uint32_t tacc_ns; /* UINT32_MAX: unknown */

	/* The raw facts */
	uint32_t itow_ms;
	uint8_t fix_type; /* 0 none, 1 DR, 2 2D, 3 3D, 4 GNSS+DR, 5 time only */
	bool gnss_fix_ok;
	uint8_t valid; /* validDate, validTime, fullyResolved in bits 0..2; the rest masked */
	uint8_t num_sv;
};

/* Limits beyond which a value is unknown. */
struct gnss_limits {
	uint32_t max_hacc_mm; /* a position less accurate than this is unknown */
	/* A time outside [min, max) is a receiver's error (week rollover, RTC). */
	int64_t min_utc_us, max_utc_us;
};

/*
 * A receiver places 10 bits of a week number after a week in its firmware: a window this long has
 * each date that it can mean once.
 */
#define GNSS_ROLLOVER_US (1024 * INT64_C(604800) * 1000000)

/*
 * From a NAV-PVT payload of 84 or 92 bytes. false: not one (other length, or a
 * latitude, longitude or fix type that cannot be); *fix is then untouched.
 */
bool gnss_fix_from_pvt(struct gnss_fix *fix, const uint8_t *payload, size_t payload_len,
		       uint64_t received_ns, const struct gnss_limits *limits);

/*
 * The four messages of one epoch from which a receiver without NAV-PVT (u-blox 6) gives the same.
 * Zero-initialised is ready.
 */
struct gnss_parts {
	uint32_t itow_ms;
	uint8_t have;
	uint8_t sol[52], posllh[28], velned[36], timeutc[20];
};

/* Adds a message (its length checked against the table); true: the epoch is complete. */
bool gnss_parts_add(struct gnss_parts *parts, enum ubx_message message, const uint8_t *payload);
/* As gnss_fix_from_pvt(), of a complete epoch. */
bool gnss_fix_from_parts(struct gnss_fix *fix, const struct gnss_parts *parts, uint64_t received_ns,
			 const struct gnss_limits *limits);

/*
 * Makes unknown what the epoch before, as far as it is known, rules out: a time that went on
 * otherwise than iTOW, a position farther away than 4 g lead. The checksum misses one in 120 frames
 * with two flipped bits, mostly those of highest value; of positions wrong by 100 m and more among
 * them one in 60 is left.
 */
void gnss_fix_doubt(struct gnss_fix *fix, const struct gnss_fix *before);

/*
 * us since 1970 of a UTC calendar time plus nano ns; false if there is no such time.
 * nano may be negative: the receiver rounds its fields to 10 ms (V14 section 6.4).
 */
bool gnss_utc_us(const struct civil *date, int32_t nano, int64_t *utc_us);

#endif
