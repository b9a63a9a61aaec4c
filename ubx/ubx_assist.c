// SPDX-License-Identifier: BSD-2-Clause
#include "ubx_assist.h"

#include <string.h>

#include "time/civil.h"
#include "ubx_msg.h"

/* The node may have moved since: a truck's 30 m/s. Beyond 300 km other satellites are in
 * view and the guess would mislead. */
#define SPEED_MM_PER_S 30000ull
#define POSITION_LIMIT_MM 300000000ull
#define DRIFT_PPM 100ull /* a Pi's oscillator, cold or hot */
#define LINK_US 50000ull /* delay of the frame in drivers and wire */

static void put_time(uint8_t *p, int64_t utc_us, uint64_t acc_us)
{
	struct civil date;

	civil_from_s(utc_us / 1000000, &date);
	/* YYMM and DDHHMMSS, as decimal digits */
	ubx_msg_put(p, UBX_AID_INI_wnoOrDate, 0, (date.year - 2000) * 100 + date.month);
	ubx_msg_put(p, UBX_AID_INI_towOrTime, 0,
		    date.day * 1000000 + date.hour * 10000 + date.min * 100 + date.sec);
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

void ubx_assist_from_fix(struct ubx_assist *a, const struct gnss_fix *fix)
{
	if (!fix->position_known) {
		return;
	}
	*a = (struct ubx_assist){
		.position_known = true,
		.time_known = fix->time_known,
		.at_ns = fix->received_ns,
		.lat_e7 = fix->lat_e7,
		.lon_e7 = fix->lon_e7,
		.height_mm = fix->height_mm,
		.pos_acc_mm = fix->hacc_mm,
		.utc_us = fix->utc_us,
		/* A polled epoch may be as old as the longest interval (CFG-RATE, U2 in ms). */
		.time_acc_us = 1000 + (uint32_t)(fix->age_max_ns != UINT64_MAX
							 ? fix->age_max_ns / 1000
							 : UINT16_MAX * UINT64_C(1000)),
	};
}
