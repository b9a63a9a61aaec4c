// SPDX-License-Identifier: BSD-2-Clause
/*
 * The search for the simulated receiver, in virtual time: at any baud, in any mode, on a bad line.
 * UBX_RUNS scales the seeded runs (default 300).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ubx_files.h"
#include "ubx_rig.h"

static const char *const mode_names[] = { "NMEA", "UBX", "mixed", "silent", "asleep" };

static void from_each_baud_and_mode_the_first_fix_comes_in_time(void **state)
{
	double worst = 0, over = 0;

	(void)state;
	for (unsigned b = 0; b < UBX_RATE_COUNT; b++) {
		for (unsigned i = 0; i < 2 * UBLOX7_ASLEEP; i++) {
			unsigned mode = i / 2;
			static struct ubx_rig r;
			struct ublox7_config receiver;
			struct ubx_session_config host = ubx_rig_host();
			double ms, limit;

			ubx_rig_receiver(&receiver);
			receiver.baud = ubx_search_rates[b];
			receiver.mode = (enum ublox7_mode)mode;
			receiver.asleep = i % 2;
			receiver.delay_min_us = 5000;
			receiver.delay_max_us = 10000;
			ubx_rig_start(&r, &host, &receiver, RIG_S);
			assert_true(ubx_rig_until(&r, ubx_rig_has_fix, 20 * RIG_S));
			ubx_rig_assert_truth(&r);
			ms = (double)(r.now_ns - RIG_S) / 1e6;
			/* Wire limit at 9600 (0.145 s) and 0.3 s; what waits in the receiver's
			 * output (at most a second's epoch) goes out before; a sleeper needs 0.5 s
			 * to wake. */
			limit = 445 + 550.0 * 9600 / ubx_search_rates[b] * (mode != UBLOX7_SILENT) +
				(receiver.asleep ? 500 : 0);
			print_message("  %6u baud, %-6s%s: %4.0f ms\n", ubx_search_rates[b],
				      mode_names[mode], receiver.asleep ? ", asleep" : "", ms);
			assert_true(ms <= limit);
			worst = ms > worst ? ms : worst;
			over = ms + 300 - limit > over ? ms + 300 - limit : over;
			assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 20 * RIG_S));
		}
	}
	print_message("start to first verified fix: worst %.0f ms of %u; over the wire limit: "
		      "%.0f ms\n",
		      worst, UBX_RATE_COUNT * 2 * UBLOX7_ASLEEP, over);
}

static void no_seeded_start_fails_however_slow_and_deaf_the_receiver(void **state)
{
	unsigned runs = ubx_rig_knob("UBX_RUNS", 300), failures = 0;
	double worst = 0, sum = 0;

	(void)state;
	for (unsigned i = 0; i < runs; i++) {
		static struct ubx_rig r;
		struct ublox7_config receiver;
		struct ubx_session_config host = ubx_rig_host();
		uint64_t seed = 1000 + i;
		uint64_t start;

		ubx_rig_receiver(&receiver);
		receiver.seed = seed;
		receiver.baud = ubx_search_rates[ubx_random(&seed) % UBX_RATE_COUNT];
		receiver.mode = (enum ublox7_mode)(ubx_random(&seed) % UBLOX7_MODE_COUNT);
		receiver.delay_min_us = 5000;
		receiver.delay_max_us = 5000 + ubx_random(&seed) % 1495000;
		receiver.deaf_ms = 300;
		receiver.framing_limit = ubx_random(&seed) % 2 ? 100 : 0;
		/* Begin at any moment of its second: with a backlog of output, or just before. */
		ubx_rig_start(&r, &host, &receiver, RIG_S);
		r.unplugged = true;
		ubx_rig_run(&r, RIG_S + ubx_random(&seed) % 1000 * RIG_MS);
		r.unplugged = false;
		ubx_rig_new_host(&r, &host);
		start = r.now_ns;
		if (ubx_rig_until(&r, ubx_rig_is_verified, 60 * RIG_S)) {
			double s = (double)(r.now_ns - start) / 1e9;

			ubx_rig_assert_truth(&r);
			worst = s > worst ? s : worst;
			sum += s;
		} else {
			failures++;
			print_message("  seed %u: %u baud %s, answers within %u ms: phase %d\n",
				      1000 + i, receiver.baud, mode_names[receiver.mode],
				      receiver.delay_max_us / 1000, r.host.phase);
		}
	}
	print_message(
		"%u seeded runs, answers after 5 to 1500 ms, 0.3 s deaf: %u failures; fully verified after %.1f s (mean), %.1f s (worst)\n",
		runs, failures, sum / (runs - failures), worst);
	assert_int_equal(failures, 0);
}

