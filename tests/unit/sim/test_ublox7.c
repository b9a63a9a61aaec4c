// SPDX-License-Identifier: BSD-2-Clause
/* The simulated receiver by itself against vectors and rules of the protocol description: power,
 * commands, UART. */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ublox7_bench.h"

/* --- power and NMEA --- */

static void it_boots_with_the_banner_of_a_real_one_and_default_nmea(void **state)
{
	static const char *const banner =
		"$GPTXT,01,01,02,u-blox ag - www.u-blox.com*50\r\n"
		"$GPTXT,01,01,02,HW  UBX-G70xx   00070000 *77\r\n"
		"$GPTXT,01,01,02,ROM CORE 1.00 (59842) Jun 27 2012 17:43:52*59\r\n"
		"$GPTXT,01,01,02,PROTVER 14.00*1E\r\n"
		"$GPTXT,01,01,02,ANTSUPERV=AC SD PDoS SR*20\r\n"
		"$GPTXT,01,01,02,ANTSTATUS=OK*3B\r\n";
	struct ublox7_config c = quiet();
	struct bench *b;

	(void)state;
	c.power_on = true;
	b = bench_start(&c);
	run_ms(b, 2500);
	assert_memory_equal(b->received, banner, strlen(banner));
	for (size_t i = 0; i < 6; i++) {
		static const char *const ids[] = { "$GPRMC,1234", "$GPVTG,",	    "$GPGGA,1234",
						   "$GPGSA,A,3,", "$GPGSV,3,1,12,", "$GPGLL," };

		assert_true(has_sent(b, ids[i]));
	}
	assert_int_equal(b->u.counters.tx_dropped, 0);
}

static void bytes_take_their_time_on_the_wire(void **state)
{
	struct bench *b = bench_start_default();

	(void)state;
	run_ms(b, 20000);
	/* 960 bytes a second at the most, and default NMEA keeps it less than full */
	assert_in_range(b->u.counters.tx_bytes, 20 * 330, 20 * 550);
	assert_int_equal(b->len, b->u.counters.tx_bytes);
}

static void a_full_output_buffer_drops_whole_messages(void **state)
{
	struct ublox7_config c = quiet();
	struct bench *b;
	size_t n;

	(void)state;
	c.baud = 4800;
	c.mode = UBLOX7_MIXED;
	b = bench_start(&c);
	run_ms(b, 60000);
	assert_true(b->u.counters.tx_dropped > 10);
	/* What goes out is whole: each sentence that begins also ends. */
	for (size_t i = 0; i + 120 < b->len; i++) {
		if (b->received[i] == '$') {
			const uint8_t *star = memchr(b->received + i, '*', 100);

			assert_non_null(star);
			assert_memory_equal(star + 3, "\r\n", 2);
		}
	}
	assert_non_null(find(b, 0, 1, 6, &n));
}

static void a_brown_out_forgets_what_was_not_saved(void **state)
{
	static const uint8_t save[13] = { 0, 0, 0, 0, 0x1F, 0x0E, 0, 0, 0, 0, 0, 0, 1 };
	static const uint8_t rate_500[6] = { 0xF4, 1, 1, 0, 1, 0 };
	struct bench *b;

	(void)state;
	for (int saved = 0; saved < 2; saved++) {
		for (int battery = 0; battery < 2; battery++) {
			struct ublox7_config c = quiet();

			c.no_battery = !battery;
			b = bench_start(&c);
			assert_int_equal(outcome(b, 0x08, rate_500, 6), ACK);
			if (saved) {
				assert_int_equal(outcome(b, 0x09, save, 13), ACK);
			}
			ublox7_brown_out(&b->u, 300, b->now_ns);
			run_ms(b, 1000);
			assert_true(has_sent(b, "ANTSTATUS=OK"));
			assert_int_equal(b->u.set.rate[0], saved && battery ? 0xF4 : 0xE8);
		}
	}
}

