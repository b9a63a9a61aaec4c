// SPDX-License-Identifier: BSD-2-Clause
#include "gnss_fix.h"

#include <string.h>

#define LAT_LIMIT_E7 900000000
#define LON_LIMIT_E7 1800000000
#define FIX_TYPE_MAX 5
#define VALID_DATE_TIME 3
#define VALID_DATE_TIME_RESOLVED 7
/* Without a fix only satellites make a time this good: transit times differ by 20 ms at most. The
 * receiver's own clock and what aided it are not known to better than tenths of a second. */
#define TACC_WITHOUT_FIX_NS 10000000
#define WEEK_MS 604800000
#define JUMP_MS 2 /* iTOW is rounded to 1 ms: recordings have 0 and 1 */
/* The receiver itself follows 4 g at most (V14 section 2.1). This host may have read one of two
 * epochs a second late. After 1000 s anything may be anywhere. */
#define ACCELERATION_M_S2 40
#define READ_LATE_MS 1000
#define ANYWHERE_MS 1000000

bool gnss_utc_us(const struct civil *date, int32_t nano, int64_t *utc_us)
{
	if (!civil_is_valid(date) || nano <= -1000000000 || nano >= 1000000000) {
		return false;
	}
	*utc_us = civil_to_s(date) * 1000000 + (nano + (nano < 0 ? -500 : 500)) / 1000;
	return true;
}

static enum gnss_time_doubt judge_time(const struct gnss_fix *f, const struct civil *date,
				       int32_t nano, const struct gnss_limits *limits,
				       int64_t *utc_us)
{
	/* Types 2 to 5: at least the time of this epoch is from satellites; 1 is dead reckoning. */
	bool has_fix = f->gnss_fix_ok && f->fix_type >= 2;

	*utc_us = 0;
	if ((f->valid & VALID_DATE_TIME) != VALID_DATE_TIME) {
		return GNSS_TIME_INVALID;
	}
	if (f->valid != VALID_DATE_TIME_RESOLVED) {
		return GNSS_TIME_UNRESOLVED;
	}
	if (!has_fix && f->tacc_ns > TACC_WITHOUT_FIX_NS) { /* UINT32_MAX: unknown */
		return GNSS_TIME_NO_FIX;
	}
	return gnss_utc_us(date, nano, utc_us) && *utc_us >= limits->min_utc_us &&
			       *utc_us < limits->max_utc_us
		       ? GNSS_TIME_KNOWN
		       : GNSS_TIME_IMPLAUSIBLE;
}

/* What of the facts in *f is known. */
static void judge(struct gnss_fix *f, const struct civil *date, int32_t nano,
		  const struct gnss_limits *limits)
{
	f->tacc_ns = f->tacc_ns != 0 ? f->tacc_ns : UINT32_MAX; /* not filled in: none is exact */
	/* Types 2, 3, 4: a position of this epoch from satellites; 1 and 5 are not. */
	f->position_known = f->gnss_fix_ok && f->fix_type >= 2 && f->fix_type <= 4 &&
			    f->hacc_mm <= limits->max_hacc_mm;
	f->time_doubt = judge_time(f, date, nano, limits, &f->utc_us);
	f->time_known = f->time_doubt == GNSS_TIME_KNOWN;
}

static bool is_possible(const struct gnss_fix *f)
{
	return f->lat_e7 <= LAT_LIMIT_E7 && f->lat_e7 >= -LAT_LIMIT_E7 &&
	       f->lon_e7 <= LON_LIMIT_E7 && f->lon_e7 >= -LON_LIMIT_E7 &&
	       f->fix_type <= FIX_TYPE_MAX;
}

