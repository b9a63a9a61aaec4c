// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* opendir(), O_CLOEXEC */
#include "system_facts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "time/now.h"

/* Reads a small file as text: its length, or a negative errno. */
static ssize_t read_text(const char *root, const char *path, char *text, size_t size)
{
	char full[PATH_MAX];
	ssize_t length;
	int fd;

	if ((size_t)snprintf(full, sizeof(full), "%s%s", root, path) >= sizeof(full)) {
		return -ENAMETOOLONG;
	}
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	length = read(fd, text, size - 1);
	if (length < 0) {
		length = -errno;
	} else {
		text[length] = '\0';
	}
	close(fd);
	return length;
}

static bool read_number(const char *root, const char *path, int base, long long *value)
{
	char text[64], *end;

	if (read_text(root, path, text, sizeof(text)) <= 0) {
		return false;
	}
	errno = 0;
	*value = strtoll(text, &end, base);
	return errno == 0 && end != text && (*end == '\n' || *end == '\0');
}

/* "1.25 ..." as 125: the load and the uptime have two decimals. */
static bool read_hundredths(const char *root, const char *path, uint64_t *value)
{
	char text[128];
	unsigned hundredths;
	uint64_t whole;

	if (read_text(root, path, text, sizeof(text)) <= 0 ||
	    sscanf(text, "%10" SCNu64 ".%2u", &whole, &hundredths) != 2) {
		return false;
	}
	*value = whole * 100 + hundredths;
	return true;
}

static bool read_mem_available(const char *root, uint64_t *bytes)
{
	char text[1024], *line;
	uint64_t kib;

	if (read_text(root, "/proc/meminfo", text, sizeof(text)) <= 0) {
		return false;
	}
	line = strstr(text, "MemAvailable:");
	if (line == NULL || sscanf(line, "MemAvailable: %15" SCNu64 " kB", &kib) != 1) {
		return false;
	}
	*bytes = kib * 1024;
	return true;
}

void system_facts_fill(const char *root, struct reading *r)
{
	long long number;
	uint64_t value;
	ssize_t length = read_text(root, "/proc/sys/kernel/hostname", r->host, sizeof(r->host));

	r->host[length > 0 ? strcspn(r->host, "\n") : 0] = '\0';
	snprintf(r->version, sizeof(r->version), "%s", GEOTHERM_VERSION);
	if (read_hundredths(root, "/proc/uptime", &value)) {
		reading_scalar_put(r, READING_UPTIME, (int64_t)(value / 100));
	}
	if (read_number(root, "/sys/class/thermal/thermal_zone0/temp", 10, &number)) {
		reading_scalar_put(r, READING_CPU_TEMP, number);
	}
	if (read_hundredths(root, "/proc/loadavg", &value)) {
		reading_scalar_put(r, READING_LOAD, (int64_t)value);
	}
	if (read_mem_available(root, &value)) {
		reading_scalar_put(r, READING_MEM_FREE, (int64_t)value);
	}
	/* The Pi's firmware: bit 0 undervoltage now, 16 since boot ...; hex, without 0x */
	if (read_number(root, "/sys/devices/platform/soc/soc:firmware/get_throttled", 16,
			&number)) {
		reading_scalar_put(r, READING_THROTTLED, number);
	}
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
	static const uint8_t zero[6];
	unsigned byte[6];

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &byte[0], &byte[1], &byte[2], &byte[3],
		   &byte[4], &byte[5]) != 6) {
		return false;
	}
	for (int i = 0; i < 6; i++) {
		mac[i] = (uint8_t)byte[i];
	}
	return memcmp(mac, zero, sizeof(zero)) != 0;
}

int system_facts_mac(const char *root, uint8_t mac[6])
{
	char path[PATH_MAX], text[64];
	long long best = LLONG_MAX, index, type, assigned;
	const struct dirent *entry;
	uint8_t found[6];
	DIR *dir;

	if ((size_t)snprintf(path, sizeof(path), "%s/sys/class/net", root) >= sizeof(path)) {
		return -ENODEV;
	}
	dir = opendir(path);
	if (dir == NULL) {
		return -ENODEV;
	}
	while ((entry = readdir(dir)) != NULL) {
		char name[sizeof("/sys/class/net/") + sizeof(entry->d_name) + 32];
		int head = snprintf(name, sizeof(name), "/sys/class/net/%s", entry->d_name);
		char *leaf = name + head;
		size_t room = sizeof(name) - (size_t)head;

		if (entry->d_name[0] == '.') {
			continue;
		}
		snprintf(leaf, room, "/type"); /* ARPHRD_ETHER is 1, loopback 772 */
		if (!read_number(root, name, 10, &type) || type != 1) {
			continue;
		}
		snprintf(leaf, room, "/addr_assign_type"); /* 0 permanent, 1 random, 2 stolen, 3 set
							      by root */
		if (!read_number(root, name, 10, &assigned)) {
			assigned = 0;
		}
		snprintf(leaf, room, "/ifindex");
		if (!read_number(root, name, 10, &index)) {
			continue;
		}
		index += assigned == 0 ? 0 : INT_MAX; /* an address that lasts is better */
		snprintf(leaf, room, "/address");
		if (index < best && read_text(root, name, text, sizeof(text)) > 0 &&
		    parse_mac(text, found)) {
			best = index;
			memcpy(mac, found, sizeof(found));
		}
	}
	closedir(dir);
	return best == LLONG_MAX ? -ENODEV : 0;
}

uint64_t system_facts_boot(const char *root)
{
	char text[64] = "";
	uint64_t boot = 0;

	/* A version 4 UUID: "a7e446ec-8016-47a1-..."; its first 16 hex digits are enough. */
	if (read_text(root, "/proc/sys/kernel/random/boot_id", text, sizeof(text)) > 0) {
		unsigned digits = 0;

		for (const char *c = text; *c != '\0' && digits < 16; c++) {
			unsigned digit;

			if (*c != '-' && sscanf(c, "%1x", &digit) == 1) {
				boot = boot << 4 | digit;
				digits++;
			}
		}
	}
	/* Without it each start counts as another boot, so that no reading gets a wrong date. */
	while (boot == 0 && getrandom(&boot, sizeof(boot), 0) != sizeof(boot)) {
	}
	return boot;
}

int system_facts_ntp(struct clock_stamp *stamp)
{
	int64_t max_error_us;

	if (!now_is_synchronised(&max_error_us) || max_error_us < 0) {
		return 0;
	}
	stamp->boot_ns = now_boot_ns();
	stamp->utc_us = now_utc_us();
	stamp->source = READING_TIME_NTP;
	stamp->acc_ns = (uint64_t)max_error_us * 1000;
	return 1;
}
