/* SPDX-License-Identifier: BSD-2-Clause */
/* The command `geotherm sim ublox7`. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ublox7_pty.h"
#include "ublox7_recording.h"

static const char *const modes[UBLOX7_MODE_COUNT] = { "nmea", "ubx", "mixed", "silent", "asleep" };
static const char *const kinds[UBLOX7_KIND_COUNT] = { "genuine", "nmea-only", "no-version",
						      "wrong-protver", "ublox8" };

/* --fault NAME=VALUE: a number of the config. */
static const struct fault {
	const char *name, *help;
	size_t offset;
	uint8_t size;
	uint32_t max;
} faults[] = {
/* clang-format off */
#define FAULT(name, member, max, help)                                   \
	{                                                                \
		name, help, offsetof(struct ublox7_config, member),      \
			sizeof(((struct ublox7_config *)0)->member), max \
	}
	/* clang-format on */
	FAULT("ttff-ms", ttff_ms, 3600000, "first fix that long after the start"),
	FAULT("hot-ttff-ms", hot_ttff_ms, 3600000,
	      "after a brown-out with battery (0; data sheet: 1000)"),
	FAULT("cold-ttff-ms", cold_ttff_ms, 3600000,
	      "and after a start with nothing known (29000)"),
	FAULT("utc-page-ms", utc_page_ms, 3600000,
	      "UTC is 2 s wrong and unresolved so long after the first fix"),
	FAULT("doubtful-ppm", doubtful_ppm, 1000000,
	      "so many of a million epochs have a fix that is not gnssFixOK"),
	FAULT("no-battery", no_battery, 1, "1: saved settings die with the supply"),
	FAULT("delay-min-us", delay_min_us, 10000000,
	      "a command is carried out at least that late (10000)"),
	FAULT("delay-max-us", delay_max_us, 10000000, "and at most (10000)"),
	FAULT("deaf-ms", deaf_ms, 10000, "drops its input so long after CFG-PRT (clones: 300)"),
	FAULT("drop-ppm", drop_ppm, 1000000, "so many of a million bytes are lost, each way"),
	FAULT("corrupt-ppm", corrupt_ppm, 1000000,
	      "so many of a million bytes have a flipped bit, each way"),
	FAULT("framing-limit", framing_limit, 1000000,
	      "deaf for the second after so many framing errors in it (later parts: 100)"),
	FAULT("refuse-cfg", refused_cfg, 255,
	      "the id of a CFG message that is refused (0x3E or 62: GNSS)"),
	FAULT("antenna", antenna, 4, "MON-HW: 0 init, 1 unknown, 2 ok, 3 short, 4 open"),
	FAULT("jam-ind", jam_ind, 255, "MON-HW: strength of continuous-wave jamming (5)"),
#undef FAULT
};

#define FAULTS (sizeof(faults) / sizeof(faults[0]))

static int usage(FILE *out, const char *name)
{
	fprintf(out,
		"Usage: %s [OPTION]...\n"
		"A simulated u-blox 7 receiver (NEO-7M) on a pseudo terminal. The first line printed is its path.\n\n"
		"  --link PATH       also reached as PATH, a symbolic link\n"
		"  --baud N          4800, 9600, 19200, 38400, 57600 or 115200 (9600)\n"
		"  --mode MODE       nmea, ubx, mixed, silent or asleep (nmea)\n"
		"  --kind KIND       genuine, nmea-only, no-version, wrong-protver or ublox8 (genuine)\n"
		"  --running         it has been running before, so that there is no boot banner\n"
		"  --seed N          of the drive and of all chance (1)\n"
		"  --recording FILE  plays the positions of the UBX-NAV-PVT frames in FILE, in a loop\n"
		"  --fault NAME=N    see below; may be given several times\n"
		"  --help\n\n"
		"Faults:\n",
		name);
	for (size_t i = 0; i < FAULTS; i++) {
		fprintf(out, "  %-16s  %s\n", faults[i].name, faults[i].help);
	}
	fprintf(out,
		"\nSIGUSR1: its supply fails for 0.5 s. SIGUSR2: its output hangs, the next one frees it.\n"
		"SIGINT, SIGTERM: ends.\n");
	return out == stdout ? 0 : 2;
}

static int choice(const char *option, const char *text, const char *const *names, int n)
{
	for (int i = 0; i < n; i++) {
		if (strcmp(text, names[i]) == 0) {
			return i;
		}
	}
	fprintf(stderr, "%s: '%s' is none of", option, text);
	for (int i = 0; i < n; i++) {
		fprintf(stderr, " %s", names[i]);
	}
	fputc('\n', stderr);
	return -1;
}

static bool number(const char *option, const char *text, uint64_t max, uint64_t *v)
{
	char *end;

	errno = 0;
	*v = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || *v > max) {
		fprintf(stderr, "%s: '%s' is not a number from 0 to %llu\n", option, text,
			(unsigned long long)max);
		return false;
	}
	return true;
}

