// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "ubx/ubx_health.h"
#include "ubx_files.h"

static bool has(const struct ubx_health *h, enum ubx_problem problem)
{
	return h->problems >> problem & 1;
}

static size_t version(uint8_t p[160], const char *software, const char *hardware,
		      const char *protocol)
{
	memset(p, 0, 160);
	memcpy(p, software, strlen(software));
	memcpy(p + 30, hardware, strlen(hardware));
	memcpy(p + 40, protocol, strlen(protocol));
	memcpy(p + 70, "GPS;SBAS;GLO;QZSS", 17);
	return 100;
}

static void a_real_u_blox_7_is_no_clone(void **state)
{
	struct ubx_health h = { 0 };
	uint8_t p[160];

	(void)state;
	ubx_health_take(&h, UBX_MON_VER, p, version(p, "1.00 (59842)", "00070000", "PROTVER 14.00"),
			1);
	assert_string_equal(h.software, "1.00 (59842)");
	assert_string_equal(h.hardware, "00070000");
	assert_string_equal(h.protocol, "PROTVER 14.00");
	assert_false(has(&h, UBX_PROBLEM_CLONE));
}

static void what_says_u_blox_7_and_speaks_otherwise_is_hinted_a_clone(void **state)
{
	struct ubx_health h = { 0 };
	uint8_t p[160], hw[68] = { 0 };

	(void)state;
	ubx_health_take(&h, UBX_MON_VER, p, version(p, "1.00 (59842)", "00070000", "PROTVER 13.01"),
			1);
	assert_true(has(&h, UBX_PROBLEM_CLONE));
	ubx_health_take(&h, UBX_MON_VER, p, version(p, "1.00 (59842)", "00070000", "PROTVER=14.00"),
			1);
	assert_true(has(&h, UBX_PROBLEM_CLONE));
	ubx_health_take(&h, UBX_MON_VER, p, version(p, "1.00 (59842)", "00070000", "PROTVER 14.00"),
			1);
	assert_false(has(&h, UBX_PROBLEM_CLONE));
	ubx_health_take(&h, UBX_MON_HW, hw, 68, 1); /* the length of u-blox 6 */
	assert_true(has(&h, UBX_PROBLEM_CLONE));
	/* A u-blox 8 does not claim to be a 7. */
	ubx_health_take(&h, UBX_MON_VER, p,
			version(p, "ROM CORE 3.01 (107888)", "00080000", "PROTVER=18.00"), 1);
	ubx_health_hint_clone(&h);
	assert_false(has(&h, UBX_PROBLEM_CLONE));
}

static void recorded_mon_hw_is_read(void **state)
{
	static struct ubx_file file;
	struct ubx_health h = { 0 };
	size_t at = 0, size;
	unsigned seen = 0;

	(void)state;
	ubx_file_read(&file, "navisys-gr8013.log");
	for (; (size = ubx_next_frame(file.bytes, file.len, &at)) != 0; at += size) {
		const uint8_t *p = file.bytes + at + 6;

		if (ubx_msg_find(p[-4], p[-3]) == UBX_MON_HW) {
			assert_true(ubx_health_take(&h, UBX_MON_HW, p, size - 8, 1));
			assert_in_range(h.jam_indicator, 1, 60); /* gpsd: "jam":17 and the like */
			assert_int_equal(h.antenna_power, 1); /* on; gpsd counts from unknown:
								 "antPwr":2 */
			assert_in_range(h.agc, 1, 8191);
			assert_int_equal(h.problems, 0);
			seen++;
		}
	}
	assert_int_equal(seen, 9);
}

