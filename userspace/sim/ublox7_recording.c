// SPDX-License-Identifier: BSD-2-Clause
#include "ublox7_recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ublox7_bytes.h"

#define FILE_MAX (64u << 20)
#define CHUNK 65536u
#define WEEK_MS 604800000u

/* All that is in f, allocated; its length or a negative errno. */
static long read_all(FILE *f, uint8_t **bytes)
{
	uint8_t *all = NULL;
	size_t size = 0, n;

	do {
		uint8_t *more = size <= FILE_MAX ? realloc(all, size + CHUNK) : NULL;

		if (more == NULL) {
			free(all);
			return size <= FILE_MAX ? -ENOMEM : -EFBIG;
		}
		all = more;
		n = fread(all + size, 1, CHUNK, f);
		size += n;
	} while (n > 0);
	if (ferror(f)) {
		free(all);
		return -EIO;
	}
	*bytes = all;
	return (long)size;
}

static long read_file(const char *path, uint8_t **bytes)
{
	FILE *f = fopen(path, "rb");
	long size;

	if (f == NULL) {
		return -errno;
	}
	size = read_all(f, bytes);
	fclose(f);
	return size;
}

/* The length of the NAV-PVT frame at p, 0 if there is none. */
static size_t pvt_at(const uint8_t *p, size_t left)
{
	uint8_t a = 0, b = 0;

	if (left < 92 || memcmp(p, "\xB5\x62\x01\x07", 4) != 0) {
		return 0;
	}
	size_t len = get_u16(p + 4);

	if ((len != 84 && len != 92) || left < len + 8) {
		return 0;
	}
	for (size_t i = 2; i < len + 6; i++) {
		a = (uint8_t)(a + p[i]);
		b = (uint8_t)(b + a);
	}
	return p[len + 6] == a && p[len + 7] == b ? len + 8 : 0;
}

static struct ublox7_point point(const uint8_t *p, uint32_t itow_0)
{
	return (struct ublox7_point){
		.t_ms = (get_u32(p) + WEEK_MS - itow_0) % WEEK_MS,
		.fix_type = p[20],
		.fix_ok = p[21] & 1,
		.num_sv = p[23],
		.lon_e7 = get_i32(p + 24),
		.lat_e7 = get_i32(p + 28),
		.height_mm = get_i32(p + 32),
		.hmsl_mm = get_i32(p + 36),
		.hacc_mm = get_u32(p + 40),
		.vacc_mm = get_u32(p + 44),
		.vel_mm_s = { get_i32(p + 48), get_i32(p + 52), get_i32(p + 56) },
		.sacc_mm_s = get_u32(p + 68),
		.pdop_e2 = get_u16(p + 76),
	};
}

static long points(const uint8_t *bytes, size_t size, struct ublox7_point *out)
{
	uint32_t itow_0 = 0;
	long n = 0;

	for (size_t at = 0; at < size;) {
		size_t len = pvt_at(bytes + at, size - at);

		if (len) {
			itow_0 = n ? itow_0 : get_u32(bytes + at + 6);
			struct ublox7_point next = point(bytes + at + 6, itow_0);

			/* Only forward: a recording whose clock was set back continues from there
			 * without it. */
			if (n == 0 || next.t_ms > out[n - 1].t_ms) {
				out[n++] = next;
			}
		}
		at += len ? len : 1;
	}
	return n;
}

long ublox7_recording_read(const char *path, struct ublox7_point **track, char *err,
			   size_t err_size)
{
	uint8_t *bytes = NULL;
	long size = read_file(path, &bytes), n;

	*track = NULL;
	if (size < 0 || bytes == NULL) {
		snprintf(err, err_size, "%s: %s", path, strerror((int)-size));
		return size;
	}
	/* A frame has at least 92 bytes. */
	*track = calloc((size_t)size / 92 + 1, sizeof(**track));
	n = *track ? points(bytes, (size_t)size, *track) : -ENOMEM;
	free(bytes);
	if (n <= 0) {
		free(*track);
		*track = NULL;
		snprintf(err, err_size,
			 n ? "%s: no memory" : "%s: no valid UBX-NAV-PVT frame in it", path);
		return n ? n : -ENODATA;
	}
	return n;
}