static void saving_into_flash_alone_is_refused_by_a_rom_part(void **state)
{
	static const uint8_t flash[13] = { 0, 0, 0, 0, 0x1F, 0, 0, 0, 0, 0, 0, 0, 2 };

	(void)state;
	assert_int_equal(outcome(bench_start_default(), 0x09, flash, 13), NAK);
}

static void asleep_it_needs_a_byte_and_half_a_second(void **state)
{
	struct ublox7_config c = quiet();
	struct bench *b;
	size_t n;

	(void)state;
	c.mode = UBLOX7_ASLEEP;
	b = bench_start(&c);
	run_ms(b, 20000);
	assert_int_equal(b->len, 0);
	command(b, 6, 0, NULL, 0); /* only wakes it */
	run_ms(b, 400);
	command(b, 6, 0, NULL, 0); /* too early */
	run_ms(b, 50);
	assert_null(find(b, 0, 6, 0, &n));
	run_ms(b, 200);
	assert_non_null(bench_request(b, 6, 0, NULL, 0, &n));
	run_ms(b, 15000); /* nobody speaks: asleep again */
	b->len = 0;
	run_ms(b, 5000);
	assert_int_equal(b->len, 0);
}

static void backup_mode_ends_after_its_time(void **state)
{
	static const uint8_t two_seconds[8] = { 0xD0, 7, 0, 0, 2 };
	struct bench *b = bench_start_default();

	(void)state;
	command(b, 2, 0x41, two_seconds, 8);
	run_ms(b, 100);
	b->len = 0;
	run_ms(b, 1800);
	assert_int_equal(b->len, 0);
	run_ms(b, 1000);
	assert_true(has_sent(b, "u-blox ag"));
}

/* --- polls and sets --- */

static void vectors_of_the_protocol_description_are_understood(void **state)
{
	static const uint8_t poll_prt[] = { 0xB5, 0x62, 6, 0, 0, 0, 6, 0x18 };
	static const uint8_t rate_10hz[] = {
		0xB5, 0x62, 6, 8, 6, 0, 0x64, 0, 1, 0, 1, 0, 0x7A, 0x12
	};
	static const uint8_t ack_prt[] = { 0xB5, 0x62, 5, 1, 2, 0, 6, 0, 0x0E, 0x37 };
	static const uint8_t prt[20] = { 1, 0, 0, 0, 0xC0, 8, 0, 0, 0x80, 0x25, 0, 0, 7, 0, 3 };
	struct bench *b = bench_start_default();
	const uint8_t *answer;
	size_t n;

	(void)state;
	send_bytes(b, poll_prt, sizeof(poll_prt));
	run_ms(b, 1000);
	answer = find(b, 0, 6, 0, &n);
	assert_non_null(answer);
	assert_int_equal(n, 20);
	assert_memory_equal(answer, prt, 20);
	/* The answer, then its ACK */
	assert_memory_equal(answer + 22, ack_prt, sizeof(ack_prt));
	send_bytes(b, rate_10hz, sizeof(rate_10hz));
	run_ms(b, 1000);
	assert_int_equal(b->u.set.rate[0], 100);
}