bool gnss_fix_from_pvt(struct gnss_fix *fix, const uint8_t *p, size_t len, uint64_t received_ns,
		       const struct gnss_limits *limits)
{
	if (!ubx_msg_length_ok(UBX_NAV_PVT, len)) {
		return false;
	}
	struct gnss_fix f = {
		.received_ns = received_ns,
		.age_max_ns = UINT64_MAX,
		.lat_e7 = (int32_t)ubx_msg_get(p, UBX_NAV_PVT_lat, 0),
		.lon_e7 = (int32_t)ubx_msg_get(p, UBX_NAV_PVT_lon, 0),
		.height_mm = (int32_t)ubx_msg_get(p, UBX_NAV_PVT_height, 0),
		.hmsl_mm = (int32_t)ubx_msg_get(p, UBX_NAV_PVT_hMSL, 0),
		.hacc_mm = (uint32_t)ubx_msg_get(p, UBX_NAV_PVT_hAcc, 0),
		.vacc_mm = (uint32_t)ubx_msg_get(p, UBX_NAV_PVT_vAcc, 0),
		.speed_mm_s = (int32_t)ubx_msg_get(p, UBX_NAV_PVT_gSpeed, 0),
		.heading_e5 = (int32_t)ubx_msg_get(p, UBX_NAV_PVT_heading, 0),
		.pdop_e2 = (uint16_t)ubx_msg_get(p, UBX_NAV_PVT_pDOP, 0),
		.itow_ms = (uint32_t)ubx_msg_get(p, UBX_NAV_PVT_iTOW, 0),
		.tacc_ns = (uint32_t)ubx_msg_get(p, UBX_NAV_PVT_tAcc, 0),
		.fix_type = (uint8_t)ubx_msg_get(p, UBX_NAV_PVT_fixType, 0),
		.gnss_fix_ok = ubx_msg_get(p, UBX_NAV_PVT_gnssFixOK, 0) != 0,
		.valid = (uint8_t)ubx_msg_get(p, UBX_NAV_PVT_valid, 0),
		.num_sv = (uint8_t)ubx_msg_get(p, UBX_NAV_PVT_numSV, 0),
	};
	const struct civil date = {
		.year = (int)ubx_msg_get(p, UBX_NAV_PVT_year, 0),
		.month = (int)ubx_msg_get(p, UBX_NAV_PVT_month, 0),
		.day = (int)ubx_msg_get(p, UBX_NAV_PVT_day, 0),
		.hour = (int)ubx_msg_get(p, UBX_NAV_PVT_hour, 0),
		.min = (int)ubx_msg_get(p, UBX_NAV_PVT_min, 0),
		.sec = (int)ubx_msg_get(p, UBX_NAV_PVT_sec, 0),
	};

	if (!is_possible(&f)) {
		return false;
	}
	judge(&f, &date, (int32_t)ubx_msg_get(p, UBX_NAV_PVT_nano, 0), limits);
	*fix = f;
	return true;
}

bool gnss_fix_from_parts(struct gnss_fix *fix, const struct gnss_parts *g, uint64_t received_ns,
			 const struct gnss_limits *limits)
{
	const uint8_t *sol = g->sol, *llh = g->posllh, *vel = g->velned, *utc = g->timeutc;
	struct gnss_fix f = {
		.received_ns = received_ns,
		.age_max_ns = UINT64_MAX,
		.lat_e7 = (int32_t)ubx_msg_get(llh, UBX_NAV_POSLLH_lat, 0),
		.lon_e7 = (int32_t)ubx_msg_get(llh, UBX_NAV_POSLLH_lon, 0),
		.height_mm = (int32_t)ubx_msg_get(llh, UBX_NAV_POSLLH_height, 0),
		.hmsl_mm = (int32_t)ubx_msg_get(llh, UBX_NAV_POSLLH_hMSL, 0),
		.hacc_mm = (uint32_t)ubx_msg_get(llh, UBX_NAV_POSLLH_hAcc, 0),
		.vacc_mm = (uint32_t)ubx_msg_get(llh, UBX_NAV_POSLLH_vAcc, 0),
		.speed_mm_s = (int32_t)ubx_msg_get(vel, UBX_NAV_VELNED_gSpeed, 0) * 10,
		.heading_e5 = (int32_t)ubx_msg_get(vel, UBX_NAV_VELNED_heading, 0),
		.pdop_e2 = (uint16_t)ubx_msg_get(sol, UBX_NAV_SOL_pDOP, 0),
		.itow_ms = (uint32_t)ubx_msg_get(sol, UBX_NAV_SOL_iTOW, 0),
		.tacc_ns = (uint32_t)ubx_msg_get(utc, UBX_NAV_TIMEUTC_tAcc, 0),
		.fix_type = (uint8_t)ubx_msg_get(sol, UBX_NAV_SOL_gpsFix, 0),
		.gnss_fix_ok = ubx_msg_get(sol, UBX_NAV_SOL_gpsFixOk, 0) != 0,
		/* TOW, week and UTC: the same three doubts in the same bits */
		.valid = (uint8_t)(ubx_msg_get(utc, UBX_NAV_TIMEUTC_validTOW, 0) |
				   ubx_msg_get(utc, UBX_NAV_TIMEUTC_validWKN, 0) << 1 |
				   ubx_msg_get(utc, UBX_NAV_TIMEUTC_validUTC, 0) << 2),
		.num_sv = (uint8_t)ubx_msg_get(sol, UBX_NAV_SOL_numSV, 0),
	};
	const struct civil date = {
		.year = (int)ubx_msg_get(utc, UBX_NAV_TIMEUTC_year, 0),
		.month = (int)ubx_msg_get(utc, UBX_NAV_TIMEUTC_month, 0),
		.day = (int)ubx_msg_get(utc, UBX_NAV_TIMEUTC_day, 0),
		.hour = (int)ubx_msg_get(utc, UBX_NAV_TIMEUTC_hour, 0),
		.min = (int)ubx_msg_get(utc, UBX_NAV_TIMEUTC_min, 0),
		.sec = (int)ubx_msg_get(utc, UBX_NAV_TIMEUTC_sec, 0),
	};

	if (!is_possible(&f)) {
		return false;
	}
	judge(&f, &date, (int32_t)ubx_msg_get(utc, UBX_NAV_TIMEUTC_nano, 0), limits);
	*fix = f;
	return true;
}

