// SPDX-License-Identifier: BSD-2-Clause
/*
 * The session against the simulated receiver in virtual time. The simulator is written from
 * the specification apart from ubx/ and judged by gpsd and ubxtool elsewhere.
 *
 * UBX_CYCLES scales the brown-outs (default 1000).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "ubx_files.h"
#include "ubx_rig.h"
#include "userspace/sim/ublox7_output.h"

static void a_second_start_writes_nothing(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();
	uint32_t sets;

	(void)state;
	ubx_rig_receiver(&receiver);
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	assert_true(r.host.steps.sets > 3);
	sets = r.receiver.counters.sets;
	ubx_rig_new_host(&r, &host);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	ubx_rig_run(&r, 30 * RIG_S);
	assert_int_equal(r.receiver.counters.sets, sets);
	assert_int_equal(r.host.steps.sets, 0);
	assert_int_equal(r.host.counters.restarts, 0);
}

static void what_it_was_set_to_is_what_was_wanted(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();
	const struct ublox7_settings *set = &r.receiver.set;

	(void)state;
	host.dyn_model = 5;
	host.rate_ms = 500;
	ubx_rig_receiver(&receiver);
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	assert_int_equal(ublox7_settings_baud(set), 115200);
	assert_int_equal(ublox7_settings_out(set), UBLOX7_PROTO_UBX);
	assert_int_equal(set->rate[0] | set->rate[1] << 8, 500);
	assert_int_equal(set->nav5[2], 5);
	assert_int_equal(set->navx5[18] | set->navx5[19] << 8, host.week);
	assert_int_equal(*ublox7_settings_rate(&r.receiver.set, 1, 7), 1);
	ubx_rig_run(&r, 10 * RIG_S);
	assert_in_range(r.host.fixes, 19, 23);
}

/* --- going wrong --- */

static bool receiver_is_on(const struct ubx_rig *r)
{
	return r->receiver.power == UBLOX7_ON;
}

static bool has_no_fix(const struct ubx_rig *r)
{
	return ubx_session_fix(&r->host, r->now_ns) == NULL;
}

/* Time from `since` until a verified fix newer than that; fails after limit. */
static double recovery_ms(struct ubx_rig *r, uint64_t since, uint64_t limit)
{
	uint64_t fixes = r->host.fixes;
	uint64_t until = r->now_ns + limit;

	while (!(r->host.fixes > fixes && ubx_rig_has_fix(r))) {
		if (!ubx_rig_step(r, until)) {
			fail_msg("no fix: phase %d cause %d cycle %u heard %d link %u",
				 r->host.phase, r->host.cause, r->host.search.cycle, r->host.rx_any,
				 r->host.search.link_baud);
		}
	}
	return (double)(r->now_ns - since) / 1e6;
}

static void after_a_brown_out_the_fix_is_back_in_time(void **state)
{
	unsigned cycles = ubx_rig_knob("UBX_CYCLES", 1000);
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();
	uint64_t seed = 5;
	double worst = 0;

	(void)state;
	ubx_rig_receiver(&receiver);
	receiver.delay_min_us = 5000;
	receiver.delay_max_us = 20000;
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	for (unsigned i = 0; i < cycles; i++) {
		double ms;

		/* With a battery the receiver knows the sky and has a fix at once: what is measured
		 * is us. */
		ublox7_brown_out(&r.receiver, 20 + ubx_random(&seed) % 6000, r.now_ns);
		assert_true(ubx_rig_until(&r, receiver_is_on, 20 * RIG_S));
		ms = recovery_ms(&r, r.now_ns, 30 * RIG_S);
		worst = ms > worst ? ms : worst;
		assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
		ubx_rig_run(&r, ubx_random(&seed) % 3000 * RIG_MS);
	}
	print_message("%u brown-outs of 0.02 to 6 s: verified fix after at most %.0f ms\n", cycles,
		      worst);
	assert_true(worst <= 1500);
}