/* Seed 2466 of the runs above: each sweep began with the receiver's second and deafened it for the
 * rest of that. */
static void sweeps_never_fall_into_step_with_a_receiver_that_they_deafen(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();

	(void)state;
	for (unsigned offset = 0; offset < 1000; offset += 20) {
		ubx_rig_receiver(&receiver);
		receiver.baud = 19200;
		receiver.mode = UBLOX7_MIXED;
		receiver.delay_min_us = 5000;
		receiver.delay_max_us = 1058584;
		receiver.deaf_ms = 300;
		receiver.framing_limit = 100;
		ubx_rig_start(&r, &host, &receiver, RIG_S);
		r.unplugged = true;
		ubx_rig_run(&r, RIG_S + offset * RIG_MS);
		r.unplugged = false;
		ubx_rig_new_host(&r, &host);
		assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 30 * RIG_S));
	}
}

static void a_receiver_saved_at_a_rate_of_later_parts_is_met(void **state)
{
	static const uint32_t bauds[] = { 230400, 460800 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		static struct ubx_rig r;
		struct ublox7_config receiver;
		struct ubx_session_config host = ubx_rig_host();

		ubx_rig_receiver(&receiver);
		receiver.baud = bauds[i];
		receiver.kind = UBLOX7_IS_8;
		ubx_rig_start(&r, &host, &receiver, RIG_S);
		assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 5 * RIG_S));
		assert_int_equal(ublox7_baud(&r.receiver), 115200);
	}
}

static void a_cable_too_bad_for_the_wanted_baud_is_used_at_a_lower_one(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();

	(void)state;
	ubx_rig_receiver(&receiver);
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	r.max_baud = 38400;
	assert_true(ubx_rig_until(&r, ubx_rig_is_verified, 60 * RIG_S));
	assert_int_equal(r.host_baud, 9600);
	assert_true(r.host.wanted_baud_failed);
	ubx_rig_run(&r, 10 * RIG_S);
	assert_true(ubx_rig_is_verified(&r));
	assert_int_equal(r.host.counters.restarts, 0);
}

static void a_receiver_that_cannot_hear_us_is_heard_at_its_own_baud(void **state)
{
	static struct ubx_rig r;
	struct ublox7_config receiver;
	struct ubx_session_config host = ubx_rig_host();
	uint64_t fixes;

	(void)state;
	ubx_rig_receiver(&receiver);
	receiver.mode = UBLOX7_UBX;
	receiver.baud = 9600;
	ubx_rig_start(&r, &host, &receiver, RIG_S);
	*ublox7_settings_rate(&r.receiver.set, 1, 7) = 1;
	r.mute = true;
	ubx_rig_run(&r, 10 * RIG_S);
	assert_true(r.host.fix_ever && r.host.fix.position_known);
	assert_int_equal(r.host.phase, UBX_DWELL);
	fixes = r.host.fixes;
	ubx_rig_run(&r, 300 * RIG_S);
	/* Polls go on, and cost no epoch. */
	assert_in_range(r.host.fixes - fixes, 299, 301);
}

static void a_line_that_loses_bytes_makes_no_u_blox_6(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 40; seed++) {
		static struct ubx_rig r;
		struct ublox7_config receiver;
		struct ubx_session_config host = ubx_rig_host();

		ubx_rig_receiver(&receiver);
		receiver.seed = seed;
		receiver.drop_ppm = 20000;
		ubx_rig_start(&r, &host, &receiver, RIG_S);
		ubx_rig_run(&r, 45 * RIG_S);
		assert_false(r.host.split_epoch);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_that_loses_bytes_makes_no_u_blox_6),
		cmocka_unit_test(from_each_baud_and_mode_the_first_fix_comes_in_time),
		cmocka_unit_test(no_seeded_start_fails_however_slow_and_deaf_the_receiver),
		cmocka_unit_test(sweeps_never_fall_into_step_with_a_receiver_that_they_deafen),
		cmocka_unit_test(a_receiver_saved_at_a_rate_of_later_parts_is_met),
		cmocka_unit_test(a_cable_too_bad_for_the_wanted_baud_is_used_at_a_lower_one),
		cmocka_unit_test(a_receiver_that_cannot_hear_us_is_heard_at_its_own_baud),
	};

	return cmocka_run_group_tests_name("ubx_search", tests, NULL, NULL);
}