bool gnss_parts_add(struct gnss_parts *g, enum ubx_message message, const uint8_t *p)
{
	uint8_t *const to[] = { g->sol, g->posllh, g->velned, g->timeutc };
	static const enum ubx_message messages[] = { UBX_NAV_SOL, UBX_NAV_POSLLH, UBX_NAV_VELNED,
						     UBX_NAV_TIMEUTC };
	/* iTOW is the first field of each. */
	uint32_t itow_ms = (uint32_t)ubx_msg_get(p, UBX_NAV_SOL_iTOW, 0);

	if (itow_ms != g->itow_ms) {
		g->itow_ms = itow_ms;
		g->have = 0;
	}
	for (unsigned i = 0; i < 4; i++) {
		if (messages[i] == message) {
			memcpy(to[i], p, ubx_messages[message].len);
			g->have |= (uint8_t)(1u << i);
		}
	}
	if (g->have != 15) {
		return false;
	}
	g->have = 0;
	return true;
}

/* A lower bound of the distance: the farther of north and east, where cos(lat) is at least the
 * chord. 1e-7 degree of a meridian is 11.1 mm. */
static int64_t apart_mm(const struct gnss_fix *a, const struct gnss_fix *b)
{
	int64_t lat = a->lat_e7, north = lat - b->lat_e7, east = (int64_t)a->lon_e7 - b->lon_e7;

	lat = lat < 0 ? -lat : lat;
	north = north < 0 ? -north : north;
	east = east < 0 ? -east : east;
	east = east > LON_LIMIT_E7 ? 2 * (int64_t)LON_LIMIT_E7 - east : east;
	east = east * ((LAT_LIMIT_E7 - lat) / 1000) / (LAT_LIMIT_E7 / 1000);
	return (north > east ? north : east) * 111 / 10;
}

void gnss_fix_doubt(struct gnss_fix *fix, const struct gnss_fix *before)
{
	bool timed = fix->time_known && before->time_known;
	/* 32 bits hold 7 weeks. */
	int64_t ms = ((int64_t)fix->itow_ms - before->itow_ms + INT64_C(8) * WEEK_MS) % WEEK_MS;
	int64_t way_mm;
	int64_t jump_ms = (fix->utc_us - before->utc_us) / 1000 - ms;

	if (timed && (jump_ms > JUMP_MS || jump_ms < -JUMP_MS)) {
		fix->time_known = timed = false;
		fix->time_doubt = GNSS_TIME_JUMPED;
	}
	if (!timed) {
		ms = (int64_t)((fix->received_ns - before->received_ns) / 1000000) + READ_LATE_MS;
	}
	ms = ms < ANYWHERE_MS ? ms : ANYWHERE_MS;
	way_mm = (int64_t)fix->hacc_mm + before->hacc_mm +
		 (before->speed_mm_s + ACCELERATION_M_S2 * ms) * ms / 1000;
	if (fix->position_known && before->position_known && apart_mm(fix, before) > way_mm) {
		fix->position_known = false;
	}
}