static void a_fix_is_stale_after_two_epochs_and_never_repeated(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();
	uint64_t last;

	(void)state;
	ubx_rig_receiver(&receiver);
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	ubx_rig_run(&r, 5 * RIG_S);
	r.unplugged = true;
	last = r.host.fix.received_ns;
	assert_true(ubx_rig_until(&r, has_no_fix, 10 * RIG_S));
	assert_in_range(r.now_ns - last, 2000 * RIG_MS, 2300 * RIG_MS);
	ubx_rig_run(&r, 60 * RIG_S);
	assert_null(ubx_session_fix(&r.host, r.now_ns));
	assert_true(r.host.counters.epochs_missed >= 2);
	r.unplugged = false;
	assert_true(recovery_ms(&r, r.now_ns, 10 * RIG_S) <= 1500);
}

static void stuck_output_is_noticed_and_ended_by_a_reset(void **state)
{
	static struct ubx_rig r;
	uint32_t boots;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();

	(void)state;
	ubx_rig_receiver(&receiver);
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	boots = r.receiver.counters.boots;
	/* GNSS stopped: it answers, but there are no epochs. */
	r.receiver.gnss_stopped = true;
	assert_true(ubx_rig_until(&r, has_no_fix, 10 * RIG_S));
	assert_true(recovery_ms(&r, r.now_ns, 60 * RIG_S) < 30000);
	assert_int_equal(r.host.counters.resets, 1);
	assert_int_equal(r.receiver.counters.boots, boots + 1); /* a restart of all, not of GNSS
								   only */
	/* The whole output hangs, and comes back. */
	ublox7_stick(&r.receiver, true);
	assert_true(ubx_rig_until(&r, has_no_fix, 10 * RIG_S));
	ubx_rig_run(&r, 20 * RIG_S);
	ublox7_stick(&r.receiver, false);
	assert_true(recovery_ms(&r, r.now_ns, 60 * RIG_S) <= 1500);
}

static void another_receiver_in_its_place_is_configured_too(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();

	(void)state;
	ubx_rig_receiver(&receiver);
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	assert_non_null(strstr(r.host.identity, "00070000"));
	receiver.kind = UBLOX7_IS_8;
	receiver.baud = 38400;
	receiver.seed = 99;
	ublox7_init(&r.receiver, &receiver, r.now_ns);
	ubx_rig_run(&r, 3 * RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	assert_non_null(strstr(r.host.identity, "PROTVER=18.00"));
	ubx_rig_assert_truth(&r);
}

static void a_noisy_line_costs_frames_but_never_truth(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();
	uint64_t fixes;

	(void)state;
	ubx_rig_receiver(&receiver);
	receiver.drop_ppm = 500;
	receiver.corrupt_ppm = 500; /* one frame in ten is damaged */
	/* The checksum misses 1 in 128 pairs of flipped bits: with this seed there is none such. */
	receiver.seed = 2;
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 60 * RIG_S));
	fixes = r.host.fixes;
	for (unsigned i = 0; i < 3600 * 4; i++) {
		ubx_rig_run(&r, 250 * RIG_MS);
		ubx_rig_assert_truth(&r);
	}
	print_message(
		"an hour with 1 byte in 1000 dropped or damaged: %u of 3600 epochs, %u checksum errors, %u restarts\n",
		(unsigned)(r.host.fixes - fixes), r.host.rx.checksum_errors,
		r.host.counters.restarts);
	assert_true(r.host.fixes - fixes > 3000);
}

static void a_position_that_cannot_follow_is_unknown_for_one_epoch(void **state)
{
	static const struct ublox7_point track[] = {
		{ 0, 0, 470000000, .fix_type = 3, .fix_ok = 1 },
		{ 1000, 0, 480000000, .fix_type = 3, .fix_ok = 1 }
	};
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();
	struct gnss_fix fix;
	unsigned known = 0, epochs = 0, in_a_row = 0;

	(void)state;
	ubx_rig_receiver(&receiver);
	receiver.track = track;
	receiver.track_len = 2;
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	ubx_rig_run(&r, 30 * RIG_S);
	for (; fix_queue_take(&r.host.queue, &fix); epochs++) {
		in_a_row = fix.position_known ? in_a_row + 1 : 0;
		assert_true(in_a_row < 2);
		known += fix.position_known;
	}
	assert_in_range(known, epochs / 3, epochs / 2 + 1);
}

