// SPDX-License-Identifier: BSD-2-Clause
/*
 * geotherm replay: the readings that a node would have made of a recording of its serial port, by
 * the same code: ubx_frame, gnss_fix, clock, sampler. Its clock is the recording's own.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "show.h"
#include "ubx/gnss_fix.h"
#include "ubx/ubx_frame.h"
#include "userspace/daemon/options.h"
#include "userspace/node/sampler.h"
#include "userspace/reading/senml.h"

#define NAV_CLASS 0x01
#define NAV_PVT 0x07
#define MS_A_WEEK 604800000u
#define NS_A_MS UINT64_C(1000000)
/* A device that is none, and an epoch that no outbox has made. */
#define DEVICE "urn:dev:mac:000000fffe000000"
#define EPOCH 1
/* The node's default, [gnss] max_hacc. */
#define MAX_HACC_MM 100000

struct replay {
	struct ubx_frame_rx rx;
	struct clock clock;
	struct sampler sampler;
	uint64_t now_ns, seq, unlike; /* unlike: NAV-PVT frames that are none */
	uint32_t itow_ms;
	bool json, begun;
};

static int make_reading(struct replay *p)
{
	uint8_t body[SENML_READING_MAX];
	struct reading r;
	int size;

	sampler_make(&p->sampler, &p->clock, p->now_ns, &r);
	memcpy(r.device, DEVICE, sizeof DEVICE);
	r.epoch = EPOCH;
	r.seq = ++p->seq;
	size = senml_encode(SENML_CBOR, &r, 1, body, sizeof body, NULL);
	return size < 0 ? size : show_body(stdout, SENML_CBOR, body, (size_t)size, p->json);
}

static int take_frame(struct replay *p, const struct ubx_item *item)
{
	static const struct gnss_limits limits = { .max_hacc_mm = MAX_HACC_MM };
	struct gnss_fix fix;

	if (item->cls != NAV_CLASS || item->id != NAV_PVT) {
		return 0;
	}
	if (!gnss_fix_from_pvt(&fix, item->payload, item->payload_len, p->now_ns, &limits)) {
		p->unlike++;
		return 0;
	}
	/* Modulo a week; a jump back looks like one forward, and then nothing that is measured
	 * depends on it. */
	p->now_ns += p->begun ? (fix.itow_ms + MS_A_WEEK - p->itow_ms) % MS_A_WEEK * NS_A_MS : 0;
	p->itow_ms = fix.itow_ms;
	p->begun = true;
	fix.received_ns = p->now_ns;
	if (fix.time_known) {
		clock_feed(&p->clock, &(struct clock_stamp){ .boot_ns = p->now_ns,
							     .utc_us = fix.utc_us,
							     .source = READING_TIME_GNSS,
							     .acc_ns = fix.tacc_ns == UINT32_MAX
									       ? CLOCK_ACC_UNKNOWN
									       : fix.tacc_ns });
	}
	sampler_accept_fix(&p->sampler, &fix);
	return make_reading(p);
}

static int play(struct replay *p, FILE *in)
{
	uint8_t bytes[4096];
	size_t n;
	int rc = 0;

	while (rc == 0 && (n = fread(bytes, 1, sizeof bytes, in)) > 0) {
		struct ubx_item item = { .kind = UBX_ITEM_GARBAGE };

		for (size_t at = 0; rc == 0 && (at < n || item.kind != UBX_ITEM_NONE);) {
			at += ubx_frame_feed(&p->rx, bytes + at, n - at, &item);
			rc = item.kind == UBX_ITEM_FRAME ? take_frame(p, &item) : 0;
		}
	}
	return rc != 0 ? rc : ferror(in) ? -EIO : 0;
}

int cmd_replay(const struct manual_command *self, int argc, char **argv)
{
	struct replay p = { .now_ns = NS_A_MS };
	const char *path;
	FILE *in;
	int key, rc;

	while ((key = options_next(&cli_manual, self, argc, argv)) != OPTIONS_END) {
		if (key != CLI_JSON) {
			return key == OPTIONS_DONE ? CLI_OK : CLI_USAGE;
		}
		p.json = true;
	}
	if (optind + 1 != argc) {
		fputs("geotherm replay: one file is wanted, or - for stdin\n", stderr);
		return CLI_USAGE;
	}
	path = argv[optind];
	in = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	if (in == NULL) {
		fprintf(stderr, "geotherm replay: %s: %s\n", path, strerror(errno));
		return CLI_USAGE;
	}
	clock_init(&p.clock, 0);
	sampler_init(&p.sampler, 0, 1000, p.now_ns);
	rc = play(&p, in);
	if (in != stdin) {
		fclose(in);
	}
	if (rc != 0) {
		fprintf(stderr, "geotherm replay: %s: %s\n", path, strerror(-rc));
		return CLI_FAILED;
	}
	fprintf(stderr,
		"%" PRIu64 " readings of %" PRIu64 " frames; %" PRIu64
		" bytes were no frame, %" PRIu32 " checksums wrong, "
		"%" PRIu64 " NAV-PVT not to be believed\n",
		p.seq, p.rx.frames, p.rx.garbage_bytes, p.rx.checksum_errors, p.unlike);
	return p.seq > 0 ? CLI_OK : CLI_FAILED;
}
