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

#define MS_A_WEEK 604800000u
#define NS_A_MS UINT64_C(1000000)
/* A device and an epoch that cannot exist. */
#define DEVICE "urn:dev:mac:000000fffe000000"
#define EPOCH 1
/* The node's default, [gnss] max_hacc. */
#define MAX_HACC_MM 100000

struct replay {
	struct ubx_frame_rx rx;
	struct gnss_parts parts;
	struct clock clock;
	struct sampler sampler;
	uint64_t now_ns, seq, impossible, repeated, undated; /* epochs */
	uint32_t itow_ms;
	bool json, begun, has_pvt;
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

/* 1: this frame completes an epoch, into *fix; 0: it does not; -1: impossible values. */
static int epoch_of(struct replay *p, const struct ubx_item *item, struct gnss_fix *fix)
{
	static const struct gnss_limits limits = { .max_hacc_mm = MAX_HACC_MM,
						   .min_utc_us = READING_UTC_MIN_US,
						   .max_utc_us = READING_UTC_MAX_US };
	enum ubx_message m = ubx_msg_find(item->cls, item->id);

	switch (m) {
	case UBX_NAV_PVT:
		p->has_pvt = true;
		return gnss_fix_from_pvt(fix, item->payload, item->payload_len, p->now_ns, &limits)
			       ? 1
			       : -1;
	case UBX_NAV_SOL:
	case UBX_NAV_POSLLH:
	case UBX_NAV_VELNED:
	case UBX_NAV_TIMEUTC:
		if (p->has_pvt || !ubx_msg_length_ok(m, item->payload_len) ||
		    !gnss_parts_add(&p->parts, m, item->payload)) {
			return 0;
		}
		return gnss_fix_from_parts(fix, &p->parts, p->now_ns, &limits) ? 1 : -1;
	default:
		return 0;
	}
}

static int replay_frame(struct replay *p, const struct ubx_item *item)
{
	struct gnss_fix fix;
	int epoch = epoch_of(p, item, &fix);

	if (epoch <= 0) {
		p->impossible += epoch < 0;
		return 0;
	}
	if (p->begun && fix.itow_ms == p->itow_ms) { /* as the node: polled and periodic */
		p->repeated++;
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
	} else if (fix.time_doubt == GNSS_TIME_IMPLAUSIBLE) { /* then no date here is certain */
		clock_init(&p->clock, READING_UTC_MIN_US);
		p->undated++;
	}
	sampler_accept_fix(&p->sampler, &fix);
	return make_reading(p);
}

static int replay_bytes(struct replay *p, const uint8_t *bytes, size_t n)
{
	struct ubx_item item;
	int rc = 0;

	do {
		size_t eaten = ubx_frame_feed(&p->rx, bytes, n, &item);

		if (bytes != NULL) {
			bytes += eaten;
			n -= eaten;
		}
		rc = item.kind == UBX_ITEM_FRAME ? replay_frame(p, &item) : 0;
	} while (rc == 0 && item.kind != UBX_ITEM_NONE);
	return rc;
}

static int play(struct replay *p, FILE *in)
{
	uint8_t bytes[4096];
	size_t n;
	int rc = 0;

	while (rc == 0 && (n = fread(bytes, 1, sizeof bytes, in)) > 0) {
		rc = replay_bytes(p, bytes, n);
	}
	/* The frame that the end cut off, or that never was one, may hold others. */
	while (rc == 0 && ubx_frame_pending(&p->rx) > 0) {
		ubx_frame_give_up(&p->rx);
		rc = replay_bytes(p, NULL, 0);
	}
	return rc != 0 ? rc : ferror(in) ? -EIO : 0;
}

int cmd_replay(const struct manual_command *self, int argc, char **argv)
{
	struct replay p = { .now_ns = NS_A_MS };
	const char *path;
	FILE *in;
	const struct options_value json = { CLI_JSON, .flag = &p.json };
	int rc = options_read(&cli_manual, self, argc, argv, &json, 1, 1);

	if (rc >= 0) {
		return rc;
	}
	if (optind == argc) {
		fputs("geotherm replay: expected a file, or - for stdin\n", stderr);
		return CLI_USAGE;
	}
	path = argv[optind];
	in = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	if (in == NULL) {
		fprintf(stderr, "geotherm replay: %s: %s\n", path, strerror(errno));
		return CLI_USAGE;
	}
	clock_init(&p.clock, READING_UTC_MIN_US);
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
		"%" PRIu64 " bytes: %" PRIu64 " in %" PRIu64 " frames, %" PRIu64
		" in none (%" PRIu32 " wrong checksums)\n"
		"%" PRIu64 " readings; %" PRIu64 " epochs repeated, %" PRIu64
		" with impossible values, %" PRIu64 " with a date out of range\n",
		p.rx.bytes_in, p.rx.frame_bytes, p.rx.frames, p.rx.garbage_bytes,
		p.rx.checksum_errors, p.seq, p.repeated, p.impossible, p.undated);
	return p.seq > 0 ? CLI_OK : CLI_FAILED;
}
