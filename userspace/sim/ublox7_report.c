// SPDX-License-Identifier: BSD-2-Clause
#include "ublox7_report.h"

#include <math.h>
#include <string.h>

#include "ublox7_bytes.h"

typedef int report_fn(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p);

static int cm(double metres)
{
	return (int)lround(metres * 100);
}

/* Power save as NAV-PVT and NAV-STATUS show it: 2 ACQUISITION while it is awake to serve, 0
 * continuous. */
static unsigned psm_state(const struct ublox7 *u)
{
	return u->set.rxm[1] == 1 ? 2 : 0;
}

static uint8_t gps_fix_flags(const struct ublox7_epoch *e)
{
	/* GPSfixOK, WKNSET, TOWSET, and reserved bits that real parts set (0xDD seen) */
	return (uint8_t)(e->at.fix_ok | (e->valid & 3 ? 0xDC : 0xD0));
}

/* --- NAV, behind iTOW --- */

static int nav_pvt(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	if (u->config.kind == UBLOX7_IS_6) {
		return -1;
	}
	put_u16(p + 4, e->year);
	p[6] = e->month;
	p[7] = e->day;
	p[8] = e->hour;
	p[9] = e->min;
	p[10] = e->sec;
	p[11] = e->valid | 0xF0; /* reserved bits are set by real receivers */
	put_u32(p + 12, e->tacc_ns);
	put_i32(p + 16, e->nano);
	p[20] = e->at.fix_type;
	p[21] = (uint8_t)(e->at.fix_ok | psm_state(u) << 2);
	p[22] = 0x0A; /* reserved */
	p[23] = e->at.num_sv;
	put_i32(p + 24, e->at.lon_e7);
	put_i32(p + 28, e->at.lat_e7);
	put_i32(p + 32, e->at.height_mm);
	put_i32(p + 36, e->at.hmsl_mm);
	put_u32(p + 40, e->at.hacc_mm);
	put_u32(p + 44, e->at.vacc_mm);
	for (int i = 0; i < 3; i++) {
		put_i32(p + 48 + 4 * i, e->at.vel_mm_s[i]);
	}
	put_i32(p + 60, e->speed_mm_s);
	put_i32(p + 64, e->heading_e5);
	put_u32(p + 68, e->at.sacc_mm_s);
	put_u32(p + 72, e->at.fix_type ? 250000 : 18000000);
	put_u16(p + 76, e->at.pdop_e2);
	if (u->config.kind != UBLOX7_IS_8) {
		put_u32(p + 80, 0x2C4F0D00); /* reserved */
		return 84;
	}
	put_i32(p + 84, e->heading_e5);
	return 92;
}

static int nav_posecef(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	(void)u;
	for (int i = 0; i < 3; i++) {
		put_i32(p + 4 + 4 * i, cm(e->ecef_m[i]));
	}
	put_u32(p + 16, e->at.hacc_mm / 10);
	return 20;
}

static int nav_velecef(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	(void)u;
	for (int i = 0; i < 3; i++) {
		put_i32(p + 4 + 4 * i, cm(e->ecef_m_s[i]));
	}
	put_u32(p + 16, e->at.sacc_mm_s / 10);
	return 20;
}

static int nav_posllh(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	(void)u;
	put_i32(p + 4, e->at.lon_e7);
	put_i32(p + 8, e->at.lat_e7);
	put_i32(p + 12, e->at.height_mm);
	put_i32(p + 16, e->at.hmsl_mm);
	put_u32(p + 20, e->at.hacc_mm);
	put_u32(p + 24, e->at.vacc_mm);
	return 28;
}

static int nav_status(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	p[4] = e->at.fix_type;
	p[5] = gps_fix_flags(e);
	p[7] = (uint8_t)psm_state(u);
	put_u32(p + 8, e->at.fix_type ? u->world.ttff_ms : 0);
	put_u32(p + 12, (uint32_t)((u->now_ns - u->boot_ns) / 1000000));
	return 16;
}

static int nav_dop(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	unsigned pdop = e->at.pdop_e2;
	/* Shares of PDOP as in a real epoch; all of them 99.99 without a fix. */
	static const uint8_t percent[] = { 113, 100, 53, 85, 52, 40, 33 }; /* G P T V H N E */

	(void)u;
	for (unsigned i = 0; i < 7; i++) {
		put_u16(p + 4 + 2 * i, e->at.fix_type ? pdop * percent[i] / 100 : 9999);
	}
	return 18;
}