static void each_poll_has_its_length_and_its_ack(void **state)
{
	static const struct {
		uint8_t cls, id;
		uint8_t selector[2];
		uint8_t selector_len, len;
	} polls[] = {
		{ 6, 0x00, { 0 }, 0, 20 },    { 6, 0x00, { 1 }, 1, 20 },
		{ 6, 0x00, { 3 }, 1, 20 },    { 6, 0x01, { 1, 7 }, 2, 8 },
		{ 6, 0x02, { 0 }, 1, 10 },    { 6, 0x02, { 1 }, 1, 10 },
		{ 6, 0x08, { 0 }, 0, 6 },     { 6, 0x24, { 0 }, 0, 36 },
		{ 6, 0x23, { 0 }, 0, 40 },    { 6, 0x3E, { 0 }, 0, 36 },
		{ 6, 0x16, { 0 }, 0, 8 },     { 6, 0x31, { 0 }, 0, 32 },
		{ 6, 0x31, { 1 }, 1, 32 },    { 6, 0x39, { 0 }, 0, 8 },
		{ 6, 0x13, { 0 }, 0, 4 },     { 6, 0x11, { 0 }, 0, 2 },
		{ 6, 0x3B, { 0 }, 0, 44 },    { 1, 0x07, { 0 }, 0, 84 },
		{ 1, 0x02, { 0 }, 0, 28 },    { 1, 0x03, { 0 }, 0, 16 },
		{ 1, 0x04, { 0 }, 0, 18 },    { 1, 0x06, { 0 }, 0, 52 },
		{ 1, 0x12, { 0 }, 0, 36 },    { 1, 0x20, { 0 }, 0, 16 },
		{ 1, 0x21, { 0 }, 0, 20 },    { 1, 0x22, { 0 }, 0, 20 },
		{ 1, 0x30, { 0 }, 0, 152 },   { 1, 0x01, { 0 }, 0, 20 },
		{ 1, 0x11, { 0 }, 0, 20 },    { 0x0A, 0x04, { 0 }, 0, 100 },
		{ 0x0A, 0x09, { 0 }, 0, 60 }, { 0x0A, 0x02, { 0 }, 0, 120 },
		{ 0x0A, 0x07, { 0 }, 0, 24 }, { 0x0A, 0x08, { 0 }, 0, 28 },
		{ 0x0B, 0x01, { 0 }, 0, 48 },
	};
	struct ublox7_config c = quiet();

	(void)state;
	c.baud = 115200;
	for (size_t i = 0; i < sizeof(polls) / sizeof(polls[0]); i++) {
		struct bench *b = bench_start(&c);
		size_t n, ack_len;
		const uint8_t *answer = bench_request(b, polls[i].cls, polls[i].id,
						      polls[i].selector, polls[i].selector_len, &n);

		assert_non_null(answer);
		assert_int_equal(n, polls[i].len);
		assert_int_equal(find(b, 0, 5, 1, &ack_len) != NULL, polls[i].cls == 6);
	}
}

static void what_only_later_receivers_have_is_refused_or_met_with_silence(void **state)
{
	static const uint8_t cfg_ids[] = { 0x1E, 0x57, 0x69, 0x70, 0x71, 0x8A, 0x8B };
	static const uint8_t others[][2] = { { 1, 0x26 },    { 1, 0x35 },    { 1, 0x61 },
					     { 0x0A, 0x28 }, { 0x27, 0x03 }, { 0x13, 0x80 } };
	struct ublox7_config c = quiet();
	struct bench *b;
	size_t n;

	(void)state;
	c.mode = UBLOX7_UBX;
	b = bench_start(&c);
	for (size_t i = 0; i < sizeof(cfg_ids); i++) {
		assert_int_equal(outcome(b, cfg_ids[i], NULL, 0), NAK);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_null(bench_request(b, others[i][0], others[i][1], NULL, 0, &n));
	}
	/* A rate for a message that it does not have */
	assert_int_equal(outcome(b, 0x01, (uint8_t[]){ 1, 0x26, 1 }, 3), NAK);
}