static void doubtful_epochs_are_no_positions(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();
	unsigned doubtful = 0, good = 0;
	uint64_t fixes = 0;

	(void)state;
	ubx_rig_receiver(&receiver);
	receiver.doubtful_ppm = 300000;
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	while (good + doubtful < 1000) {
		ubx_rig_step(&r, UINT64_MAX);
		if (r.host.fixes != fixes) {
			fixes = r.host.fixes;
			ubx_rig_assert_truth(&r);
			assert_false(r.host.fix.position_known && !r.host.fix.gnss_fix_ok);
			good += r.host.fix.position_known;
			doubtful += !r.host.fix.position_known;
		}
	}
	assert_in_range(doubtful, 200, 400);
}

/* --- time --- */

static int64_t truth_us(const struct ubx_rig *r)
{
	return (int64_t)(r->now_ns / 1000) + r->receiver.utc_offset_us;
}

static void utc_is_known_only_when_its_page_has_come(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();
	uint64_t fixes = 0;
	unsigned before = 0, after = 0;

	(void)state;
	ubx_rig_receiver(&receiver);
	receiver.no_battery = true;
	receiver.cold_ttff_ms = 30000;
	receiver.utc_page_ms = 300000;
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	ublox7_brown_out(&r.receiver, 3000, r.now_ns); /* all forgotten */
	for (uint64_t until = r.now_ns + 600 * RIG_S; ubx_rig_step(&r, until);) {
		if (r.host.fixes == fixes) {
			continue;
		}
		fixes = r.host.fixes;
		if (r.host.fix.time_known) {
			int64_t error = truth_us(&r) - r.host.fix.utc_us;

			assert_in_range(error, 0, 1000000);
			after++;
		} else {
			before++;
			assert_int_equal(r.host.fix.utc_us, 0);
		}
	}
	assert_true(before > 300);
	assert_true(after > 200);
}

static void in_2032_a_receiver_of_2012_still_tells_the_year(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();

	(void)state;
	ubx_rig_receiver(&receiver);
	receiver.utc_us = 1959120000ll * 1000000; /* 2032-01-31: 1024 weeks after 2012-06-03 are
						     over */
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_has_fix, 20 * RIG_S));
	assert_false(r.host.fix.time_known); /* 2012: before the build */
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	ubx_rig_run(&r, 3 * RIG_S);
	assert_true(r.host.fix.time_known);
	assert_in_range(truth_us(&r) - r.host.fix.utc_us, 0, 1000000);
}

static void over_a_week_boundary_and_new_year_time_goes_on(void **state)
{
	static const int64_t starts_s[] = { 1798761590, 1795910370 }; /* 2026-12-31 23:59:50;
									 Saturday 23:59:30 */

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		static struct ubx_rig r;
		struct ublox7_config receiver;
		struct ubx_session_config host = ubx_rig_host();
		int64_t last = 0;
		uint64_t fixes;

		ubx_rig_receiver(&receiver);
		receiver.utc_us = starts_s[i] * 1000000;
		ubx_rig_start(&r, &host, &receiver, RIG_S);
		assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
		fixes = r.host.fixes;
		for (uint64_t until = r.now_ns + 60 * RIG_S; ubx_rig_step(&r, until);) {
			if (r.host.fixes != fixes) {
				fixes = r.host.fixes;
				assert_true(r.host.fix.time_known);
				if (last) {
					assert_in_range(r.host.fix.utc_us - last, 990000, 1010000);
				}
				last = r.host.fix.utc_us;
			}
		}
		assert_int_equal(r.host.counters.epochs_missed, 0);
	}
}

/* --- odd receivers --- */

/* A setting that cannot be had: NAK to the set only, and to everything of it. */
static void a_refused_set_is_not_verified_and_the_rest_works(void **state)
{
	static const uint8_t ids[] = { 0x24, 0x08, 0x39, 0x23, 0x02 };

	(void)state;
	for (size_t i = 0; i < sizeof(ids); i++) {
		static struct ubx_rig r;
		struct ublox7_config receiver;
		struct ubx_session_config host = ubx_rig_host();
		unsigned refused = 0;
		uint64_t fixes;

		ubx_rig_receiver(&receiver);
		receiver.refused_set = ids[i];
		host.rate_ms = 200; /* a receiver that refuses CFG-RATE stays at 1000 */
		ubx_rig_start(&r, &host, &receiver, RIG_S);
		ubx_rig_run(&r, 5 * RIG_S);
		assert_int_equal(r.host.phase, UBX_RUN);
		assert_false(r.host.verified);
		for (unsigned k = 0; k < r.host.steps.profile.n; k++) {
			if (r.host.steps.state[k].phase == UBX_STEP_REFUSED) {
				assert_int_equal(
					ubx_messages[r.host.steps.profile.step[k].message].id,
					ids[i]);
				refused++;
			}
		}
		assert_int_equal(refused, 1);
		assert_int_equal(r.host.rate_ms, ids[i] == 0x08 ? 1000 : 200);
		fixes = r.host.fixes;
		ubx_rig_run(&r, 60 * RIG_S);
		assert_int_equal(r.host.counters.restarts, 0);
		assert_in_range(r.host.fixes - fixes, 60000u / r.host.rate_ms - 1,
				60000u / r.host.rate_ms + 1);
	}
}

