// SPDX-License-Identifier: BSD-2-Clause
/* The machine: its clock, its supply, its disk. */
#define _GNU_SOURCE /* O_CLOEXEC, O_DSYNC */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "checks.h"
#include "facts.h"
#include "time/civil.h"
#include "time/now.h"
#include "userspace/node/system_facts.h"

#define THROTTLED "/sys/devices/platform/soc/soc:firmware/get_throttled"
#define FULL_MB 50
#define HOT_MC 80000 /* the firmware slows the processor from 80 degC on */
#define WRITES 9
#define SLOW_WRITE_MS 500
#define WORN 10 /* eMMC 5.1, DEVICE_LIFE_TIME_EST: 0Ah is 90 to 100 %, 0Bh beyond */

enum selftest_cause check_system_clock(struct selftest *t)
{
	struct clock_stamp ntp;
	char text[CIVIL_TEXT_SIZE];
	int64_t now_us = now_utc_us();

	selftest_value(t, "%s", civil_text(now_us / 1000000, text));
	if (now_us < t->config->not_before_us) {
		return CAUSE_UNSET;
	}
	if (!system_facts_ntp(&ntp)) {
		return CAUSE_NOT_SYNCHRONISED;
	}
	selftest_value(t, ", synchronised within %" PRIu64 " ms", ntp.acc_ns / 1000000);
	return CAUSE_NONE;
}

/* Raspberry Pi documentation, vcgencmd get_throttled: bits 0 to 3 now, 16 to 19 since boot. */
enum selftest_cause check_system_power(struct selftest *t)
{
	long long bits;

	if (!facts_number(t->root, THROTTLED, 16, &bits)) {
		return CAUSE_UNKNOWN;
	}
	selftest_value(t, "flags 0x%llx", bits);
	return (bits & 1) != 0	       ? CAUSE_UNDER_VOLTAGE
	       : (bits & 0x10000) != 0 ? CAUSE_WAS_UNDER_VOLTAGE
	       : (bits & 0xe) != 0     ? CAUSE_THROTTLED
				       : CAUSE_NONE;
}

enum selftest_cause check_system_heat(struct selftest *t)
{
	long long mc;

	if (!facts_number(t->root, "/sys/class/thermal/thermal_zone0/temp", 10, &mc)) {
		return CAUSE_UNKNOWN;
	}
	selftest_value(t, "processor at %lld.%lld C", mc / 1000, mc % 1000 / 100);
	return mc >= HOT_MC ? CAUSE_HOT : CAUSE_NONE;
}

static void folder_of(const char *path, char *folder, size_t size)
{
	const char *slash = strrchr(path, '/');

	snprintf(folder, size, "%.*s", slash != NULL && slash > path ? (int)(slash - path) : 1,
		 slash != NULL ? path : ".");
}

enum selftest_cause check_system_judge_disk(const struct disk *disk, unsigned wanted_mb)
{
	return disk->read_only		   ? CAUSE_READ_ONLY
	       : !disk->writable	   ? CAUSE_NO_RIGHT
	       : disk->in_memory	   ? CAUSE_IN_MEMORY
	       : disk->free_mb < FULL_MB   ? CAUSE_FULL
	       : disk->free_mb < wanted_mb ? CAUSE_TIGHT
					   : CAUSE_NONE;
}

enum selftest_cause check_system_outbox(struct selftest *t)
{
	char folder[512];
	struct statvfs space;
	struct statfs kind;
	struct disk disk;

	folder_of(t->config->outbox_path, folder, sizeof(folder));
	selftest_value(t, "%s", folder);
	if (statvfs(folder, &space) != 0 || statfs(folder, &kind) != 0) {
		selftest_value(t, ": %s", strerror(errno));
		return errno == EACCES ? CAUSE_NO_RIGHT : CAUSE_ABSENT;
	}
	disk = (struct disk){
		.read_only = (space.f_flag & ST_RDONLY) != 0,
		.writable = access(folder, W_OK) == 0,
		.in_memory = kind.f_type == TMPFS_MAGIC ||
			     (unsigned long)kind.f_type == RAMFS_MAGIC,
		.free_mb = (unsigned long long)space.f_bavail * space.f_frsize / 1000000,
	};
	selftest_value(t, ", %llu MB free", disk.free_mb);
	return check_system_judge_disk(&disk, t->config->outbox_max_mb);
}

static int by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The middle of a few synchronous writes in the outbox's folder, in us; 0: none could be made. */
static uint64_t write_us(const char *folder)
{
	char path[600], block[4096] = { 0 };
	uint64_t took[WRITES];
	int fd;

	snprintf(path, sizeof(path), "%s/.geotherm-selftest-XXXXXX", folder);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0) {
		return 0;
	}
	unlink(path);
	for (unsigned i = 0; i < WRITES; i++) {
		uint64_t began = now_ns();

		if (pwrite(fd, block, sizeof(block), (off_t)i * (off_t)sizeof(block)) !=
			    (ssize_t)sizeof(block) ||
		    fdatasync(fd) != 0) {
			close(fd);
			return 0;
		}
		took[i] = (now_ns() - began) / 1000;
	}
	close(fd);
	qsort(took, WRITES, sizeof(took[0]), by_size);
	return took[WRITES / 2] > 0 ? took[WRITES / 2] : 1;
}

/* The disk that holds the folder: /sys/dev/block/MAJOR:MINOR, or its parent for a partition. */
static bool disk_fact(const struct selftest *t, dev_t device, const char *name, char *text,
		      size_t size)
{
	char path[256];

	for (unsigned up = 0; up < 2; up++) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u%s/%s", major(device),
			 minor(device), up ? "/.." : "", name);
		if (facts_text(t->root, path, text, size)) {
			return true;
		}
	}
	return false;
}

enum selftest_cause check_system_storage(struct selftest *t)
{
	char folder[512], text[128];
	unsigned a = 0, b = 0;
	struct stat st;
	uint64_t us;

	folder_of(t->config->outbox_path, folder, sizeof(folder));
	if (stat(folder, &st) != 0) {
		return CAUSE_ABSENT;
	}
	us = write_us(folder);
	if (us == 0) {
		return CAUSE_NO_WRITE;
	}
	selftest_value(t, "a synchronous write takes %u.%u ms", (unsigned)(us / 1000),
		       (unsigned)(us % 1000 / 100));
	if (disk_fact(t, st.st_dev, "device/name", text, sizeof(text))) {
		selftest_value(t, ", card %s", text);
	}
	if (disk_fact(t, st.st_dev, "device/date", text, sizeof(text))) {
		selftest_value(t, " of %s", text);
	}
	if (disk_fact(t, st.st_dev, "device/life_time", text, sizeof(text)) &&
	    sscanf(text, "%x %x", &a, &b) == 2) {
		selftest_value(t, ", worn to %u0 %%", a > b ? a : b);
		if (a >= WORN || b >= WORN) {
			return CAUSE_WORN;
		}
	}
	return us > SLOW_WRITE_MS * 1000 ? CAUSE_SLOW : CAUSE_NONE;
}