static int nav_sol(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	(void)u;
	put_i32(p + 4, e->ftow_ns);
	put_u16(p + 8, e->week);
	p[10] = e->at.fix_type;
	p[11] = gps_fix_flags(e);
	for (int i = 0; i < 3 && e->at.fix_type; i++) {
		put_i32(p + 12 + 4 * i, cm(e->ecef_m[i]));
		put_i32(p + 28 + 4 * i, cm(e->ecef_m_s[i]));
	}
	put_u32(p + 24, (uint32_t)(hypot(e->at.hacc_mm, e->at.vacc_mm) / 10));
	put_u32(p + 40, e->at.sacc_mm_s / 10);
	put_u16(p + 44, e->at.pdop_e2);
	p[46] = 3; /* reserved */
	p[47] = e->at.num_sv;
	put_u32(p + 48, 0x000109E0); /* reserved */
	return 52;
}

static int nav_velned(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	double v[3] = { e->at.vel_mm_s[0], e->at.vel_mm_s[1], e->at.vel_mm_s[2] };

	(void)u;
	for (int i = 0; i < 3; i++) {
		put_i32(p + 4 + 4 * i, (int)lround(v[i] / 10));
	}
	put_u32(p + 16, (uint32_t)lround(sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]) / 10));
	put_u32(p + 20, (uint32_t)((e->speed_mm_s + 5) / 10));
	put_i32(p + 24, e->heading_e5);
	put_u32(p + 28, e->at.sacc_mm_s / 10);
	put_u32(p + 32, 250000);
	return 36;
}

static int nav_timegps(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	(void)u;
	put_i32(p + 4, e->ftow_ns);
	put_u16(p + 8, e->week);
	p[10] = e->leap_s;
	p[11] = e->valid; /* tow, week, leap seconds: same validity, same bits */
	put_u32(p + 12, e->tacc_ns);
	return 16;
}

static int nav_timeutc(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	(void)u;
	put_u32(p + 4, e->tacc_ns);
	put_i32(p + 8, e->nano);
	put_u16(p + 12, e->year);
	p[14] = e->month;
	p[15] = e->day;
	p[16] = e->hour;
	p[17] = e->min;
	p[18] = e->sec;
	p[19] = e->valid | 0xF0;
	return 20;
}

static int nav_clock(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	(void)u;
	put_i32(p + 4, -e->ftow_ns);
	put_i32(p + 8, 94);
	put_u32(p + 12, e->tacc_ns);
	put_u32(p + 16, 812);
	return 20;
}

static int nav_svinfo(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	p[4] = UBLOX7_SATELLITES;
	/* chipGen */
	p[5] = u->config.kind == UBLOX7_IS_8 ? 4 : u->config.kind == UBLOX7_IS_6 ? 2 : 3;
	for (unsigned i = 0; i < UBLOX7_SATELLITES; i++) {
		const struct ublox7_satellite *sat = &e->sat[i];
		uint8_t *q = p + 8 + 12 * i;

		q[0] = (uint8_t)i;
		q[1] = sat->svid;
		q[2] = (uint8_t)(sat->used | (sat->used ? 0x0C : 0)); /* orbit and ephemeris known
								       */
		q[3] = sat->used ? 7 : sat->cno ? 4 : 1;
		q[4] = sat->cno;
		q[5] = sat->elev;
		put_u16(q + 6, sat->azim);
		put_i32(q + 8, sat->used ? (int)(i * 37 % 200) - 100 : 0);
	}
	return 8 + 12 * UBLOX7_SATELLITES;
}

/* --- MON, TIM --- */

static int mon_ver(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	static const char *const texts[UBLOX7_KIND_COUNT][4] = {
		[UBLOX7_GENUINE] = { "1.00 (59842)", "00070000", "PROTVER 14.00",
				     "GPS;SBAS;GLO;QZSS" },
		[UBLOX7_WRONG_PROTVER] = { "1.00 (59842)", "00070000", "PROTVER 13.01",
					   "GPS;SBAS;GLO;QZSS" },
		[UBLOX7_IS_6] = { "7.03 (45969)", "00040007", "PROTVER 13.00", "" },
		[UBLOX7_IS_8] = { "EXT CORE 3.01 (111141)", "00080000", "PROTVER=18.00",
				  "GPS;GLO;GAL;BDS" },
	};
	const char *const *text = texts[u->config.kind];

	(void)e;
	if (text[0] == NULL) {
		return -1;
	}
	memcpy(p, text[0], strlen(text[0]));
	memcpy(p + 30, text[1], strlen(text[1]));
	memcpy(p + 40, text[2], strlen(text[2]));
	memcpy(p + 70, text[3], strlen(text[3]));
	return 100;
}

