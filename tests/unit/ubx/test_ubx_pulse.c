// SPDX-License-Identifier: BSD-2-Clause
/*
 * The time pulse: which edges count, for which second (many starts: test_ubx_timing.c); the
 * kernel's side of it, with ioctl(PPS_FETCH) as a kernel has it; and the whole way with a simulated
 * receiver.
 */
#define _GNU_SOURCE /* CLOCK_BOOTTIME */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/pps.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "time/now.h"
#include "ubx/pulse_port.h"
#include "ubx/receiver.h"
#include "userspace/node/clock.h"
#include "userspace/sim/ublox7_pty.h"

#define S UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define US UINT64_C(1000)
#define UTC_S INT64_C(1795437296)

/* An epoch at that UTC second, received 60 ms later; boot clock 0 is UTC_S. */
static struct gnss_fix epoch(int64_t second)
{
	return (struct gnss_fix){
		.received_ns = (uint64_t)second * S + 60 * MS,
		.age_min_ns = 8 * MS,
		.age_max_ns = 260 * MS,
		.time_known = true,
		.utc_us = (UTC_S + second) * 1000000,
		.tacc_ns = 30,
	};
}

static struct ubx_pulse_edge edge(int64_t second, uint32_t sequence)
{
	return (struct ubx_pulse_edge){ .boot_ns = (uint64_t)second * S, .sequence = sequence };
}

/* Judges the edge of that second with its epoch. */
static struct gnss_fix judge(struct ubx_pulse *p, int64_t second, struct ubx_pulse_edge e)
{
	struct gnss_fix fix = epoch(second);

	ubx_pulse_judge(p, &fix, &e);
	return fix;
}

/* Three intervals seen: the next edge counts, if it is as it should be. Its second is 13. */
static struct ubx_pulse steady(void)
{
	struct ubx_pulse p = { 0 };

	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(judge(&p, 10 + i, edge(10 + i, 100 + i)).pulse_ns, 0);
	}
	return p;
}

static void an_edge_counts_after_three_intervals(void **state)
{
	struct ubx_pulse p = steady();
	struct gnss_fix fix = judge(&p, 13, edge(13, 103));

	(void)state;
	assert_true(fix.pulse_ns == 13 * S);
	assert_true(fix.pulse_utc_us == (UTC_S + 13) * 1000000);
	assert_in_range(fix.pulse_acc_ns, 100 * US, 101 * US);
	assert_int_equal(judge(&p, 13, edge(13, 103)).pulse_ns, 0); /* once */
	assert_true(judge(&p, 14, edge(14, 104)).pulse_ns == 14 * S);
}

static void an_edge_that_is_not_as_it_should_be_does_not_count(void **state)
{
	static const struct {
		const char *what;
		int64_t late_us;
		uint32_t sequence;
		bool no_time, no_age, vague;
		bool begins; /* another row: so the next does not count either */
	} rows[] = {
		{ "one too many", 0, 104, .begins = true },
		{ "one missing in the count", 0, 102, .begins = true },
		{ "0.7 ms late", 700, 103, .begins = true },
		{ "0.7 ms early", -700, 103, .begins = true },
		{ "not at the second", 400000, 103, .begins = true },
		{ "no valid time", 0, 103, .no_time = true },
		{ "an answer to a poll", 0, 103, .no_age = true },
		{ "a time known to 2 s", 0, 103, .vague = true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ubx_pulse p = steady();
		struct gnss_fix fix = epoch(13);
		struct ubx_pulse_edge e = edge(13, rows[i].sequence);
		uint64_t next;

		e.boot_ns += (uint64_t)(rows[i].late_us * 1000);
		fix.time_known = !rows[i].no_time;
		fix.age_max_ns = rows[i].no_age ? UINT64_MAX : fix.age_max_ns;
		fix.tacc_ns = rows[i].vague ? 2000000000 : fix.tacc_ns;
		ubx_pulse_judge(&p, &fix, &e);
		next = judge(&p, 14, edge(14, rows[i].sequence + 1)).pulse_ns;
		if (fix.pulse_ns != 0 || (next == 0) != rows[i].begins) {
			fail_msg("%s: counted %d, the next %d", rows[i].what, fix.pulse_ns != 0,
				 next != 0);
		}
	}
}

static void after_a_missing_second_the_row_begins_again(void **state)
{
	struct ubx_pulse p = steady();

	(void)state;
	assert_int_equal(judge(&p, 13, edge(12, 102)).pulse_ns, 0); /* the one from before */
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(judge(&p, 14 + i, edge(14 + i, 103 + i)).pulse_ns, 0);
	}
	assert_true(judge(&p, 17, edge(17, 106)).pulse_ns == 17 * S);
}

/* The fixes at which an edge was seen need not be of its own second. */
static void the_second_is_that_of_the_edge_not_of_the_epoch(void **state)
{
	struct ubx_pulse p = steady();
	struct gnss_fix fix = epoch(13);
	struct ubx_pulse_edge e = edge(16, 106);

	(void)state;
	ubx_pulse_judge(&p, &fix, &e); /* this host read the fix 3 s late */
	assert_true(fix.pulse_utc_us == (UTC_S + 16) * 1000000);
}

static void lateness_and_doubt_are_in_the_claim(void **state)
{
	struct ubx_pulse p = steady();
	struct ubx_pulse_edge e = edge(13, 103);

	(void)state;
	e.boot_ns += 300 * US;
	e.doubt_ns = 40 * US;
	assert_in_range(judge(&p, 13, e).pulse_acc_ns, 440 * US, 441 * US);
}

/* --- the kernel's side --- */

