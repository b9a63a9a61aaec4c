// SPDX-License-Identifier: BSD-2-Clause
/* bench_ubx: how fast the receive core and the PVT decoder eat a recording, on one core. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/target.h"
#include "tests/unit/ubx/ubx_files.h"
#include "ubx/gnss_fix.h"
#include "ubx/ubx_frame.h"

#define TOTAL (64u << 20)
#define CHUNK 4096 /* what one read() of a port may give */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(void)
{
	static struct ubx_file file;
	static struct ubx_frame_rx rx;
	const struct gnss_limits limits = { .max_hacc_mm = 100000, .max_utc_us = INT64_MAX };
	uint8_t *stream = malloc(TOTAL);
	unsigned long fixes = 0;
	size_t len = 0;
	double start, took;

	if (stream == NULL) {
		return 1;
	}
	ubx_file_read(&file, "navisys-gr8013.log");
	while (len + file.len <= TOTAL) {
		memcpy(stream + len, file.bytes, file.len);
		len += file.len;
	}
	start = seconds();
	for (size_t at = 0; at < len; at += CHUNK) {
		const uint8_t *p = stream + at;
		size_t left = len - at < CHUNK ? len - at : CHUNK;
		struct ubx_item item;

		do {
			size_t eaten = ubx_frame_feed(&rx, p, left, &item);
			struct gnss_fix fix;

			p += eaten;
			left -= eaten;
			if (item.kind == UBX_ITEM_FRAME && item.cls == 0x01 && item.id == 0x07) {
				fixes += gnss_fix_from_pvt(&fix, item.payload, item.payload_len, 1,
							   &limits);
			}
		} while (item.kind != UBX_ITEM_NONE);
	}
	took = seconds() - start;
	printf("%zu bytes, %llu frames, %lu fixes in %.3f s: on one core ", len,
	       (unsigned long long)rx.frames, fixes, took);
	target_print((double)len / 1e6 / took, " MB/s", AT_LEAST, 400);
	free(stream);
	return 0;
}