static int mon_hw(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	bool monitored = (get_u32(u->set.itfm) >> 31) != 0 && e->at.fix_ok;
	unsigned jamming = !monitored		     ? 0
			   : u->config.jam_ind < 100 ? 1
			   : u->config.jam_ind < 180 ? 2
						     : 3;

	put_u32(p, 0x0000F400); /* pinSel, Bank, Dir, Val: values of a real receiver */
	put_u32(p + 12, 0x0000EFF7);
	put_u16(p + 16, 78 + u->config.jam_ind / 8u);
	put_u16(p + 18, u->config.antenna > 2 ? 8191 : 4100 - u->config.jam_ind * 8u);
	p[20] = u->config.antenna;
	p[21] = u->config.antenna == 3 ? 0 : 1; /* a short switches the supply off */
	p[22] = (uint8_t)(1 | jamming << 2);
	p[23] = 0x85; /* reserved */
	put_u32(p + 24, 0x0001FEFF);
	for (unsigned i = 0; i < 17; i++) {
		p[28 + i] = (uint8_t)(10 + i);
	}
	if (u->config.kind == UBLOX7_IS_6) { /* VP[25] */
		p[53] = u->config.jam_ind;
		return 68;
	}
	p[45] = u->config.jam_ind;
	put_u32(p + 52, 0x0000FBDF);
	return 60;
}

static int mon_io(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	(void)e;
	p += 20 * UBLOX7_UART;
	put_u32(p, u->counters.rx_bytes);
	put_u32(p + 4, u->counters.tx_bytes);
	put_u16(p + 10, u->counters.framing_errors);
	put_u16(p + 12, u->counters.overruns);
	return 20 * UBLOX7_PORTS;
}

static int mon_rxbuf(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	(void)e;
	put_u16(p + 2 * UBLOX7_UART, u->rx_len);
	p[12 + UBLOX7_UART] = (uint8_t)(u->command_count * 100 / UBLOX7_COMMANDS);
	p[18 + UBLOX7_UART] = p[12 + UBLOX7_UART];
	return 24;
}

static int mon_txbuf(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	(void)e;
	put_u16(p + 2 * UBLOX7_UART, u->tx_count);
	p[12 + UBLOX7_UART] = p[24] = (uint8_t)(u->tx_count * 100 / UBLOX7_TX_BUFFER);
	p[18 + UBLOX7_UART] = p[25] = (uint8_t)(u->tx_peak * 100 / UBLOX7_TX_BUFFER);
	p[26] = u->counters.tx_dropped ? 1u << UBLOX7_UART : 0; /* limit reached on the UART */
	return 28;
}

static int tim_tp(const struct ublox7 *u, const struct ublox7_epoch *e, uint8_t *p)
{
	(void)u;
	put_u32(p, (e->itow_ms / 1000 + 1) % 604800 * 1000); /* of the pulse to come */
	put_i32(p + 8, e->ftow_ns % 20000);
	put_u16(p + 12, e->week);
	p[14] = e->valid & 4 ? 3 : 0;
	return 16;
}

static const struct {
	uint8_t cls, id;
	report_fn *fn;
} reports[] = {
	{ 0x01, 0x01, nav_posecef }, { 0x01, 0x02, nav_posllh }, { 0x01, 0x03, nav_status },
	{ 0x01, 0x04, nav_dop },     { 0x01, 0x06, nav_sol },	 { 0x01, 0x07, nav_pvt },
	{ 0x01, 0x11, nav_velecef }, { 0x01, 0x12, nav_velned }, { 0x01, 0x20, nav_timegps },
	{ 0x01, 0x21, nav_timeutc }, { 0x01, 0x22, nav_clock },	 { 0x01, 0x30, nav_svinfo },
	{ 0x0A, 0x02, mon_io },	     { 0x0A, 0x04, mon_ver },	 { 0x0A, 0x07, mon_rxbuf },
	{ 0x0A, 0x08, mon_txbuf },   { 0x0A, 0x09, mon_hw },	 { 0x0D, 0x01, tim_tp },
};

int ublox7_report(const struct ublox7 *u, uint8_t cls, uint8_t id, uint8_t *out)
{
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		if (reports[i].cls == cls && reports[i].id == id) {
			memset(out, 0, UBLOX7_PAYLOAD_MAX);
			put_u32(out, cls == 0x01 ? u->world.epoch.itow_ms : 0);
			return reports[i].fn(u, &u->world.epoch, out);
		}
	}
	return -1;
}
