// SPDX-License-Identifier: BSD-2-Clause
#include "ublox7_nmea.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENTENCE 100 /* NMEA allows 82 */

/* Appends a sentence, given without $, * and checksum. */
__attribute__((format(printf, 3, 4))) static size_t sentence(char *out, size_t used,
							     const char *format, ...)
{
	char body[SENTENCE];
	uint8_t sum = 0;
	va_list ap;

	va_start(ap, format);
	vsnprintf(body, sizeof(body), format, ap);
	va_end(ap);
	for (const char *c = body; *c; c++) {
		sum ^= (uint8_t)*c;
	}
	return used +
	       (size_t)snprintf(out + used, UBLOX7_NMEA_MAX - used, "$%s*%02X\r\n", body, sum);
}

struct fields {
	char time[12], date[8], lat[24], lon[24], knots[12], kmh[12], course[12];
	bool fix;
	double hdop, vdop, pdop;
};

static void position(char *out, size_t size, int32_t e7, int width, char plus, char minus)
{
	/* Minutes with five decimals, carried as integers: 59.999999 must not become 60 */
	int64_t e5_minutes = (llabs((long long)e7) * 60 + 50) / 100;

	snprintf(out, size, "%0*d%02d.%05d,%c", width, (int)(e5_minutes / 6000000),
		 (int)(e5_minutes / 100000 % 60), (int)(e5_minutes % 100000),
		 e7 < 0 ? minus : plus);
}

static void format_fields(struct fields *f, const struct ublox7_epoch *e)
{
	memset(f, 0, sizeof(*f));
	f->fix = e->at.fix_ok;
	/* A real part sends the time once it has one, with or without a fix. */
	if (e->valid & 3) {
		int hundredths = (e->nano + 5000000) / 10000000;

		snprintf(f->time, sizeof(f->time), "%02u%02u%02u.%02u", e->hour % 24u, e->min % 60u,
			 e->sec % 61u, (unsigned)hundredths % 100);
		snprintf(f->date, sizeof(f->date), "%02u%02u%02u", e->day % 32u, e->month % 13u,
			 e->year % 100u);
	}
	snprintf(f->lat, sizeof(f->lat), ",");
	snprintf(f->lon, sizeof(f->lon), ",");
	f->pdop = f->hdop = f->vdop = 99.99;
	if (f->fix) {
		position(f->lat, sizeof(f->lat), e->at.lat_e7, 2, 'N', 'S');
		position(f->lon, sizeof(f->lon), e->at.lon_e7, 3, 'E', 'W');
		snprintf(f->knots, sizeof(f->knots), "%.3f", e->speed_mm_s / 514.444);
		snprintf(f->kmh, sizeof(f->kmh), "%.3f", e->speed_mm_s * 0.0036);
		snprintf(f->course, sizeof(f->course), "%.2f", e->heading_e5 / 1e5);
		f->pdop = e->at.pdop_e2 / 100.0;
		f->hdop = f->pdop * 0.52;
		f->vdop = f->pdop * 0.85;
	}
}

static size_t gga(char *out, const struct ublox7_epoch *e, const struct fields *f)
{
	if (!f->fix) {
		return sentence(out, 0, "GPGGA,%s,,,,,0,00,99.99,,,,,,", f->time);
	}
	return sentence(out, 0, "GPGGA,%s,%s,%s,1,%02u,%.2f,%.1f,M,%.1f,M,,", f->time, f->lat,
			f->lon, e->at.num_sv % 100u, f->hdop, e->at.hmsl_mm / 1e3,
			(e->at.height_mm - e->at.hmsl_mm) / 1e3);
}

static size_t gsa(char *out, const struct ublox7_epoch *e, const struct fields *f)
{
	char list[64] = "";
	size_t used = 0;

	for (unsigned i = 0, n = 0; i < 12; i++) {
		/* The used ones first: twelve fields in all */
		while (n < UBLOX7_SATELLITES && !e->sat[n].used) {
			n++;
		}
		if (f->fix && n < UBLOX7_SATELLITES) {
			used += (size_t)snprintf(list + used, sizeof(list) - used, ",%02u",
						 e->sat[n++].svid);
		} else {
			used += (size_t)snprintf(list + used, sizeof(list) - used, ",");
		}
	}
	return sentence(out, 0, "GPGSA,A,%d%s,%.2f,%.2f,%.2f", f->fix ? e->at.fix_type : 1, list,
			f->pdop, f->hdop, f->vdop);
}

