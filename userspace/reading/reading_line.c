// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L /* flockfile */
#include "reading_line.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gpio-w1/ds18b20.h"
#include "time/civil.h"
#include "userspace/reading/printable.h"
#include "userspace/reading/rom.h"

static void put_time(FILE *out, const struct reading *r)
{
	char text[CIVIL_TEXT_SIZE];

	if (r->time_source == READING_TIME_NONE) {
		fprintf(out, "%-27s", "time unknown");
		return;
	}
	civil_text(r->utc_us / 1000000, text);
	fprintf(out, "%.19s.%06dZ (%s)", text, (int)(r->utc_us % 1000000),
		reading_time_source_name(r->time_source));
}

static void put_temperature(FILE *out, const struct thermometer_sample *t)
{
	char name[ROM_NAME_SIZE];

	fprintf(out, "  %s ", rom_format(name, t->rom));
	if (t->temp_known) {
		fprintf(out, "%s%d.%03d \u00b0C", t->temp_mc < 0 ? "-" : "", abs(t->temp_mc / 1000),
			abs(t->temp_mc % 1000));
	} else {
		fputs(ds18b20_quality_name((enum ds18b20_quality)t->quality), out);
	}
}

static void put_degrees(FILE *out, int32_t e7)
{
	long long n = e7;

	fprintf(out, "%s%lld.%07lld", n < 0 ? "-" : "", llabs(n) / 10000000, llabs(n) % 10000000);
}

void reading_line_print(FILE *out, const struct reading *r)
{
	flockfile(out);
	put_time(out, r);
	fprintf(out, "  %s  %016" PRIx64 ".%" PRIu64, r->device, r->epoch, r->seq);
	for (unsigned i = 0; i < r->n_temperatures; i++) {
		put_temperature(out, &r->temperatures[i]);
	}
	if (r->n_temperatures == 0) {
		fputs("  no thermometer", out);
	}
	if (reading_knows(r, READING_LAT) && reading_knows(r, READING_LON)) {
		fputs("  ", out);
		put_degrees(out, r->lat_e7);
		fputc(',', out);
		put_degrees(out, r->lon_e7);
	} else {
		fputs("  position unknown", out);
	}
	if (r->note[0] != '\0') {
		fputs("  (", out);
		printable_put(out, r->note, strlen(r->note), PRINTABLE_LINE);
		fputc(')', out);
	}
	fputc('\n', out);
	fflush(out);
	funlockfile(out);
}
