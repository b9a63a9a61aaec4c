/* SPDX-License-Identifier: BSD-2-Clause */
#include "ubx_assist.h"

#include <string.h>

#include "ubx_msg.h"

/* The node may have moved since: a truck's 30 m/s. Beyond 300 km other satellites are in
 * view and the guess would mislead. */
#define SPEED_MM_PER_S 30000ull
#define POSITION_LIMIT_MM 300000000ull
#define DRIFT_PPM 100ull /* a Pi's oscillator, cold or hot */
#define LINK_US \
	50000ull /* the frame's way through drivers and wire, before the receiver looks at it */

/* Civil date of days since 1970-01-01, valid from 1970 to 2100. */
static void civil(int64_t days, unsigned *year, unsigned *month, unsigned *day)
{
	int64_t z = days + 719468; /* days since 0000-03-01 */
	int64_t era = z / 146097;
	int64_t doe = z % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	*month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	*year = (unsigned)(yoe + era * 400 + (*month <= 2));
}

static void put_time(uint8_t *p, int64_t utc_us, uint64_t acc_us)
{
	int64_t s = utc_us / 1000000;
	int64_t of_day = s % 86400;
	unsigned year, month, day;

	civil(s / 86400, &year, &month, &day);
	/* YYMM and DDHHMMSS, as decimal digits */
	ubx_msg_put(p, UBX_AID_INI_wnoOrDate, 0, (year - 2000) * 100 + month);
	ubx_msg_put(p, UBX_AID_INI_towOrTime, 0,
		    day * 1000000 + of_day / 3600 * 10000 + of_day / 60 % 60 * 100 + of_day % 60);
	ubx_msg_put(p, UBX_AID_INI_towNs, 0, utc_us % 1000000 * 1000);
	ubx_msg_put(p, UBX_AID_INI_tAccMs, 0, (int64_t)(acc_us / 1000));
	ubx_msg_put(p, UBX_AID_INI_tAccNs, 0, (int64_t)(acc_us % 1000 * 1000));
	ubx_msg_put(p, UBX_AID_INI_time, 0, 1);
	ubx_msg_put(p, UBX_AID_INI_utc, 0, 1);
}

size_t ubx_assist_make(uint8_t p[UBX_AID_INI_SIZE], const struct ubx_assist *a, uint64_t now)
{
	uint64_t age_us = (now - a->at_ns) / 1000;
	uint64_t acc_mm = a->pos_acc_mm + age_us / 1000 * SPEED_MM_PER_S / 1000;

	memset(p, 0, UBX_AID_INI_SIZE);
	if (!a->position_known || now < a->at_ns || acc_mm > POSITION_LIMIT_MM) {
		return 0;
	}
	ubx_msg_put(p, UBX_AID_INI_lat, 0, a->lat_e7);
	ubx_msg_put(p, UBX_AID_INI_lon, 0, a->lon_e7);
	ubx_msg_put(p, UBX_AID_INI_alt, 0, a->height_mm / 10);
	ubx_msg_put(p, UBX_AID_INI_posAcc, 0, (int64_t)(acc_mm / 10));
	ubx_msg_put(p, UBX_AID_INI_pos, 0, 1);
	ubx_msg_put(p, UBX_AID_INI_lla, 0, 1);
	if (a->time_known) {
		put_time(p, a->utc_us + (int64_t)age_us,
			 a->time_acc_us + age_us * DRIFT_PPM / 1000000 + LINK_US);
	}
	return UBX_AID_INI_SIZE;
}
