// SPDX-License-Identifier: BSD-2-Clause
#include "ublox7_world.h"

#include <math.h>
#include <string.h>

#include "time/civil.h"
#include "w1_random.h"

#define WEEK_MS 604800000ll
#define FIRMWARE_LEAP_S 16 /* of firmware of 2012, until it has received the UTC page */
#define DEG (3.14159265358979323846 / 180)

int64_t ublox7_gps_us(int64_t utc_us)
{
	return utc_us - (GPS_EPOCH_S - GPS_LEAP_S) * 1000000ll;
}

/* --- truth: where --- */

/* Two slow circles about a point: no jump, no pole, and velocity is its derivative. */
static void drive(uint64_t seed, int64_t gps_us, struct ublox7_point *at)
{
	struct w1_random random;
	double t = (double)(gps_us % 86400000000ll) / 1e6, north = 0, east = 0, vn = 0, ve = 0;

	w1_random_init(&random, seed);
	double lat = 46.5 + w1_random_between(&random, 0, 1000000) / 1e6;
	double lon = 7.0 + w1_random_between(&random, 0, 2000000) / 1e6;

	for (int i = 0; i < 2; i++) {
		/* A whole number of turns a day: no jump at midnight. Up to 25 m/s. */
		double turns = w1_random_between(&random, 20, 200);
		double omega = 360 * DEG * turns / 86400;
		double radius = w1_random_between(&random, 20, 100) / 10.0 / omega;
		double phase = w1_random_between(&random, 0, 6283) / 1000.0;

		north += radius * sin(omega * t + phase);
		east += radius * cos(omega * t + phase);
		vn += radius * omega * cos(omega * t + phase);
		ve -= radius * omega * sin(omega * t + phase);
	}
	at->lat_e7 = (int32_t)lround((lat + north / 111195) * 1e7);
	at->lon_e7 = (int32_t)lround((lon + east / (111195 * cos(lat * DEG))) * 1e7);
	at->hmsl_mm = 432000 + (int32_t)lround(north);
	at->height_mm = at->hmsl_mm + 48500;
	at->vel_mm_s[0] = (int32_t)lround(vn * 1000);
	at->vel_mm_s[1] = (int32_t)lround(ve * 1000);
	at->vel_mm_s[2] = 0;
	at->hacc_mm = 2400;
	at->vacc_mm = 4100;
	at->sacc_mm_s = 350;
	at->pdop_e2 = 198;
	at->fix_type = 3;
	at->fix_ok = true;
}

/* The newest recorded point, in a loop; not interpolated, as a receiver reported it. */
static void replay(const struct ublox7_world *w, int64_t gps_us, struct ublox7_point *at)
{
	const struct ublox7_point *last = &w->track[w->track_len - 1];
	uint32_t step = w->track_len > 1 ? last->t_ms / (uint32_t)(w->track_len - 1) : 1000;
	uint64_t period = (uint64_t)last->t_ms + (step ? step : 1);
	uint32_t t = (uint32_t)((uint64_t)(gps_us - (int64_t)w->track_begin_us) / 1000 % period);
	size_t low = 0, high = w->track_len;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		*(w->track[middle].t_ms <= t ? &low : &high) = middle;
	}
	*at = w->track[low];
}

static void ecef(struct ublox7_epoch *e)
{
	/* WGS84 */
	const double a = 6378137.0, e2 = 6.69437999014e-3;
	double lat = e->at.lat_e7 * 1e-7 * DEG, lon = e->at.lon_e7 * 1e-7 * DEG,
	       h = e->at.height_mm / 1e3;
	double sin_lat = sin(lat), cos_lat = cos(lat), sin_lon = sin(lon), cos_lon = cos(lon);
	double n = a / sqrt(1 - e2 * sin_lat * sin_lat);
	double vn = e->at.vel_mm_s[0] / 1e3, ve = e->at.vel_mm_s[1] / 1e3,
	       vd = e->at.vel_mm_s[2] / 1e3;

	e->ecef_m[0] = (n + h) * cos_lat * cos_lon;
	e->ecef_m[1] = (n + h) * cos_lat * sin_lon;
	e->ecef_m[2] = (n * (1 - e2) + h) * sin_lat;
	e->ecef_m_s[0] = -vn * sin_lat * cos_lon - ve * sin_lon - vd * cos_lat * cos_lon;
	e->ecef_m_s[1] = -vn * sin_lat * sin_lon + ve * cos_lon - vd * cos_lat * sin_lon;
	e->ecef_m_s[2] = vn * cos_lat - vd * sin_lat;
}