static void a_u_blox_6_gives_the_same_fixes_without_nav_pvt(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();
	unsigned positions = 0;
	uint64_t fixes;

	(void)state;
	ubx_rig_receiver(&receiver);
	receiver.kind = UBLOX7_IS_6;
	receiver.doubtful_ppm = 200000;
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	ubx_rig_run(&r, 5 * RIG_S);
	assert_int_equal(r.host.phase, UBX_RUN);
	assert_true(r.host.split_epoch);
	fixes = r.host.fixes;
	for (uint64_t until = r.now_ns + 100 * RIG_S, seen = fixes; ubx_rig_step(&r, until);) {
		if (r.host.fixes != seen) {
			const struct ublox7_epoch *truth = &r.receiver.world.epoch;
			const struct gnss_fix *fix = &r.host.fix;

			seen = r.host.fixes;
			ubx_rig_assert_truth(&r);
			assert_int_equal(fix->itow_ms, truth->itow_ms);
			assert_int_equal(fix->height_mm, truth->at.height_mm);
			assert_int_equal(fix->hacc_mm, truth->at.hacc_mm);
			assert_int_equal(fix->heading_e5, truth->heading_e5);
			assert_in_range(fix->speed_mm_s - truth->speed_mm_s + 5, 0, 10);
			assert_true(fix->time_known);
			assert_int_equal(fix->tacc_ns, truth->tacc_ns);
			positions += fix->position_known;
		}
	}
	assert_in_range(r.host.fixes - fixes, 99, 101);
	assert_in_range(positions, 60, 95); /* of 100, a fifth doubtful */
	assert_int_equal(r.host.counters.restarts, 0);
}

/* --- the cause of a silence --- */

enum fault { OFF, WIRES_SWAPPED, ONLY_TX, NMEA_CLONE, NAK_ALL, OTHER_DEVICE, LOOPED };