static void sets_against_the_rules_are_refused_and_change_nothing(void **state)
{
	static const struct {
		uint8_t id, len, payload[44];
	} bad[] = {
		{ 0x00, 20, { 1, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x25, 0, 0, 7, 0, 3 } }, /* mode 0 */
		{ 0x00, 20, { 1, 0, 0, 0, 0xD0, 8, 0, 0, 0x10, 0x27, 0, 0, 7, 0, 3 } }, /* 10000
											   baud */
		{ 0x00, 19, { 1, 0, 0, 0, 0xD0, 8, 0, 0, 0x80, 0x25, 0, 0, 7, 0, 3 } },
		{ 0x08, 6, { 0xE8, 3, 2, 0, 1, 0 } }, /* navRate */
		{ 0x24, 36, { 1, 0, 9 } },
		{ 0x24, 36, { 4, 0, 0, 4 } }, /* models */
		{ 0x3E, 36, { 0, 22, 22, 4, 0, 4, 255, 0, 1, 0, 0, 0, 1, 1,   3, 0, 1,
			      0, 0,  0,	 5, 0, 3, 0,   1, 0, 0, 0, 6, 8, 255, 0, 1 } }, /* GPS and
											   GLONASS
											 */
		{ 0x3E, 12, { 0, 22, 22, 1, 2, 4, 8, 0, 1 } }, /* Galileo */
		{ 0x39, 8, { 0, 0, 0, 0x80, 0x1E, 3 } }, /* constants */
		{ 0x11, 2, { 8, 2 } },
		{ 0x31, 32, { 2 } },
		{ 0x3B, 44, { 2 } },
		{ 0x23, 40, { 1 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct bench *b = bench_start_default();
		struct ublox7_settings before = b->u.set;

		assert_int_equal(outcome(b, bad[i].id, bad[i].payload, bad[i].len), NAK);
		assert_memory_equal(&b->u.set, &before, sizeof(before));
	}
}

static void a_set_leaves_reserved_bytes_and_unmasked_fields_alone(void **state)
{
	struct bench *b = bench_start_default();
	uint8_t zeros[44] = { 0 };

	(void)state;
	zeros[0] = 1; /* mask: dynModel only */
	zeros[2] = 4;
	assert_int_equal(outcome(b, 0x24, zeros, 36), ACK);
	assert_int_equal(b->u.set.nav5[2], 4);
	assert_int_equal(b->u.set.nav5[12], 5);
	memset(zeros, 0, sizeof(zeros));
	zeros[3] = 2; /* mask1 bit 9: wknRollover */
	zeros[18] = 0x34;
	zeros[19] = 0x08;
	assert_int_equal(outcome(b, 0x23, zeros, 40), ACK);
	assert_int_equal(b->u.set.navx5[18] | b->u.set.navx5[19] << 8, 0x0834);
	assert_memory_equal(b->u.set.navx5 + 8, ((uint8_t[]){ 3, 2, 3, 22, 7, 0, 0, 1 }), 8);
	memset(zeros, 0, sizeof(zeros));
	zeros[0] = 1;
	assert_int_equal(outcome(b, 0x3B, zeros, 44), ACK);
	assert_int_equal(b->u.set.pm2[1], 6);
}

static void a_burst_sets_several_ports(void **state)
{
	uint8_t two[40] = { 1, 0, 0, 0, 0xD0, 8, 0, 0, 0x80, 0x25, 0, 0, 7, 0, 1 };
	struct bench *b = bench_start_default();

	(void)state;
	two[20] = 3;
	two[32] = 1;
	two[34] = 1;
	assert_int_equal(outcome(b, 0x00, two, 40), ACK);
	assert_int_equal(ublox7_settings_out(&b->u.set), UBLOX7_PROTO_UBX);
	assert_int_equal(b->u.set.prt[2][12], 1);
}

/* --- the UART --- */

static void at_another_baud_neither_side_understands(void **state)
{
	static const uint32_t bauds[] = { 4800, 9600, 19200, 38400, 57600, 115200 };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		for (size_t k = 0; k < 6; k++) {
			struct ublox7_config c = quiet();
			struct bench *b;
			size_t n;

			c.baud = bauds[i];
			c.mode = UBLOX7_UBX;
			b = bench_start(&c);
			b->host_baud = bauds[k];
			command(b, 6, 0, NULL, 0);
			run_ms(b, 2000);
			assert_int_equal(b->u.counters.frames, i == k);
			assert_int_equal(find(b, 0, 1, 6, &n) != NULL, i == k);
			assert_true(i == k || b->u.counters.framing_errors > 0 ||
				    bauds[k] > bauds[i]);
		}
	}
}

static void a_percent_of_error_is_no_other_baud(void **state)
{
	struct ublox7_uart uart = { 0 };
	uint16_t received[UBLOX7_RECEIVED_MAX];
	uint64_t t = S;

	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		assert_int_equal(ublox7_uart_receive(&uart, 9600, (uint8_t)byte,
						     9600 + 9600 * 2 / 100, t, received),
				 1);
		assert_int_equal(received[0], byte);
		t += ublox7_bits_ns(11, 9600);
	}
}