static size_t gsv(char *out, const struct ublox7_epoch *e)
{
	size_t used = 0;
	unsigned total = (UBLOX7_SATELLITES + 3) / 4;

	for (unsigned i = 0; i < total; i++) {
		char list[64] = "";
		size_t n = 0;

		for (unsigned k = 4 * i; k < 4 * i + 4 && k < UBLOX7_SATELLITES; k++) {
			const struct ublox7_satellite *sat = &e->sat[k];

			n += (size_t)snprintf(list + n, sizeof(list) - n,
					      sat->cno ? ",%02u,%02u,%03u,%02u"
						       : ",%02u,%02u,%03u,",
					      sat->svid, sat->elev, sat->azim, sat->cno);
		}
		used = sentence(out, used, "GPGSV,%u,%u,%02u%s", total, i + 1, UBLOX7_SATELLITES,
				list);
	}
	return used;
}

size_t ublox7_nmea(const struct ublox7_epoch *e, uint8_t id, char out[UBLOX7_NMEA_MAX])
{
	struct fields f;

	format_fields(&f, e);
	switch (id) {
	case 0x00:
		return gga(out, e, &f);
	case 0x01:
		return sentence(out, 0, "GPGLL,%s,%s,%s,%c,%c", f.lat, f.lon, f.time,
				f.fix ? 'A' : 'V', f.fix ? 'A' : 'N');
	case 0x02:
		return gsa(out, e, &f);
	case 0x03:
		return gsv(out, e);
	case 0x04:
		return sentence(out, 0, "GPRMC,%s,%c,%s,%s,%s,%s,%s,,,%c", f.time,
				f.fix ? 'A' : 'V', f.lat, f.lon, f.knots, f.course, f.date,
				f.fix ? 'A' : 'N');
	case 0x05:
		if (!f.fix) {
			return sentence(out, 0, "GPVTG,,,,,,,,,N");
		}
		return sentence(out, 0, "GPVTG,%s,T,,M,%s,N,%s,K,A", f.course, f.knots, f.kmh);
	case 0x08:
		return sentence(out, 0, "GPZDA,%s,%02u,%02u,%04u,00,00", f.time, e->day, e->month,
				e->year);
	default:
		return 0;
	}
}

size_t ublox7_nmea_text(unsigned level, const char *text, char out[UBLOX7_NMEA_MAX])
{
	return sentence(out, 0, "GPTXT,01,01,%02u,%s", level, text);
}

const char *ublox7_banner(const struct ublox7 *u, unsigned n)
{
	/* A real u-blox 7's (tests/data/ubx, the .nmea recording), its HW line with the trailing
	 * blank */
	static const char *const of_7[] = {
		"u-blox ag - www.u-blox.com",
		"HW  UBX-G70xx   00070000 ",
		"ROM CORE 1.00 (59842) Jun 27 2012 17:43:52",
		"PROTVER 14.00",
		"ANTSUPERV=AC SD PDoS SR",
		NULL,
	};
	static const char *const of_8[] = {
		"u-blox AG - www.u-blox.com", "HW UBX-M8030 00080000",
		"ROM CORE 3.01 (107888)",     "PROTVER=18.00",
		"ANTSUPERV=AC SD PDoS SR",    NULL,
	};
	static const char *const antenna[] = { "ANTSTATUS=INIT", "ANTSTATUS=DONTKNOW",
					       "ANTSTATUS=OK", "ANTSTATUS=SHORT",
					       "ANTSTATUS=OPEN" };
	const char *const *lines = u->config.kind == UBLOX7_IS_8 ? of_8 : of_7;

	if (n < 5) {
		return u->config.kind == UBLOX7_WRONG_PROTVER && n == 3 ? "PROTVER 13.01"
									: lines[n];
	}
	return n == 5 ? antenna[u->config.antenna > 4 ? 1 : u->config.antenna] : NULL;
}