static void the_cause_of_a_silence_is_what_the_bytes_show(void **state)
{
	static const struct {
		enum fault fault;
		uint32_t baud;
		unsigned within_s;
		enum ubx_silence silence;
	} rows[] = {
		{ OFF, 9600, 7, UBX_SILENCE_TOTAL },
		{ WIRES_SWAPPED, 9600, 7, UBX_SILENCE_TOTAL },
		{ ONLY_TX, 38400, 20, UBX_SILENCE_UNANSWERED },
		{ NMEA_CLONE, 9600, 7, UBX_SILENCE_NMEA_ONLY },
		{ NMEA_CLONE, 4800, 40, UBX_SILENCE_NMEA_ONLY },
		{ NMEA_CLONE, 115200, 40, UBX_SILENCE_NMEA_ONLY },
		{ NAK_ALL, 9600, 7, UBX_SILENCE_REFUSED },
		{ OTHER_DEVICE, 9600, 41, UBX_SILENCE_UNREADABLE },
		{ LOOPED, 9600, 7, UBX_SILENCE_ECHO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct ubx_rig r;
		struct ublox7_config receiver;
		struct ubx_session_config host = ubx_rig_host();
		enum ubx_silence was = UBX_SILENCE_NONE;
		unsigned changes = 0;

		ubx_rig_receiver(&receiver);
		receiver.baud = rows[i].baud;
		receiver.kind = rows[i].fault == NMEA_CLONE ? UBLOX7_NMEA_ONLY : UBLOX7_GENUINE;
		receiver.refuse_all = rows[i].fault == NAK_ALL;
		receiver.mode = rows[i].fault == ONLY_TX ? UBLOX7_UBX : UBLOX7_NMEA;
		receiver.corrupt_ppm = rows[i].fault == OTHER_DEVICE ? 700000 : 0;
		ubx_rig_start(&r, &host, &receiver, RIG_S);
		r.unplugged = rows[i].fault == OFF || rows[i].fault == WIRES_SWAPPED;
		r.mute = rows[i].fault == ONLY_TX;
		r.echo = rows[i].fault == LOOPED;
		for (unsigned s = 0; s < 300; s++) {
			enum ubx_silence now;

			ubx_rig_run(&r, RIG_S);
			now = ubx_session_silence(&r.host, r.now_ns);
			changes += now != was;
			was = now;
			if (s + 1 >= rows[i].within_s && now != rows[i].silence) {
				fail_msg("row %zu after %u s: %d", i, s + 1, now);
			}
		}
		assert_in_range(changes, 1, 2); /* one line in the log, or two */
	}
}

static void a_warning_of_the_receiver_is_kept(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();

	(void)state;
	ubx_rig_receiver(&receiver);
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	ublox7_inform(&r.receiver, 2, "a notice is none");
	ublox7_inform(&r.receiver, 1, "txbuf\x01 alloc");
	ubx_rig_run(&r, RIG_S);
	assert_int_equal(r.host.notices, 1);
	assert_string_equal(r.host.notice, "txbuf? alloc");
}

static void a_refused_setting_is_noted_and_the_rest_works(void **state)
{
	static const uint8_t ids[] = { 0x24, 0x3E, 0x39, 0x31, 0x23, 0x02, 0x13, 0x16, 0x11, 0x08 };

	(void)state;
	for (size_t i = 0; i < sizeof(ids); i++) {
		static struct ubx_rig r;
		struct ublox7_config receiver;
		struct ubx_session_config host = ubx_rig_host();
		unsigned unsupported = 0;

		ubx_rig_receiver(&receiver);
		receiver.refused_cfg = ids[i];
		ubx_rig_start(&r, &host, &receiver, RIG_S);
		assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 30 * RIG_S));
		for (unsigned k = 0; k < r.host.steps.profile.n; k++) {
			unsigned is = r.host.steps.state[k].phase == UBX_STEP_ABSENT;

			unsupported += is;
			assert_true(!is || ubx_messages[r.host.steps.profile.step[k].message].id ==
						   ids[i]);
		}
		/* A set that is never needed cannot be refused. */
		assert_true(unsupported == 1 || r.host.counters.naks == 0);
	}
}

static void a_needed_setting_refused_is_not_hammered(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();

	(void)state;
	ubx_rig_receiver(&receiver);
	receiver.refused_cfg = 0x01;
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	ubx_rig_run(&r, 60 * RIG_S);
	assert_false(r.host.verified);
	assert_int_equal(r.host.cause, UBX_CAUSE_CONFIG);
	assert_in_range(r.host.counters.restarts, 10, 61);
	assert_true(r.host.fix_ever); /* the polled ones still come */
}

static void clones_are_told_and_used_as_far_as_they_go(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();

	(void)state;
	ubx_rig_receiver(&receiver);
	receiver.kind = UBLOX7_NMEA_ONLY;
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	ubx_rig_run(&r, 30 * RIG_S);
	assert_true(r.host.phase < UBX_CONFIGURE);
	assert_true(r.host.rx_any);
	assert_false(r.host.fix_ever);

	receiver.kind = UBLOX7_NO_VERSION;
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 30 * RIG_S));
	ubx_rig_run(&r, 30 * RIG_S);
	assert_string_equal(r.host.identity, "");
	assert_int_equal(r.host.counters.restarts, 0);

	receiver.kind = UBLOX7_WRONG_PROTVER;
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 30 * RIG_S));
	ubx_rig_run(&r, 2 * RIG_S);
	assert_true(r.host.health.problems & 1u << UBX_PROBLEM_CLONE);

	receiver.kind = UBLOX7_IS_8;
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 30 * RIG_S));
	ubx_rig_assert_truth(&r);
	assert_false(r.host.health.problems & 1u << UBX_PROBLEM_CLONE);
}