static void antenna_and_jamming_are_alarms_with_hysteresis(void **state)
{
	struct ubx_health h = { 0 };
	uint8_t p[60] = { 0 };
	static const struct {
		uint8_t status, jam, state;
		bool opened, shorted, jammed;
	} v[] = {
		{ 2, 5, 1, false, false, false },  { 4, 5, 1, true, false, false },
		{ 3, 5, 1, false, true, false },   { 2, 119, 1, false, false, false },
		{ 2, 120, 1, false, false, true }, { 2, 81, 1, false, false, true },
		{ 2, 79, 1, false, false, false }, { 2, 81, 1, false, false, false },
		{ 2, 5, 2, false, false, true },   { 2, 5, 3, false, false, true },
		{ 2, 5, 1, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		ubx_msg_put(p, UBX_MON_HW_aStatus, 0, v[i].status);
		ubx_msg_put(p, UBX_MON_HW_jamInd, 0, v[i].jam);
		ubx_msg_put(p, UBX_MON_HW_jammingState, 0, v[i].state);
		ubx_health_take(&h, UBX_MON_HW, p, sizeof(p), 1);
		assert_int_equal(has(&h, UBX_PROBLEM_ANTENNA_OPEN), v[i].opened);
		assert_int_equal(has(&h, UBX_PROBLEM_ANTENNA_SHORT), v[i].shorted);
		assert_int_equal(has(&h, UBX_PROBLEM_JAMMING), v[i].jammed);
	}
}

static void line_errors_count_only_if_they_grow(void **state)
{
	struct ubx_health h = { 0 };
	uint8_t p[120] = { 0 };

	(void)state;
	ubx_msg_put(p, UBX_MON_IO_framingErrs, 1, 12); /* our own sweep made these */
	ubx_health_take(&h, UBX_MON_IO, p, sizeof(p), 1);
	assert_int_equal(h.framing_errors, 12);
	assert_false(has(&h, UBX_PROBLEM_LINE_ERRORS));
	ubx_msg_put(p, UBX_MON_IO_framingErrs, 1, 13);
	ubx_health_take(&h, UBX_MON_IO, p, sizeof(p), 1);
	assert_true(has(&h, UBX_PROBLEM_LINE_ERRORS));
	ubx_health_take(&h, UBX_MON_IO, p, sizeof(p), 1);
	assert_false(has(&h, UBX_PROBLEM_LINE_ERRORS));
	ubx_msg_put(p, UBX_MON_IO_overrunErrs, 1, 1);
	ubx_health_take(&h, UBX_MON_IO, p, sizeof(p), 1);
	assert_true(has(&h, UBX_PROBLEM_RX_OVERRUN));
	/* Another port's errors, and a port that the answer does not have, are not ours. */
	ubx_msg_put(p, UBX_MON_IO_framingErrs, 3, 99);
	ubx_health_take(&h, UBX_MON_IO, p, sizeof(p), 1);
	ubx_health_take(&h, UBX_MON_IO, p, 20, 1);
	assert_int_equal(h.framing_errors, 13);
}

static void full_buffers_are_told(void **state)
{
	struct ubx_health h = { 0 };
	uint8_t tx[28] = { 0 }, rx[24] = { 0 };

	(void)state;
	ubx_msg_put(tx, UBX_MON_TXBUF_peakUsage1, 0, 97);
	ubx_msg_put(tx, UBX_MON_TXBUF_limit, 0, 1 << 3); /* USB's limit: not ours */
	ubx_health_take(&h, UBX_MON_TXBUF, tx, sizeof(tx), 1);
	assert_int_equal(h.tx_peak, 97);
	assert_false(has(&h, UBX_PROBLEM_TX_OVERFLOW));
	ubx_msg_put(tx, UBX_MON_TXBUF_limit, 0, 1 << 1);
	ubx_health_take(&h, UBX_MON_TXBUF, tx, sizeof(tx), 1);
	assert_true(has(&h, UBX_PROBLEM_TX_OVERFLOW));
	ubx_msg_put(rx, UBX_MON_RXBUF_peakUsage1, 0, 12);
	ubx_health_take(&h, UBX_MON_RXBUF, rx, sizeof(rx), 1);
	assert_int_equal(h.rx_peak, 12);
}

static void signals_are_summed_up(void **state)
{
	static const uint8_t cno[] = { 0, 31, 44, 20, 0, 39, 46, 12 };
	struct ubx_health h = { 0 };
	uint8_t p[8 + 12 * sizeof(cno)] = { 0 };

	(void)state;
	for (unsigned i = 0; i < sizeof(cno); i++) {
		ubx_msg_put(p, UBX_NAV_SVINFO_cno, i, cno[i]);
		ubx_msg_put(p, UBX_NAV_SVINFO_svUsed, i, cno[i] > 30);
	}
	ubx_health_take(&h, UBX_NAV_SVINFO, p, sizeof(p), 1);
	assert_int_equal(h.sats_seen, 6);
	assert_int_equal(h.sats_used, 4);
	assert_int_equal(h.cno_best4, 40); /* 46 44 39 31 */
	assert_false(ubx_health_is_weak(&h));
	for (unsigned mean = 24; mean <= 25; mean++) { /* 25 dBHz is enough */
		for (unsigned i = 0; i < sizeof(cno); i++) {
			ubx_msg_put(p, UBX_NAV_SVINFO_cno, i, mean);
		}
		ubx_health_take(&h, UBX_NAV_SVINFO, p, sizeof(p), 1);
		assert_int_equal(ubx_health_is_weak(&h), mean < 25);
	}
	for (unsigned i = 0; i < sizeof(cno); i++) {
		ubx_msg_put(p, UBX_NAV_SVINFO_cno, i, cno[i] / 2);
	}
	ubx_health_take(&h, UBX_NAV_SVINFO, p, sizeof(p), 1);
	assert_true(ubx_health_is_weak(&h));
	ubx_health_take(&h, UBX_NAV_SVINFO, p, 8, 1); /* none at all is not weak: no antenna, or
							 just started */
	assert_int_equal(h.cno_best4, 0);
	assert_false(ubx_health_is_weak(&h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_real_u_blox_7_is_no_clone),
		cmocka_unit_test(what_says_u_blox_7_and_speaks_otherwise_is_hinted_a_clone),
		cmocka_unit_test(recorded_mon_hw_is_read),
		cmocka_unit_test(antenna_and_jamming_are_alarms_with_hysteresis),
		cmocka_unit_test(line_errors_count_only_if_they_grow),
		cmocka_unit_test(full_buffers_are_told),
		cmocka_unit_test(signals_are_summed_up),
	};

	return cmocka_run_group_tests_name("ubx_health", tests, NULL, NULL);
}
