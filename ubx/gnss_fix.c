// SPDX-License-Identifier: BSD-2-Clause
#include "gnss_fix.h"

#include "ubx_msg.h"

#define LAT_LIMIT_E7 900000000
#define LON_LIMIT_E7 1800000000
#define FIX_TYPE_MAX 5
#define VALID_DATE_TIME_RESOLVED 7

bool gnss_utc_us(const struct civil *date, int32_t nano, int64_t *utc_us)
{
	if (!civil_is_valid(date) || nano <= -1000000000 || nano >= 1000000000) {
		return false;
	}
	*utc_us = civil_to_s(date) * 1000000 + (nano + (nano < 0 ? -500 : 500)) / 1000;
	return true;
}

static bool time_is_good(const uint8_t *p, const struct gnss_limits *limits, int64_t *utc_us)
{
	const struct civil date = {
		.year = (int)ubx_msg_get(p, UBX_NAV_PVT_year, 0),
		.month = (int)ubx_msg_get(p, UBX_NAV_PVT_month, 0),
		.day = (int)ubx_msg_get(p, UBX_NAV_PVT_day, 0),
		.hour = (int)ubx_msg_get(p, UBX_NAV_PVT_hour, 0),
		.min = (int)ubx_msg_get(p, UBX_NAV_PVT_min, 0),
		.sec = (int)ubx_msg_get(p, UBX_NAV_PVT_sec, 0),
	};

	return ubx_msg_get(p, UBX_NAV_PVT_valid, 0) == VALID_DATE_TIME_RESOLVED &&
	       gnss_utc_us(&date, (int32_t)ubx_msg_get(p, UBX_NAV_PVT_nano, 0), utc_us) &&
	       *utc_us >= limits->min_utc_us;
}

bool gnss_fix_from_pvt(struct gnss_fix *fix, const uint8_t *p, size_t len, uint64_t received_ns,
		       const struct gnss_limits *limits)
{
	struct gnss_fix f = { .received_ns = received_ns };

	if (!ubx_msg_length_ok(UBX_NAV_PVT, len)) {
		return false;
	}
	f.lat_e7 = (int32_t)ubx_msg_get(p, UBX_NAV_PVT_lat, 0);
	f.lon_e7 = (int32_t)ubx_msg_get(p, UBX_NAV_PVT_lon, 0);
	f.fix_type = (uint8_t)ubx_msg_get(p, UBX_NAV_PVT_fixType, 0);
	if (f.lat_e7 > LAT_LIMIT_E7 || f.lat_e7 < -LAT_LIMIT_E7 || f.lon_e7 > LON_LIMIT_E7 ||
	    f.lon_e7 < -LON_LIMIT_E7 || f.fix_type > FIX_TYPE_MAX) {
		return false;
	}
	f.height_mm = (int32_t)ubx_msg_get(p, UBX_NAV_PVT_height, 0);
	f.hmsl_mm = (int32_t)ubx_msg_get(p, UBX_NAV_PVT_hMSL, 0);
	f.hacc_mm = (uint32_t)ubx_msg_get(p, UBX_NAV_PVT_hAcc, 0);
	f.vacc_mm = (uint32_t)ubx_msg_get(p, UBX_NAV_PVT_vAcc, 0);
	f.speed_mm_s = (int32_t)ubx_msg_get(p, UBX_NAV_PVT_gSpeed, 0);
	f.heading_e5 = (int32_t)ubx_msg_get(p, UBX_NAV_PVT_heading, 0);
	f.pdop_e2 = (uint16_t)ubx_msg_get(p, UBX_NAV_PVT_pDOP, 0);
	f.itow_ms = (uint32_t)ubx_msg_get(p, UBX_NAV_PVT_iTOW, 0);
	f.gnss_fix_ok = ubx_msg_get(p, UBX_NAV_PVT_gnssFixOK, 0) != 0;
	f.valid = (uint8_t)ubx_msg_get(p, UBX_NAV_PVT_valid, 0);
	f.num_sv = (uint8_t)ubx_msg_get(p, UBX_NAV_PVT_numSV, 0);
	f.tacc_ns = (uint32_t)ubx_msg_get(p, UBX_NAV_PVT_tAcc, 0);
	/* Types 2, 3, 4: a position of this epoch from satellites; 1 and 5 are not. */
	f.position_known = f.gnss_fix_ok && f.fix_type >= 2 && f.fix_type <= 4 &&
			   f.hacc_mm <= limits->max_hacc_mm;
	f.time_known = time_is_good(p, limits, &f.utc_us);
	if (!f.time_known) {
		f.utc_us = 0;
	}
	*fix = f;
	return true;
}
