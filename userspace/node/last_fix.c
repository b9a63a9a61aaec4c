// SPDX-License-Identifier: BSD-2-Clause
#include "last_fix.h"

#include <inttypes.h>
#include <stdio.h>

#include "userspace/daemon/file_replace.h"

int last_fix_write(const char *path, uint64_t boot, const struct gnss_fix *fix)
{
	char line[128];
	int n = snprintf(
		line, sizeof(line),
		"%016" PRIx64 " %" PRIu64 " %" PRId32 " %" PRId32 " %" PRId32 " %" PRIu32 "\n",
		boot, fix->received_ns, fix->lat_e7, fix->lon_e7, fix->height_mm, fix->hacc_mm);

	return file_replace(path, 0644, false, line, (size_t)n);
}

int last_fix_read(const char *path, uint64_t boot, uint64_t boot_ns, struct ubx_assist *assist)
{
	struct ubx_assist read = { .position_known = true };
	FILE *file = fopen(path, "re");
	uint64_t its_boot;
	int n;

	if (file == NULL) {
		return 0;
	}
	n = fscanf(file, "%" SCNx64 " %" SCNu64 " %" SCNd32 " %" SCNd32 " %" SCNd32 " %" SCNu32,
		   &its_boot, &read.at_ns, &read.lat_e7, &read.lon_e7, &read.height_mm,
		   &read.pos_acc_mm);
	fclose(file);
	if (n != 6 || its_boot != boot || read.at_ns > boot_ns || read.lat_e7 < -900000000 ||
	    read.lat_e7 > 900000000 || read.lon_e7 < -1800000000 || read.lon_e7 > 1800000000) {
		return 0;
	}
	*assist = read;
	return 1;
}