static void course(struct ublox7_epoch *e)
{
	double vn = e->at.vel_mm_s[0], ve = e->at.vel_mm_s[1];
	double heading = atan2(ve, vn) / DEG;

	e->speed_mm_s = (int32_t)lround(hypot(vn, ve));
	e->heading_e5 = (int32_t)lround((heading < 0 ? heading + 360 : heading) * 1e5) % 36000000;
}

static void satellites(const struct ublox7_world *w, struct ublox7_epoch *e)
{
	struct w1_random random;

	w1_random_init(&random, w->seed ^ 0x5A7);
	for (unsigned i = 0; i < UBLOX7_SATELLITES; i++) {
		e->sat[i] = (struct ublox7_satellite){
			.svid = (uint8_t)(1 + i * 5 % 32), /* 12 different ones of GPS */
			.elev = (uint8_t)w1_random_between(&random, 5, 85),
			.azim = (uint16_t)w1_random_between(&random, 0, 359),
			.cno = (uint8_t)w1_random_between(&random, 24, 46),
			.used = i < e->at.num_sv,
		};
		if (e->at.fix_type == 0) {
			e->sat[i].cno = i < 3 ? e->sat[i].cno / 2 : 0;
		}
	}
}

/* --- knowledge: when --- */

static void calendar(struct ublox7_epoch *e, int64_t utc_ns)
{
	int64_t rounded = utc_ns + 5000000;

	rounded -= ((rounded % 10000000) + 10000000) % 10000000;
	int64_t s = rounded / 1000000000 - (rounded % 1000000000 < 0);
	struct civil date;

	civil_from_s(s, &date);
	e->nano = (int32_t)(utc_ns - s * 1000000000);
	e->year = (uint16_t)date.year;
	e->month = (uint8_t)date.month;
	e->day = (uint8_t)date.day;
	e->hour = (uint8_t)date.hour;
	e->min = (uint8_t)date.min;
	e->sec = (uint8_t)date.sec;
}

/* GPS time as the receiver places it: a week number of 10 bits, the first one not before the
 * rollover week. */
static int64_t placed_gps_ms(int64_t gps_ms, uint16_t rollover_week)
{
	int64_t week = gps_ms / WEEK_MS;
	int64_t placed = rollover_week + ((week - rollover_week) % 1024 + 1024) % 1024;

	return gps_ms + (placed - week) * WEEK_MS;
}

void ublox7_world_epoch(struct ublox7_world *w, int64_t gps_us, uint16_t rollover_week)
{
	struct ublox7_epoch *e = &w->epoch;
	struct w1_random random;
	bool has_fix = gps_us >= (int64_t)w->fix_at_us && gps_us >= w->no_fix_before_us;
	bool utc_known = gps_us >= (int64_t)w->utc_at_us;
	int64_t gps_ms = gps_us / 1000;

	memset(e, 0, sizeof(*e));
	w1_random_init(&random, w->seed ^ (uint64_t)gps_us);
	if (w->track) {
		replay(w, gps_us, &e->at);
	} else {
		drive(w->seed, gps_us, &e->at);
		e->at.num_sv = (uint8_t)w1_random_between(&random, 7, 11);
	}
	/* The receiver's own clock is steered to within half a millisecond. */
	e->ftow_ns = (int32_t)w1_random_between(&random, 0, 1000000) - 500000;
	if (w1_random_between(&random, 0, 999999) < w->doubtful_ppm && e->at.fix_type) {
		/* As a real recording shows them: (3, not OK), (2, not OK), with poor accuracy. */
		e->at.fix_ok = false;
		e->at.fix_type = (uint8_t)w1_random_between(&random, 2, 3);
		e->at.hacc_mm = w1_random_between(&random, 100000, 4000000);
	}
	e->tacc_ns = 35;
	e->leap_s = utc_known ? GPS_LEAP_S : FIRMWARE_LEAP_S;
	e->valid = utc_known ? 7 : 3;
	if (!has_fix) {
		/* Without a fix time begins at the rollover week; real parts set reserved bits
		 * beside valid = 0. */
		e->at = (struct ublox7_point){ .hacc_mm = UINT32_MAX,
					       .vacc_mm = UINT32_MAX,
					       .sacc_mm_s = UINT32_MAX,
					       .pdop_e2 = 9999 };
		e->tacc_ns = UINT32_MAX;
		e->valid = 0;
		e->leap_s = FIRMWARE_LEAP_S;
		gps_ms = rollover_week * WEEK_MS + gps_ms % WEEK_MS;
	}
	gps_ms = placed_gps_ms(gps_ms, rollover_week);
	e->itow_ms = (uint32_t)(gps_ms % WEEK_MS);
	e->week = (uint16_t)(gps_ms / WEEK_MS);
	calendar(e, (gps_ms + (GPS_EPOCH_S - e->leap_s) * 1000) * 1000000 + e->ftow_ns);
	course(e);
	ecef(e);
	satellites(w, e);
}