/* In place of a kernel with a pulse: edges at each second of CLOCK_REALTIME. */
static struct {
	int error;
} kernel;

int ioctl(int fd, unsigned long request, ...)
{
	struct pps_fdata *data;
	struct timespec now;
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (request != PPS_FETCH) {
		return (int)syscall(SYS_ioctl, fd, request, argument);
	}
	if (kernel.error != 0) {
		errno = kernel.error;
		return -1;
	}
	data = argument;
	assert_int_equal(data->timeout.flags & PPS_TIME_INVALID, 0); /* would block */
	clock_gettime(CLOCK_REALTIME, &now);
	data->info.assert_sequence = (uint32_t)now.tv_sec;
	data->info.assert_tu.sec = now.tv_sec;
	data->info.assert_tu.nsec = 5000;
	return 0;
}

static void edges_come_on_the_boot_clock(void **state)
{
	struct pulse_port port = PULSE_PORT_CLOSED;
	struct ubx_pulse_edge e;
	int64_t apart_us;

	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	assert_true(pulse_port_read(&port, "/dev/null", &e));
	apart_us = now_utc_us() - (int64_t)(now_boot_ns() / 1000) + (int64_t)(e.boot_ns / 1000);
	assert_in_range(apart_us % 1000000, 0, 2000); /* 5 us after a second, and this host's time
						       */
	assert_true(e.doubt_ns < S);
	port.offset_ns -= (int64_t)(3 * S); /* CLOCK_REALTIME is set meanwhile */
	assert_true(pulse_port_read(&port, "/dev/null", &e));
	assert_true(e.doubt_ns >= 3 * S - MS);
	pulse_port_close(&port);
	pulse_port_close(&port);
}

static void a_device_that_is_absent_or_goes_is_opened_again(void **state)
{
	struct pulse_port port = PULSE_PORT_CLOSED;
	struct ubx_pulse_edge e;

	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	assert_false(pulse_port_read(&port, "/nonexistent/pps0", &e));
	assert_int_equal(port.error, ENOENT);
	assert_true(pulse_port_read(&port, "/dev/null", &e));
	kernel.error = ENODEV;
	assert_false(pulse_port_read(&port, "/dev/null", &e));
	assert_int_equal(port.error, ENODEV);
	kernel.error = 0;
	assert_true(pulse_port_read(&port, "/dev/null", &e));
	assert_int_equal(port.error, 0);
	pulse_port_close(&port);
}

/* --- with a receiver --- */

#define FIXES 40 /* at 5 Hz: twice as long as a pulse takes to count */

/* A receiver with a pulse: true once a fix has it, false if so many fixes with a time have none. */
static bool gets_pulse(const struct ublox7_config *sim, struct gnss_fix *fix)
{
	struct receiver_config config = { .pulse = "/dev/null", .rate_ms = 200, .build_utc_us = 1 };
	struct ublox7_pty *pty;
	struct receiver *r;
	char err[200] = "";
	unsigned fixes = 0;
	bool used = false;

	memset(&kernel, 0, sizeof(kernel));
	pty = ublox7_pty_start(sim, err, sizeof(err));
	config.port = pty ? ublox7_pty_path(pty) : "";
	r = receiver_open(&config, err, sizeof(err));
	if (r == NULL) {
		fail_msg("%s", err);
	}
	while (!used && fixes < FIXES) {
		struct pollfd p = { .fd = receiver_fd(r), .events = POLLIN };

		assert_int_equal(poll(&p, 1, 60000), 1);
		if (receiver_process(r) > 0) {
			*fix = *receiver_fix(r);
			fixes += fix->time_known && fix->age_max_ns != UINT64_MAX;
			receiver_pulse(r, &used);
		}
	}
	receiver_close(r);
	ublox7_pty_stop(pty);
	return used;
}

static void fixes_of_a_receiver_have_its_pulse(void **state)
{
	struct ublox7_config sim;
	struct clock_stamp stamp;
	struct gnss_fix fix;
	int64_t error_us;

	(void)state;
	ublox7_config_default(&sim); /* its time is CLOCK_REALTIME */
	assert_true(gets_pulse(&sim, &fix));
	assert_true(clock_stamp_of_fix(&fix, &stamp));
	error_us = now_utc_us() - (int64_t)(now_boot_ns() / 1000) +
		   (int64_t)(stamp.boot_ns / 1000) - stamp.utc_us;
	assert_in_range(error_us + 1000, 0, 2000); /* of this host between two clocks */
	assert_true(stamp.acc_ns < 5 * MS);
}

/* It may begin at any other instant of the second. */
static void a_pulse_that_could_not_be_set_is_none(void **state)
{
	struct ublox7_config sim;
	struct gnss_fix fix;

	(void)state;
	ublox7_config_default(&sim);
	sim.refused_cfg = 0x31; /* CFG-TP5 */
	assert_false(gets_pulse(&sim, &fix));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_edge_counts_after_three_intervals),
		cmocka_unit_test(an_edge_that_is_not_as_it_should_be_does_not_count),
		cmocka_unit_test(after_a_missing_second_the_row_begins_again),
		cmocka_unit_test(the_second_is_that_of_the_edge_not_of_the_epoch),
		cmocka_unit_test(lateness_and_doubt_are_in_the_claim),
		cmocka_unit_test(edges_come_on_the_boot_clock),
		cmocka_unit_test(a_device_that_is_absent_or_goes_is_opened_again),
		cmocka_unit_test(fixes_of_a_receiver_have_its_pulse),
		cmocka_unit_test(a_pulse_that_could_not_be_set_is_none),
	};

	return cmocka_run_group_tests_name("ubx_pulse", tests, NULL, NULL);
}
