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

#include "ubx/ubx_pulse.h"
#include "ubx_files.h"
#include "ubx_rig.h"
#include "userspace/node/clock.h"

#define WATCH_S 8 /* of each start: the first epochs that the receiver sends by itself */

struct tally {
	unsigned samples, outside;
	unsigned unset[2]; /* of those with two wires and answers within 50 ms; of the others */
	double worst_share; /* of the claim */
	unsigned error_ms[8], claim_ms[8]; /* up to each of the bounds, more */
	unsigned pulses, strangers; /* starts with a pulse that counted; with one of another */
};

static const double bounds_ms[] = { 0.1, 0.3, 1, 10, 50, 100, 500 };

static unsigned bin(double ms)
{
	unsigned i = 0;

	while (i < 7 && ms > bounds_ms[i]) {
		i++;
	}
	return i;
}

/* The line of a pulse: an edge at each second, or so far off it; some late, missing, too many. */
struct line {
	struct ubx_pulse_edge newest;
	uint64_t second_ns, edge_ns; /* the next true one, and its edge */
	uint64_t stray_ns; /* an edge of nothing; 0: none */
	uint64_t off_ns;
};

static void line_start(struct line *l, const struct ubx_rig *r, uint64_t off_ns)
{
	int64_t utc_us = (int64_t)(r->now_ns / 1000) + r->receiver.utc_offset_us;

	*l = (struct line){
		.second_ns = r->now_ns + (uint64_t)(1000000 - utc_us % 1000000) * 1000,
		.off_ns = off_ns,
	};
	l->edge_ns = l->second_ns + off_ns;
}

static void line_edge(struct line *l, uint64_t at_ns)
{
	l->newest.sequence++;
	l->newest.boot_ns = at_ns;
}

static void line_run(struct line *l, uint64_t until_ns, uint64_t *seed)
{
	for (;;) {
		bool stray = l->stray_ns != 0 && l->stray_ns < l->edge_ns;
		uint64_t at_ns = stray ? l->stray_ns : l->edge_ns;

		if (at_ns > until_ns) {
			return;
		}
		if (stray) {
			line_edge(l, at_ns);
			l->stray_ns = 0;
			continue;
		}
		if (ubx_random(seed) % 30 != 0) {
			line_edge(l, at_ns);
		}
		l->second_ns += RIG_S;
		l->stray_ns = ubx_random(seed) % 10 == 0 ? at_ns + ubx_random(seed) % 600 * RIG_MS
							 : 0;
		l->edge_ns = l->second_ns + l->off_ns + (2 + ubx_random(seed) % 48) * 1000 +
			     (ubx_random(seed) % 50 == 0 ? ubx_random(seed) % 3000 * 1000 : 0);
	}
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
	struct ubx_pulse pulse = { 0 };
	struct line line;
	bool pulses = ubx_random(seed) % 2 == 0, stranger = ubx_random(seed) % 8 == 0,
	     counted = false;

	ubx_rig_receiver(&receiver);
	receiver.seed = ubx_random(seed);
	receiver.utc_us += ubx_random(seed) % 1000000;
	receiver.baud = ubx_search_rates[2 + ubx_random(seed) % 6];
	receiver.mode = (enum ublox7_mode)(ubx_random(seed) % (one_wire ? 2 : UBLOX7_MODE_COUNT));
	receiver.kind = ubx_random(seed) % 8 == 0 ? UBLOX7_IS_6 : UBLOX7_GENUINE;
	receiver.delay_min_us = 5000;
	receiver.delay_max_us = ubx_random(seed) % 4 == 0 ? 1500000 : 50000;
	receiver.latency_ms = 10 + ubx_random(seed) % 231;
	receiver.refused_set = ubx_random(seed) % 8 == 0 ? 0x08 : 0xFF;
	host.rate_ms = rates_ms[ubx_random(seed) % 4];
	clock_init(&clock, host.limits.min_utc_us);
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	if (one_wire) { /* NAV-PVT after the rest, at its own rate */
		r.mute = true;
		*ublox7_settings_rate(&r.receiver.set, 1, 7) = 1;
	}
	line_start(&line, &r, stranger ? (400 + ubx_random(seed) % 200) * RIG_MS : 0);
	until = r.now_ns + WATCH_S * RIG_S;
	for (uint64_t look = r.now_ns; r.now_ns < until; look += 97 * RIG_MS) {
		struct gnss_fix fix;
		struct clock_stamp stamp;

		ubx_rig_run(&r, 97 * RIG_MS);
		line_run(&line, r.now_ns, seed);
		while (fix_queue_take(&r.host.queue, &fix)) {
			if (pulses && line.newest.sequence > 0) {
				ubx_pulse_judge(&pulse, &fix, &line.newest);
				counted |= fix.pulse_ns != 0;
			}
			if (clock_stamp_of_fix(&fix, &stamp)) {
				clock_feed(&clock, &stamp);
			}
		}
		sample(t, &clock, &r);
		if (ubx_random(seed) % 20 == 0) {
			r.busy_until_ns = r.now_ns + ubx_random(seed) % 600 * RIG_MS;
		}
	}
	t->pulses += counted && !stranger;
	t->strangers += counted && stranger;
	t->unset[one_wire || receiver.delay_max_us > 50000] += clock.best.source ==
							       READING_TIME_NONE;
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
	print_message(
		"%u starts, %u samples; outside the claim: %u; worst %.0f %% of it\n"
		"  not set in %u s: %u; of receivers that answer late or are not sent to: %u\n",
		starts, t.samples, t.outside, t.worst_share * 100, WATCH_S, t.unset[0], t.unset[1]);
	for (unsigned i = 0; i < 8; i++) {
		print_message("  %s %5.1f ms: error %6u, claim %6u\n", i < 7 ? "up to" : "above",
			      bounds_ms[i < 7 ? i : 6], t.error_ms[i], t.claim_ms[i]);
	}
	print_message("  starts whose clock was set by a pulse: %u; by one that is not the "
		      "receiver's: %u\n",
		      t.pulses, t.strangers);
	assert_true(t.samples > starts * 20);
	assert_int_equal(t.outside, 0);
	assert_int_equal(t.unset[0], 0);
	assert_true(t.pulses > starts / 10);
	assert_int_equal(t.strangers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clocks_error_is_within_its_claim),
	};

	return cmocka_run_group_tests_name("ubx_timing", tests, NULL, NULL);
}
