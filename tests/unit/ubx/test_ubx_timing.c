// SPDX-License-Identifier: BSD-2-Clause
/*
 * The node's clock as a receiver sets it, over many simulated starts: its error beside the
 * uncertainty that it claims. GEOTHERM_UBX_STARTS: how many (500; make check-ubx: 10,000).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ubx_files.h"
#include "ubx_rig.h"
#include "userspace/node/clock.h"

#define WATCH_S 8 /* of each start: the first epochs that the receiver sends by itself */

struct tally {
	unsigned samples, outside, unset;
	double worst_share; /* of the claim */
	unsigned error_ms[6], claim_ms[6]; /* up to 1, 10, 50, 100, 500 ms, more */
};

static const unsigned bounds_ms[] = { 1, 10, 50, 100, 500 };

static unsigned bin(double ms)
{
	unsigned i = 0;

	while (i < 5 && ms > bounds_ms[i]) {
		i++;
	}
	return i;
}

static void sample(struct tally *t, const struct clock *clock, const struct ubx_rig *r)
{
	struct clock_stamp at = clock_at(clock, r->now_ns);
	double error_ms, claim_ms;

	if (at.source == READING_TIME_NONE) {
		return;
	}
	error_ms =
		(double)llabs(at.utc_us - (int64_t)(r->now_ns / 1000) - r->receiver.utc_offset_us) /
		1e3;
	claim_ms = (double)at.acc_ns / 1e6;
	t->samples++;
	t->outside += error_ms > claim_ms;
	t->worst_share = error_ms / claim_ms > t->worst_share ? error_ms / claim_ms
							      : t->worst_share;
	t->error_ms[bin(error_ms)]++;
	t->claim_ms[bin(claim_ms)]++;
}

/* One start, with all that delays an epoch: the receiver's computing, its queue, this host. */
static void start_once(struct tally *t, uint64_t *seed)
{
	static struct ubx_rig r;
	static const uint16_t rates_ms[] = { 200, 500, 1000, 1000 };
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();
	struct clock clock;
	uint64_t until;
	bool one_wire = ubx_random(seed) % 8 == 0;

	ubx_rig_receiver(&receiver);
	receiver.seed = ubx_random(seed);
	receiver.utc_us += ubx_random(seed) % 1000000;
	receiver.baud = ubx_search_rates[2 + ubx_random(seed) % 6];
	receiver.mode = (enum ublox7_mode)(ubx_random(seed) % (one_wire ? 2 : UBLOX7_MODE_COUNT));
	receiver.kind = ubx_random(seed) % 8 == 0 ? UBLOX7_IS_6 : UBLOX7_GENUINE;
	receiver.delay_min_us = 5000;
	receiver.delay_max_us = ubx_random(seed) % 4 == 0 ? 1500000 : 50000;
	receiver.latency_ms = 10 + ubx_random(seed) % 91;
	receiver.refused_set = ubx_random(seed) % 8 == 0 ? 0x08 : 0xFF;
	host.rate_ms = rates_ms[ubx_random(seed) % 4];
	clock_init(&clock, host.limits.min_utc_us);
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	if (one_wire) { /* NAV-PVT after the rest, at its own rate */
		r.mute = true;
		*ublox7_settings_rate(&r.receiver.set, 1, 7) = 1;
	}
	until = r.now_ns + WATCH_S * RIG_S;
	for (uint64_t look = r.now_ns; r.now_ns < until; look += 97 * RIG_MS) {
		struct gnss_fix fix;
		struct clock_stamp stamp;

		ubx_rig_run(&r, 97 * RIG_MS);
		while (fix_queue_take(&r.host.queue, &fix)) {
			if (clock_stamp_of_fix(&fix, &stamp)) {
				clock_feed(&clock, &stamp);
			}
		}
		sample(t, &clock, &r);
		if (ubx_random(seed) % 20 == 0) {
			r.busy_until_ns = r.now_ns + ubx_random(seed) % 600 * RIG_MS;
		}
	}
	t->unset += clock.best.source == READING_TIME_NONE;
}

static void the_clocks_error_is_within_its_claim(void **state)
{
	const char *text = getenv("GEOTHERM_UBX_STARTS");
	unsigned starts = text ? (unsigned)strtoul(text, NULL, 10) : 500;
	struct tally t = { 0 };
	uint64_t seed = 19;

	(void)state;
	for (unsigned i = 0; i < starts; i++) {
		start_once(&t, &seed);
	}
	print_message("%u starts, %u samples; outside the claim: %u; worst %.0f %% of it; "
		      "not set in %u s: %u\n",
		      starts, t.samples, t.outside, t.worst_share * 100, WATCH_S, t.unset);
	for (unsigned i = 0; i < 6; i++) {
		print_message("  %s %3u ms: error %6u, claim %6u\n", i < 5 ? "up to" : "above",
			      bounds_ms[i < 5 ? i : 4], t.error_ms[i], t.claim_ms[i]);
	}
	assert_true(t.samples > starts * 20);
	assert_int_equal(t.outside, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clocks_error_is_within_its_claim),
	};

	return cmocka_run_group_tests_name("ubx_timing", tests, NULL, NULL);
}
