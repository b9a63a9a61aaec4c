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

#define TRIES 3
#define NAME_MAX_LEN 16 /* "28-0123456789ab" */

/* "28-0123456789ab": family, then the serial number with its highest byte first. */
static bool parse_name(const char *name, uint8_t rom[W1_ROM_SIZE])
{
	unsigned family, serial[6];
	int end = 0;

	if (sscanf(name, "%2x-%2x%2x%2x%2x%2x%2x%n", &family, &serial[5], &serial[4], &serial[3],
		   &serial[2], &serial[1], &serial[0], &end) != 7 ||
	    name[end] != '\0') {
		return false;
	}
	rom[0] = (uint8_t)family;
	for (int i = 0; i < 6; i++) {
		rom[1 + i] = (uint8_t)serial[i];
	}
	rom[7] = w1_crc8(rom, 7);
	return ds18b20_is_thermometer(rom[0]);
}

/* w1_slave: "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 ... t=23125\n". Empty on any error of
 * the bus. */
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

/* The whole of a small file, terminated. Its length, or -errno. */
static ssize_t read_text(const char *root, const char *device, const char *name, char *text,
			 size_t size)
{
	char path[512];
	ssize_t len;
	int fd;

	text[0] = '\0';
	snprintf(path, sizeof path, "%s/devices/%s/%s", root, device, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	len = read(fd, text, size - 1);
	if (len < 0) {
		len = -errno;
	} else {
		text[len] = '\0';
	}
	close(fd);
	return len;
}

static int write_text(const char *root, const char *device, const char *name, const char *text)
{
	char path[512];
	ssize_t written;
	int fd, error;

	snprintf(path, sizeof path, "%s/devices/%s/%s", root, device, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	written = write(fd, text, strlen(text));
	error = written < 0 ? -errno : 0;
	close(fd);
	return error;
}

static void set_resolution(const char *root, const char *device, unsigned bits)
{
	char text[16], wanted[16];

	if (bits == 0) {
		return;
	}
	snprintf(wanted, sizeof wanted, "%u\n", bits);
	/* An older kernel has no such file; then the sensor keeps its resolution, which its bytes
	 * show. */
	if (read_text(root, device, "resolution", text, sizeof text) > 0 &&
	    strcmp(text, wanted) != 0) {
		write_text(root, device, "resolution", wanted);
	}
}

static void read_sensor(const char *root, const char *device, struct thermometer_sample *s)
{
	struct ds18b20_value value = { 0 };
	char text[256];
	ssize_t len = 0;

	s->quality = DS18B20_CRC_FAILED;
	for (unsigned attempt = 0; attempt < TRIES && s->quality == DS18B20_CRC_FAILED; attempt++) {
		s->retries = (uint8_t)attempt;
		len = read_text(root, device, "w1_slave", text, sizeof text);
		if (len < 0) {
			s->quality = DS18B20_ABSENT;
			return;
		}
		/* The driver gives an empty file when the bus failed, or while a bulk conversion
		 * runs. */
		s->scratchpad_known = parse_scratchpad(text, s->scratchpad);
		if (s->scratchpad_known) {
			s->quality = ds18b20_decode(s->rom[0], s->scratchpad, &value);
		}
	}
	if (s->quality == DS18B20_OK) {
		s->quality = DS18B20_UNPROVEN; /* the kernel gives no proof: see w1_sysfs.h */
		s->temp_known = true;
		s->temp_mc = value.temp_mc;
		s->resolution_bits = value.resolution_bits;
	} else if (s->quality == DS18B20_CRC_FAILED && len == 0) {
		s->quality = DS18B20_BUS_FAILED;
	}
}

/* One conversion for all, before they are read. Not with parasite power: the driver's strong
 * pull-up can't be relied on. */
static void convert_all(const char *root, char names[][NAME_MAX_LEN], unsigned n)
{
	char path[512], text[16];
	struct dirent *entry;
	DIR *devices;

	for (unsigned i = 0; i < n; i++) {
		if (read_text(root, names[i], "ext_power", text, sizeof text) <= 0 ||
		    text[0] != '1') {
			return;
		}
	}
	snprintf(path, sizeof path, "%s/devices", root);
	devices = opendir(path);
	while (devices != NULL && (entry = readdir(devices)) != NULL) {
		if (strncmp(entry->d_name, "w1_bus_master", 13) == 0) {
			/* Blocks until the conversion has ended. Where it fails each sensor
			 * converts by itself. */
			write_text(root, entry->d_name, "therm_bulk_read", "trigger\n");
		}
	}
	if (devices != NULL) {
		closedir(devices);
	}
}

int w1_sysfs_read(const char *root, const struct w1_resolutions *resolutions,
		  struct thermometer_sample *samples, unsigned *n, char *err, size_t err_size)
{
	char path[512], names[W1_CYCLE_DEVICES][NAME_MAX_LEN];
	struct dirent *entry;
	DIR *devices;

	*n = 0;
	snprintf(path, sizeof path, "%s/devices", root);
	devices = opendir(path);
	if (devices == NULL) {
		snprintf(err, err_size, "%s: the kernel's 1-Wire driver is not loaded: %s", path,
			 strerror(errno));
		return -ENODEV;
	}
	while (*n < W1_CYCLE_DEVICES && (entry = readdir(devices)) != NULL) {
		struct thermometer_sample *s = &samples[*n];

		memset(s, 0, sizeof *s);
		if (parse_name(entry->d_name, s->rom)) {
			snprintf(names[*n], sizeof names[*n], "%.*s", NAME_MAX_LEN - 1,
				 entry->d_name);
			(*n)++;
		}
	}
	closedir(devices);
	if (*n == 0) {
		snprintf(err, err_size, "%s: the kernel's 1-Wire driver has found no sensor", path);
		return -ENODEV;
	}
	for (unsigned i = 0; i < *n && resolutions != NULL; i++) {
		set_resolution(root, names[i], w1_resolution_bits(resolutions, samples[i].rom));
	}
	convert_all(root, names, *n);
	for (unsigned i = 0; i < *n; i++) {
		read_sensor(root, names[i], &samples[i]);
	}
	return 0;
}
