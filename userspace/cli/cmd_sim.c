// SPDX-License-Identifier: BSD-2-Clause
/* geotherm sim: simulated hardware on this machine, for as long as the command runs. */
#define _GNU_SOURCE /* symlink() */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "userspace/daemon/options.h"
#include "userspace/sim/ublox7_faults.h"
#include "userspace/sim/ublox7_pty.h"
#include "userspace/sim/ublox7_recording.h"

#define BROWN_OUT_MS 500

static const struct fault {
	const char *name;
	size_t offset;
	uint8_t size;
	uint32_t max;
} faults[] = {
#define X(name, member, max, help)                      \
	{ name, offsetof(struct ublox7_config, member), \
	  sizeof(((struct ublox7_config *)0)->member), max },
	UBLOX7_FAULTS(X)
#undef X
};

struct sim {
	struct ublox7_config config;
	const char *link, *recording;
};

static bool set_fault(void *config, const char *text)
{
	const char *value = strchr(text, '=');
	size_t length = value != NULL ? (size_t)(value - text) : strlen(text);
	unsigned long v;

	for (size_t i = 0; i < sizeof faults / sizeof faults[0] && value != NULL; i++) {
		const struct fault *f = &faults[i];
		uint8_t *to = (uint8_t *)config + f->offset;

		if (strlen(f->name) != length || strncmp(f->name, text, length) != 0) {
			continue;
		}
		if (!options_number(f->name, value + 1, 0, f->max, &v)) {
			return false;
		}
		if (f->size == 1) {
			*to = (uint8_t)v;
		} else {
			memcpy(to, &(uint32_t){ (uint32_t)v }, sizeof(uint32_t));
		}
		return true;
	}
	fprintf(stderr, "--fault %s: must be NAME=N with a name that --help lists\n", text);
	return false;
}

/* Removes nothing but an older link. */
static bool make_link(const char *link, const char *path)
{
	struct stat st;

	if (lstat(link, &st) == 0 && S_ISLNK(st.st_mode)) {
		unlink(link);
	}
	if (symlink(path, link) != 0) {
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
			ublox7_pty_brown_out(p, BROWN_OUT_MS);
		} else if (sig == SIGUSR2) {
			stuck = !stuck;
			ublox7_pty_stick(p, stuck);
		}
	}
}

static int run_ublox7(struct sim *s)
{
	struct ublox7_point *track = NULL;
	struct ublox7_pty *p;
	sigset_t signals;
	char err[256];
	int code = CLI_FAILED;

	if (s->recording != NULL) {
		long n = ublox7_recording_read(s->recording, &track, err, sizeof err);

		if (n < 0) {
			fprintf(stderr, "--recording %s\n", err);
			return CLI_USAGE;
		}
		s->config.track = track;
		s->config.track_len = (size_t)n;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	p = ublox7_pty_start(&s->config, err, sizeof err);
	if (p == NULL) {
		fprintf(stderr, "%s\n", err);
	} else if (s->link == NULL || make_link(s->link, ublox7_pty_path(p))) {
		printf("%s\n", ublox7_pty_path(p));
		fflush(stdout);
		serve(p, &signals);
		if (s->link != NULL) {
			unlink(s->link);
		}
		code = CLI_OK;
	}
	ublox7_pty_stop(p);
	free(track);
	return code;
}

int cmd_sim(const struct manual_command *self, int argc, char **argv)
{
	/* In the order of the manual's words; modes and kinds have that of their enums. */
	static const uint32_t bauds[] = { 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800 };
	struct sim s = { .link = NULL };
	int baud = 1, mode, kind, code;
	unsigned long seed = 1;
	bool running = false;
	const struct options_value values[] = {
		{ CLI_LINK, .text = &s.link },
		{ CLI_BAUD, .choice = &baud },
		{ CLI_MODE, .choice = &mode },
		{ CLI_KIND, .choice = &kind },
		{ CLI_RUNNING, .flag = &running },
		{ CLI_SEED, .number = &seed, .max = ULONG_MAX },
		{ CLI_RECORDING, .text = &s.recording },
		{ CLI_FAULT, .accept = set_fault, .arg = &s.config },
	};

	ublox7_config_default(&s.config);
	mode = (int)s.config.mode;
	kind = (int)s.config.kind;
	code = options_read(&cli_manual, self, argc, argv, values, sizeof values / sizeof values[0],
			    1);
	if (code >= 0) {
		return code;
	}
	if (optind == argc || strcmp(argv[optind], "ublox7") != 0) {
		fprintf(stderr, "geotherm sim: %s: expected a simulator: ublox7\n",
			optind < argc ? argv[optind] : "no operand");
		return CLI_USAGE;
	}
	s.config.baud = bauds[baud];
	s.config.mode = (enum ublox7_mode)mode;
	s.config.kind = (enum ublox7_kind)kind;
	s.config.seed = seed;
	s.config.power_on = !running;
	if (s.config.delay_max_us < s.config.delay_min_us) {
		s.config.delay_max_us = s.config.delay_min_us;
	}
	return run_ublox7(&s);
}
