/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * w1_reads: reads all sensors again and again, and holds each reading to the truth that
 * geotherm-sim tells in debugfs.
 *
 * A reading is wrong if its value is not that of the sensor's last conversion, stale if the sensor
 * has not converted since the reading was asked for. Sensors should rise with each conversion
 * (parameter step), or an old value is not seen as one. Ends with 1 if any reading was wrong or
 * stale, 2 if the bus could not be opened.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gpio-w1/thermometers.h"
#include "gpio-w1/w1_crc.h"

#define DEVICES "/sys/kernel/debug/geotherm-sim/devices"
#define LINE "/sys/kernel/debug/geotherm-sim/line"
#define UNPRIVILEGED 65534 /* the user nobody */

enum {
#define X(id, number, name, text) QUALITY_##number,
	DS18B20_QUALITIES(X)
#undef X
		QUALITIES
};

struct truth {
	uint8_t rom[8];
	int raw;
	unsigned conversions;
};

static struct {
	unsigned long reads, right, wrong, stale, quality[QUALITIES], failed_cycles, violations,
		retries;
} count;

/* Opened before rights are dropped, and read from the start each time. */
static FILE *devices, *line;

static unsigned look(struct truth *truth, unsigned max)
{
	char text[512];
	unsigned n = 0;

	rewind(devices);
	fflush(devices);
	while (n < max && fgets(text, sizeof text, devices) != NULL) {
		struct truth *t = &truth[n];
		unsigned rom[7];
		const char *raw = strstr(text, " raw="),
			   *conversions = strstr(text, " conversions=");

		if (raw == NULL || conversions == NULL ||
		    sscanf(text, "%2x-%2x%2x%2x%2x%2x%2x", &rom[0], &rom[6], &rom[5], &rom[4],
			   &rom[3], &rom[2], &rom[1]) != 7) {
			continue;
		}
		for (int i = 0; i < 7; i++) {
			t->rom[i] = (uint8_t)rom[i];
		}
		t->rom[7] = w1_crc8(t->rom, 7);
		t->raw = (int)strtol(raw + 5, NULL, 10);
		t->conversions = (unsigned)strtoul(conversions + 13, NULL, 10);
		n++;
	}
	return n;
}

static const struct truth *find(const struct truth *truth, unsigned n, const uint8_t rom[8])
{
	for (unsigned i = 0; i < n; i++) {
		if (memcmp(truth[i].rom, rom, 8) == 0) {
			return &truth[i];
		}
	}
	return NULL;
}

static void judge(const struct thermometer_sample *s, const struct truth *before,
		  const struct truth *after)
{
	int raw = ds18b20_raw(s->temp_mc);

	count.reads++;
	count.quality[s->quality]++;
	if (!s->temp_known) {
		return;
	}
	if (before == NULL || after == NULL) {
		count.wrong++; /* of a sensor that is none */
	} else if (after->conversions == before->conversions || raw == before->raw) {
		count.stale++;
	} else if (raw != after->raw) {
		count.wrong++;
	} else {
		count.right++;
		return;
	}
	printf("# %02x...%02x read %d, was %d (%u conversions), is %d (%u)\n", s->rom[0], s->rom[7],
	       raw, before ? before->raw : 0, before ? before->conversions : 0,
	       after ? after->raw : 0, after ? after->conversions : 0);
}

static void cycle(struct thermometers *t)
{
	static struct thermometers_result result;
	struct truth before[THERMOMETERS_MAX], after[THERMOMETERS_MAX];
	struct pollfd ready = { .fd = thermometers_fd(t), .events = POLLIN };
	unsigned n = look(before, THERMOMETERS_MAX);

	thermometers_start(t, 0);
	poll(&ready, 1, -1);
	if (thermometers_take(t, &result) != 1) {
		count.failed_cycles++;
		return;
	}
	look(after, THERMOMETERS_MAX);
	count.violations += result.violations;
	count.retries += result.retries;
	if (result.error != 0) {
		count.failed_cycles++;
		printf("# cycle failed: %s\n", result.reason);
	}
	for (unsigned i = 0; i < result.n; i++) {
		const struct thermometer_sample *s = &result.sample[i];

		judge(s, find(before, n, s->rom), find(after, n, s->rom));
	}
}