static bool set_fault(struct ublox7_config *config, const char *text)
{
	const char *value = strchr(text, '=');
	uint64_t v;

	for (size_t i = 0; value && i < FAULTS; i++) {
		uint8_t *to = (uint8_t *)config + faults[i].offset;

		if (strlen(faults[i].name) != (size_t)(value - text) ||
		    strncmp(faults[i].name, text, (size_t)(value - text)) != 0) {
			continue;
		}
		if (!number(faults[i].name, value + 1, faults[i].max, &v)) {
			return false;
		}
		if (faults[i].size == 1) {
			*to = (uint8_t)v;
		} else {
			memcpy(to, &(uint32_t){ (uint32_t)v }, sizeof(uint32_t));
		}
		return true;
	}
	fprintf(stderr, "--fault: '%s' is not NAME=N with a name that --help lists\n", text);
	return false;
}

struct options {
	struct ublox7_config config;
	const char *link, *recording;
};

/* 0 go on, 1 help was given, -1 wrong. */
static int parse(struct options *o, int argc, char **argv)
{
	static const struct option names[] = {
		{ "link", required_argument, NULL, 'l' },
		{ "baud", required_argument, NULL, 'b' },
		{ "mode", required_argument, NULL, 'm' },
		{ "kind", required_argument, NULL, 'k' },
		{ "seed", required_argument, NULL, 's' },
		{ "recording", required_argument, NULL, 'r' },
		{ "fault", required_argument, NULL, 'f' },
		{ "running", no_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t v;
	int c, n;

	optind = 0; /* begins anew: the caller has parsed options before */
	while ((c = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		bool ok = true;

		switch (c) {
		case 'l':
			o->link = optarg;
			break;
		case 'b':
			ok = number("--baud", optarg, 115200, &v);
			o->config.baud = ok ? (uint32_t)v : 0;
			break;
		case 'm':
			n = choice("--mode", optarg, modes, UBLOX7_MODE_COUNT);
			ok = n >= 0;
			o->config.mode = ok ? (enum ublox7_mode)n : UBLOX7_NMEA;
			break;
		case 'k':
			n = choice("--kind", optarg, kinds, UBLOX7_KIND_COUNT);
			ok = n >= 0;
			o->config.kind = ok ? (enum ublox7_kind)n : UBLOX7_GENUINE;
			break;
		case 's':
			ok = number("--seed", optarg, UINT64_MAX, &o->config.seed);
			break;
		case 'r':
			o->recording = optarg;
			break;
		case 'f':
			ok = set_fault(&o->config, optarg);
			break;
		case 'R':
			o->config.power_on = false;
			break;
		case 'h':
			usage(stdout, argv[0]);
			return 1;
		default:
			ok = false;
		}
		if (!ok) {
			return -1;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: nothing can be made of '%s'\n", argv[0], argv[optind]);
		return -1;
	}
	switch (o->config.baud) {
	case 4800:
	case 9600:
	case 19200:
	case 38400:
	case 57600:
	case 115200:
		break;
	default:
		fprintf(stderr,
			"--baud: a u-blox 7 has only 4800, 9600, 19200, 38400, 57600 and 115200\n");
		return -1;
	}
	if (o->config.delay_max_us < o->config.delay_min_us) {
		o->config.delay_max_us = o->config.delay_min_us;
	}
	return 0;
}

static bool make_link(const char *link, const char *path)
{
	struct stat st;

	/* Never takes away anything but a link. */
	if (lstat(link, &st) == 0 && S_ISLNK(st.st_mode)) {
		unlink(link);
	}
	if (symlink(path, link)) {
		fprintf(stderr, "%s: %s\n", link, strerror(errno));
		return false;
	}
	return true;
}

static void serve(struct ublox7_pty *p, const sigset_t *signals)
{
	bool stuck = false;
	int sig = 0;

	while (sig != SIGINT && sig != SIGTERM) {
		sigwait(signals, &sig);
		if (sig == SIGUSR1) {
			ublox7_pty_brown_out(p, 500);
		} else if (sig == SIGUSR2) {
			stuck = !stuck;
			ublox7_pty_stick(p, stuck);
		}
	}
}

int ublox7_main(int argc, char **argv)
{
	struct options o = { .link = NULL };
	struct ublox7_point *track = NULL;
	struct ublox7_pty *p;
	sigset_t signals;
	char err[256];
	int rc;

	ublox7_config_default(&o.config);
	o.config.seed = 1;
	o.config.power_on = true;
	rc = parse(&o, argc, argv);
	if (rc) {
		return rc > 0 ? 0 : 2;
	}
	if (o.recording) {
		long n = ublox7_recording_read(o.recording, &track, err, sizeof(err));

		if (n < 0) {
			fprintf(stderr, "--recording: %s\n", err);
			return 2;
		}
		o.config.track = track;
		o.config.track_len = (size_t)n;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	rc = 1;
	p = ublox7_pty_start(&o.config, err, sizeof(err));
	if (p == NULL) {
		fprintf(stderr, "%s\n", err);
	} else if (!o.link || make_link(o.link, ublox7_pty_path(p))) {
		printf("%s\n", ublox7_pty_path(p));
		fflush(stdout);
		serve(p, &signals);
		if (o.link) {
			unlink(o.link);
		}
		rc = 0;
	}
	ublox7_pty_stop(p);
	free(track);
	return rc;
}