static void after_a_change_of_baud_it_answers_only_there(void **state)
{
	static const uint8_t to_115200[20] = { 1, 0, 0, 0, 0xD0, 8, 0, 0, 0, 0xC2, 1, 0, 7, 0, 1 };
	struct ublox7_config c = quiet();
	struct bench *b;
	size_t n;

	(void)state;
	c.deaf_ms = 300;
	b = bench_start(&c);
	command(b, 6, 0, to_115200, 20);
	run_ms(b, 20);
	b->host_baud = 115200;
	command(b, 6, 0, NULL, 0); /* deaf */
	run_ms(b, 250);
	assert_int_equal(b->u.counters.frames, 1);
	run_ms(b, 100);
	assert_non_null(bench_request(b, 6, 0, NULL, 0, &n));
}

static void an_answer_comes_within_its_delay_and_none_overtakes(void **state)
{
	struct ublox7_config c = quiet();
	struct bench *b;
	size_t n;

	(void)state;
	c.baud = 115200;
	c.mode = UBLOX7_UBX;
	c.delay_min_us = 5000;
	c.delay_max_us = 1500000;
	for (c.seed = 1; c.seed <= 50; c.seed++) {
		b = bench_start(&c);
		command(b, 6, 0x08, NULL, 0);
		command(b, 6, 0x24, NULL, 0);
		run_ms(b, 4);
		assert_null(find(b, 0, 6, 0x08, &n));
		run_ms(b, 1510);
		assert_non_null(find(b, 0, 6, 0x08, &n));
		assert_true(find(b, 0, 6, 0x24, &n) > find(b, 0, 6, 0x08, &n));
	}
}

static void an_echoing_terminal_earns_unknown_messages(void **state)
{
	static const char gll[] = "$GPGLL,5327.04024,N,00214.41560,W,102929.00,A,A*7A\r\n";
	struct bench *b = bench_start_default();

	(void)state;
	send_bytes(b, (const uint8_t *)gll, strlen(gll));
	run_ms(b, 1000);
	assert_true(has_sent(b, "$GPTXT,01,01,01,NMEA unknown msg*"));
}

static void pubx_41_changes_the_baud_too(void **state)
{
	static const char line[] = "$PUBX,41,1,0007,0003,38400,0*20\r\n";
	struct bench *b = bench_start_default();

	(void)state;
	send_bytes(b, (const uint8_t *)line, strlen(line));
	assert_int_equal(ublox7_baud(&b->u), 38400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_boots_with_the_banner_of_a_real_one_and_default_nmea),
		cmocka_unit_test(bytes_take_their_time_on_the_wire),
		cmocka_unit_test(a_full_output_buffer_drops_whole_messages),
		cmocka_unit_test(a_brown_out_forgets_what_was_not_saved),
		cmocka_unit_test(saving_into_flash_alone_is_refused_by_a_rom_part),
		cmocka_unit_test(asleep_it_needs_a_byte_and_half_a_second),
		cmocka_unit_test(backup_mode_ends_after_its_time),
		cmocka_unit_test(vectors_of_the_protocol_description_are_understood),
		cmocka_unit_test(each_poll_has_its_length_and_its_ack),
		cmocka_unit_test(what_only_later_receivers_have_is_refused_or_met_with_silence),
		cmocka_unit_test(sets_against_the_rules_are_refused_and_change_nothing),
		cmocka_unit_test(a_set_leaves_reserved_bytes_and_unmasked_fields_alone),
		cmocka_unit_test(a_burst_sets_several_ports),
		cmocka_unit_test(at_another_baud_neither_side_understands),
		cmocka_unit_test(a_percent_of_error_is_no_other_baud),
		cmocka_unit_test(after_a_change_of_baud_it_answers_only_there),
		cmocka_unit_test(an_answer_comes_within_its_delay_and_none_overtakes),
		cmocka_unit_test(an_echoing_terminal_earns_unknown_messages),
		cmocka_unit_test(pubx_41_changes_the_baud_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