static uint64_t ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void report(uint64_t elapsed_ms, uint64_t cpu_ms)
{
	static const char *const qualities[QUALITIES] = {
#define X(id, number, name, text) [number] = name,
		DS18B20_QUALITIES(X)
#undef X
	};
	char text[256];

	printf("reads=%lu right=%lu wrong=%lu stale=%lu failed_cycles=%lu violations=%lu retries=%lu elapsed_ms=%" PRIu64
	       " cpu_ms=%" PRIu64 "\n",
	       count.reads, count.right, count.wrong, count.stale, count.failed_cycles,
	       count.violations, count.retries, elapsed_ms, cpu_ms);
	for (int i = 1; i < QUALITIES; i++) {
		if (count.quality[i] > 0) {
			printf("# %lu %s\n", count.quality[i], qualities[i]);
		}
	}
	rewind(line);
	fflush(line);
	while (fgets(text, sizeof text, line) != NULL) {
		printf("# line: %s", text);
	}
}

static int usage(const char *name)
{
	fprintf(stderr,
		"usage: %s [--bus userspace|kernel|auto] [--chip LABEL] [--gpio N] [--cycles N] [--resolution BITS]\n"
		"       [--search-every N] [--ordinary]    (--ordinary: as a user without rights)\n",
		name);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "bus", required_argument, NULL, 'b' },
		{ "chip", required_argument, NULL, 'c' },
		{ "gpio", required_argument, NULL, 'g' },
		{ "cycles", required_argument, NULL, 'n' },
		{ "resolution", required_argument, NULL, 'r' },
		{ "search-every", required_argument, NULL, 's' },
		{ "ordinary", no_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	struct thermometers_config config = {
		.bus = THERMOMETERS_USERSPACE,
		.chip = "geotherm-sim",
		.gpio = { 4 },
		.search_every_cycles = 1000000,
	};
	unsigned long cycles = 10;
	bool ordinary = false;
	struct thermometers *t;
	uint64_t from, cpu;
	char err[200];
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'b':
			config.bus = strcmp(optarg, "kernel") == 0 ? THERMOMETERS_KERNEL
				     : strcmp(optarg, "auto") == 0 ? THERMOMETERS_AUTO
								   : THERMOMETERS_USERSPACE;
			break;
		case 'c':
			config.chip = optarg;
			break;
		case 'g':
			config.gpio[0] = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			cycles = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			config.resolutions.all_bits = (uint8_t)strtoul(optarg, NULL, 10);
			break;
		case 's':
			config.search_every_cycles = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'o':
			ordinary = true;
			break;
		default:
			return usage(argv[0]);
		}
	}
	devices = fopen(DEVICES, "r");
	line = fopen(LINE, "r");
	if (devices == NULL || line == NULL) {
		perror(DEVICES);
		return 2;
	}
	/* What is written ahead into a buffer would be old. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (ordinary && (setgid(UNPRIVILEGED) != 0 || setuid(UNPRIVILEGED) != 0)) {
		perror("setuid");
		return 2;
	}
	t = thermometers_open(&config, err, sizeof err);
	if (t == NULL) {
		printf("open: %s\n", err);
		return 2;
	}
	if (*thermometers_missing_rights(t) != '\0') {
		printf("# running without %s\n", thermometers_missing_rights(t));
	}
	from = ms(CLOCK_MONOTONIC);
	cpu = ms(CLOCK_PROCESS_CPUTIME_ID);
	while (cycles-- > 0) {
		cycle(t);
	}
	report(ms(CLOCK_MONOTONIC) - from, ms(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	thermometers_close(t);
	fclose(devices);
	fclose(line);
	return count.wrong > 0 || count.stale > 0;
}
