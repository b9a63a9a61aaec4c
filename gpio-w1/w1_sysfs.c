// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L
#include "w1_sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "w1_crc.h"

/* "28-0123456789ab": family, then the serial number with its highest byte first. */
static bool parse_name(const char *name, uint8_t rom[W1_ROM_SIZE])
{
	unsigned family, serial[6];
	int end = 0;

	if (sscanf(name, "%2x-%2x%2x%2x%2x%2x%2x%n", &family, &serial[5], &serial[4], &serial[3], &serial[2], &serial[1],
		   &serial[0], &end) != 7 || name[end] != '\0') {
		return false;
	}
	rom[0] = (uint8_t)family;
	for (int i = 0; i < 6; i++) {
		rom[1 + i] = (uint8_t)serial[i];
	}
	rom[7] = w1_crc8(rom, 7);
	return ds18b20_is_thermometer(rom[0]);
}

/* w1_slave: "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 ... t=23125\n". Empty on any error of the bus. */
static bool parse_scratchpad(const char *text, uint8_t scratchpad[DS18B20_SCRATCHPAD_SIZE])
{
	for (int i = 0; i < DS18B20_SCRATCHPAD_SIZE; i++) {
		char *end;
		unsigned long byte = strtoul(text, &end, 16);

		if (end == text || byte > 0xff) {
			return false;
		}
		scratchpad[i] = (uint8_t)byte;
		text = end;
	}
	return true;
}

static void read_sensor(const char *root, const char *name, struct thermometer_sample *s)
{
	struct ds18b20_value value;
	char path[512], text[256];
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof path, "%s/devices/%s/w1_slave", root, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, sizeof text - 1);
		close(fd);
	}
	if (len < 0) {
		s->quality = DS18B20_ABSENT;
		return;
	}
	text[len] = '\0';
	if (!parse_scratchpad(text, s->scratchpad)) {
		s->quality = DS18B20_CRC_FAILED;	/* the kernel's way to say it: success, and no bytes */
		return;
	}
	s->scratchpad_known = true;
	s->quality = ds18b20_decode(s->rom[0], s->scratchpad, &value);
	if (s->quality == DS18B20_OK) {
		s->temp_known = true;
		s->raw = value.raw;
		s->temp_mc = value.temp_mc;
		s->resolution_bits = value.resolution_bits;
	}
}

int w1_sysfs_read(const char *root, struct thermometer_sample *samples, unsigned *n, char *err, size_t err_size)
{
	char path[512];
	struct dirent *entry;
	DIR *devices;

	*n = 0;
	snprintf(path, sizeof path, "%s/devices", root);
	devices = opendir(path);
	if (devices == NULL) {
		snprintf(err, err_size, "%s: the kernel's 1-Wire driver is not there: %s", path, strerror(errno));
		return -ENODEV;
	}
	while (*n < W1_CYCLE_DEVICES && (entry = readdir(devices)) != NULL) {
		struct thermometer_sample *s = &samples[*n];

		memset(s, 0, sizeof *s);
		if (parse_name(entry->d_name, s->rom)) {
			read_sensor(root, entry->d_name, s);
			(*n)++;
		}
	}
	closedir(devices);
	if (*n == 0) {
		snprintf(err, err_size, "%s: the kernel's 1-Wire driver has found no sensor", path);
		return -ENODEV;
	}
	return 0;
}