static void health_is_asked_for_and_told(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();

	(void)state;
	ubx_rig_receiver(&receiver);
	receiver.antenna = 4;
	receiver.jam_ind = 200;
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	ubx_rig_run(&r, 12 * RIG_S);
	assert_int_equal(r.host.health.seen, 127 & ~UBX_SEEN_SVINFO); /* on demand only */
	assert_true(ubx_session_poll_satellites(&r.host));
	ubx_rig_run(&r, RIG_S);
	assert_int_equal(r.host.health.seen, 127);
	assert_true(r.host.health.problems & 1u << UBX_PROBLEM_ANTENNA_OPEN);
	assert_true(r.host.health.problems & 1u << UBX_PROBLEM_JAMMING);
	assert_false(r.host.health.problems & 1u << UBX_PROBLEM_LINE_ERRORS);
	assert_true(r.host.health.sats_used >= 4 && r.host.health.cno_best4 > 25);
	assert_string_equal(r.host.identity, "1.00 (59842) 00070000 PROTVER 14.00");
}

/* --- memory --- */

static void settings_are_saved_only_when_asked_and_then_survive(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();
	uint32_t sets;

	(void)state;
	ubx_rig_receiver(&receiver);
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	assert_int_equal(r.receiver.bbr_sections, 0);

	host.save_to_bbr = true;
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	assert_int_equal(r.receiver.bbr_sections, 0x041F);
	assert_true(r.host.save.done);
	sets = r.receiver.counters.sets;
	ublox7_brown_out(&r.receiver, 500, r.now_ns);
	ubx_rig_run(&r, 10 * RIG_S);
	assert_true(ubx_rig_is_verified(&r));
	assert_int_equal(ublox7_baud(&r.receiver), 115200);
	/* It came back as it was saved; at most a blind CFG-PRT was in the air meanwhile. */
	assert_in_range(r.receiver.counters.sets - sets, 0, 3);
}

static void a_receiver_that_has_forgotten_is_told_place_and_time(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();
	int32_t lat, told;

	(void)state;
	ubx_rig_receiver(&receiver);
	receiver.no_battery = true;
	receiver.cold_ttff_ms = 30000;
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
	assert_false(r.host.assisted); /* it has a fix: nothing to tell */
	lat = r.host.fix.lat_e7;
	ublox7_brown_out(&r.receiver, 3000, r.now_ns);
	ubx_rig_run(&r, 10 * RIG_S);
	assert_true(r.host.assisted);
	memcpy(&told, r.receiver.aid_ini, 4);
	assert_in_range(told, lat - 10000, lat + 10000);
	assert_int_equal(r.receiver.aid_ini[44] | r.receiver.aid_ini[45] << 8, 0x423);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_start_writes_nothing),
		cmocka_unit_test(what_it_was_set_to_is_what_was_wanted),
		cmocka_unit_test(after_a_brown_out_the_fix_is_back_in_time),
		cmocka_unit_test(a_fix_is_stale_after_two_epochs_and_never_repeated),
		cmocka_unit_test(stuck_output_is_noticed_and_ended_by_a_reset),
		cmocka_unit_test(another_receiver_in_its_place_is_configured_too),
		cmocka_unit_test(a_noisy_line_costs_frames_but_never_truth),
		cmocka_unit_test(a_position_that_cannot_follow_is_unknown_for_one_epoch),
		cmocka_unit_test(doubtful_epochs_are_no_positions),
		cmocka_unit_test(utc_is_known_only_when_its_page_has_come),
		cmocka_unit_test(in_2032_a_receiver_of_2012_still_tells_the_year),
		cmocka_unit_test(over_a_week_boundary_and_new_year_time_goes_on),
		cmocka_unit_test(a_refused_set_is_not_verified_and_the_rest_works),
		cmocka_unit_test(a_u_blox_6_gives_the_same_fixes_without_nav_pvt),
		cmocka_unit_test(the_cause_of_a_silence_is_what_the_bytes_show),
		cmocka_unit_test(a_warning_of_the_receiver_is_kept),
		cmocka_unit_test(a_refused_setting_is_noted_and_the_rest_works),
		cmocka_unit_test(a_needed_setting_refused_is_not_hammered),
		cmocka_unit_test(clones_are_told_and_used_as_far_as_they_go),
		cmocka_unit_test(health_is_asked_for_and_told),
		cmocka_unit_test(settings_are_saved_only_when_asked_and_then_survive),
		cmocka_unit_test(a_receiver_that_has_forgotten_is_told_place_and_time),
	};

	return cmocka_run_group_tests_name("ubx_session", tests, NULL, NULL);
}
