// SPDX-License-Identifier: BSD-2-Clause
#include "ubx_files.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const ubx_file_names[UBX_FILE_COUNT] = {
	"navisys-gr8013.log",
	"ublox8-uniqid-monhw.log",
	"ublox-neo-m8t-s.log",
	"pynmeagps_pygpsdata-nmea2_ublox7.nmea",
	"pyubx2_pygpsdata-BADCK2.log",
	"pyubx2_pygpsdata-BADEOF1.log",
	"pyubx2_pygpsdata-BADEOF2.log",
	"pyubx2_pygpsdata-BADEOF3.log",
	"pyubx2_pygpsdata-BADHDR.log",
	"pyubx2_pygpsdata-CFG.log",
	"pyubx2_pygpsdata-INF.log",
	"pyubx2_pygpsdata-MIXED3.log",
	"pyubx2_pygpsdata-MIXED3BADCK.log",
	"pyubx2_pygpsdata-MON.log",
	"pyubx2_pygpsdata-NAV.log",
};

void ubx_file_read(struct ubx_file *file, const char *name)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "tests/data/ubx/%s", name);
	f = fopen(path, "rb");
	if (f == NULL) {
		perror(path);
		abort();
	}
	file->len = fread(file->bytes, 1, sizeof(file->bytes), f);
	if (!feof(f) && file->len == sizeof(file->bytes)) {
		abort();
	}
	fclose(f);
}

/* Size of the frame that begins exactly here, or 0. */
static size_t ubx_frame_at(const uint8_t *p, size_t len)
{
	uint8_t a = 0, b = 0;
	size_t payload;

	if (len < 8 || p[0] != 0xB5 || p[1] != 0x62) {
		return 0;
	}
	payload = (size_t)(p[4] | p[5] << 8);
	if (payload > 1016 || len < payload + 8) {
		return 0;
	}
	for (size_t i = 2; i < payload + 6; i++) {
		a = (uint8_t)(a + p[i]);
		b = (uint8_t)(b + a);
	}
	return p[payload + 6] == a && p[payload + 7] == b ? payload + 8 : 0;
}

size_t ubx_next_frame(const uint8_t *p, size_t len, size_t *at)
{
	for (; *at < len; (*at)++) {
		size_t size = ubx_frame_at(p + *at, len - *at);

		if (size) {
			return size;
		}
	}
	return 0;
}

uint32_t ubx_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)(*state * 2685821657736338717ull >> 32);
}
