// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L	/* gmtime_r, flockfile */
#include "reading_line.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "gpio-w1/ds18b20.h"

#define TEMPERATURES_SHOWN 8

static void put_time(FILE *out, const struct reading *r)
{
	time_t seconds = (time_t)(r->utc_us / 1000000);
	int64_t us = r->utc_us % 1000000;
	struct tm tm;

	if (us < 0) {
		us += 1000000;
		seconds--;
	}
	if (r->time_source == READING_TIME_NONE || gmtime_r(&seconds, &tm) == NULL) {
		fprintf(out, "%-24s %-6s", "time unknown", "none");
		return;
	}
	fprintf(out, "%04d-%02d-%02d %02d:%02d:%02d.%03dZ %-6s", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		tm.tm_min, tm.tm_sec, (int)(us / 1000), reading_time_source_name(r->time_source));
}

static void put_temperatures(FILE *out, const struct reading *r)
{
	bool any = false;

	for (unsigned i = 0; i < r->n_temperatures && i < TEMPERATURES_SHOWN; i++) {
		const struct reading_temperature *t = &r->temperatures[i];

		if (t->temp_known) {
			fprintf(out, " %s%d.%03d", t->temp_mc < 0 ? "-" : "", abs(t->temp_mc / 1000), abs(t->temp_mc % 1000));
			any = true;
		} else {
			fprintf(out, " (%s)", ds18b20_quality_name(t->quality));
		}
	}
	if (r->n_temperatures > TEMPERATURES_SHOWN) {
		fprintf(out, " and %u more", r->n_temperatures - TEMPERATURES_SHOWN);
	}
	fprintf(out, "%s", r->n_temperatures == 0 ? " no thermometer" : any ? " \u00b0C" : "");
}

static void put_degrees(FILE *out, int32_t e7)
{
	long long n = e7;

	fprintf(out, " %s%lld.%07lld", n < 0 ? "-" : "", llabs(n) / 10000000, llabs(n) % 10000000);
}

void reading_line_print(FILE *out, const struct reading *r)
{
	flockfile(out);
	put_time(out, r);
	fprintf(out, " %s  seq %" PRIu64 " ", r->device, r->seq);
	put_temperatures(out, r);
	fputc(' ', out);
	if (reading_knows(r, READING_LAT) && reading_knows(r, READING_LON)) {
		put_degrees(out, r->lat_e7);
		put_degrees(out, r->lon_e7);
	} else {
		fputs(" no position", out);
	}
	fputc('\n', out);
	fflush(out);
	funlockfile(out);
}
