// SPDX-License-Identifier: BSD-2-Clause
/*
 * The whole way in real time: ubx/receiver on the pty of the simulated receiver. What needs many
 * runs or exact times is in test_ubx_session.c, in virtual time; here is what only a kernel's tty
 * shows.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "ubx/receiver.h"
#include "userspace/sim/ublox7_pty.h"

#define LIMIT_S 60 /* only a fault takes that long */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct ublox7_pty *simulate(const struct ublox7_config *config)
{
	char err[200] = "";
	struct ublox7_pty *p = ublox7_pty_start(config, err, sizeof(err));

	if (p == NULL) {
		fail_msg("%s", err);
	}
	return p;
}

static struct receiver *receive(const char *port)
{
	const struct receiver_config config = { .port = port, .dyn_model = 4, .build_utc_us = 1 };
	char err[200] = "";
	struct receiver *r = receiver_open(&config, err, sizeof(err));

	if (r == NULL) {
		fail_msg("%s", err);
	}
	return r;
}

static bool has_fix(const struct receiver *r)
{
	const struct gnss_fix *fix = receiver_fix(r);

	return receiver_state(r) == RECEIVER_READY && fix && fix->position_known && fix->time_known;
}

/* Until each of them has a verified fix; the time that the slowest took. */
static double run_until_fix(struct receiver **r, size_t n)
{
	double begin = seconds();
	struct pollfd fds[32];

	for (;;) {
		size_t missing = 0, last = 0;

		for (size_t i = 0; i < n; i++) {
			fds[i] = (struct pollfd){ .fd = receiver_fd(r[i]), .events = POLLIN };
			if (!has_fix(r[i])) {
				missing++;
				last = i;
			}
		}
		if (missing == 0) {
			return seconds() - begin;
		}
		if (seconds() - begin > LIMIT_S) {
			fail_msg("%zu of %zu without a fix, one of them number %zu: %s", missing, n,
				 last, receiver_reason(r[last]));
		}
		poll(fds, (nfds_t)n, 1000);
		for (size_t i = 0; i < n; i++) {
			if (fds[i].revents) {
				assert_true(receiver_process(r[i]) >= 0);
			}
		}
	}
}

static void thirty_at_once_from_each_baud_and_mode_get_their_fix(void **state)
{
	static const uint32_t bauds[] = { 4800, 9600, 19200, 38400, 57600, 115200 };
	struct ublox7_pty *sim[30];
	struct receiver *r[30];

	(void)state;
	for (size_t i = 0; i < 30; i++) {
		struct ublox7_config config;

		ublox7_config_default(&config);
		config.seed = i;
		config.baud = bauds[i / 5];
		config.mode = (enum ublox7_mode)(i % 5);
		sim[i] = simulate(&config);
		r[i] = receive(ublox7_pty_path(sim[i]));
	}
	print_message("30 receivers at once, all verified with a fix after %.2f s\n",
		      run_until_fix(r, 30));
	for (size_t i = 0; i < 30; i++) {
		const struct gnss_fix *fix = receiver_fix(r[i]);
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		/* The simulator's time is this host's. */
		assert_in_range(fix->utc_us / 1000000, now.tv_sec - 30, now.tv_sec + 1);
		assert_in_range(fix->lat_e7, 460000000, 480000000);
		assert_string_equal(receiver_identity(r[i]), "1.00 (59842) 00070000 PROTVER 14.00");
		receiver_close(r[i]);
		ublox7_pty_stop(sim[i]);
	}
}

static void a_second_program_finds_it_configured_and_writes_nothing(void **state)
{
	struct ublox7_config config;
	struct ublox7_counters before, after;
	struct receiver *r;

	(void)state;
	ublox7_config_default(&config);
	struct ublox7_pty *sim = simulate(&config);

	r = receive(ublox7_pty_path(sim));
	run_until_fix(&r, 1);
	receiver_close(r);
	ublox7_pty_counters(sim, &before);
	r = receive(ublox7_pty_path(sim));
	run_until_fix(&r, 1);
	ublox7_pty_counters(sim, &after);
	assert_true(before.sets > 0);
	assert_int_equal(after.sets, before.sets);
	receiver_close(r);
	ublox7_pty_stop(sim);
}

static void a_brown_out_and_a_hang_are_got_over(void **state)
{
	struct ublox7_config config;
	struct ublox7_counters counters;
	struct receiver *r;

	(void)state;
	ublox7_config_default(&config);
	struct ublox7_pty *sim = simulate(&config);

	r = receive(ublox7_pty_path(sim));
	run_until_fix(&r, 1);
	ublox7_pty_brown_out(sim, 100);
	while (has_fix(r)) {
		struct pollfd fd = { .fd = receiver_fd(r), .events = POLLIN };

		poll(&fd, 1, 1000);
		receiver_process(r);
	}
	run_until_fix(&r, 1);
	ublox7_pty_counters(sim, &counters);
	assert_int_equal(counters.boots, 1);
	receiver_close(r);
	ublox7_pty_stop(sim);
}

/* --- the pty itself --- */

static int open_port(const char *path, speed_t speed)
{
	struct termios t;
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);

	assert_true(fd >= 0);
	assert_int_equal(tcgetattr(fd, &t), 0);
	cfmakeraw(&t);
	cfsetspeed(&t, speed);
	assert_int_equal(tcsetattr(fd, TCSAFLUSH, &t), 0);
	return fd;
}

/* Reads until `text` has come; false: the line hung up or 3 s went by without it. */
static bool hears(int fd, const char *text)
{
	char heard[8192];
	size_t len = 0;
	double end = seconds() + 3;

	while (seconds() < end && len < sizeof(heard)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		poll(&p, 1, 100);
		ssize_t n = read(fd, heard + len, sizeof(heard) - len);

		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			return false;
		}
		len += n > 0 ? (size_t)n : 0;
		if (memmem(heard, len, text, strlen(text))) {
			return true;
		}
	}
	return false;
}

static void the_port_is_heard_at_its_baud_only_and_again_after_closing(void **state)
{
	struct ublox7_config config;

	(void)state;
	ublox7_config_default(&config);
	struct ublox7_pty *sim = simulate(&config);

	for (int i = 0; i < 3; i++) {
		int fd = open_port(ublox7_pty_path(sim), B9600);

		assert_true(hears(fd, "$GPRMC,"));
		close(fd);
	}
	int fd = open_port(ublox7_pty_path(sim), B38400);

	assert_false(hears(fd, "$GPRMC,"));
	close(fd);
	ublox7_pty_stop(sim);
}

static void stopping_it_hangs_up(void **state)
{
	struct ublox7_config config;

	(void)state;
	ublox7_config_default(&config);
	struct ublox7_pty *sim = simulate(&config);
	int fd = open_port(ublox7_pty_path(sim), B9600);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ublox7_pty_stop(sim);
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_true(p.revents & POLLHUP);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thirty_at_once_from_each_baud_and_mode_get_their_fix),
		cmocka_unit_test(a_second_program_finds_it_configured_and_writes_nothing),
		cmocka_unit_test(a_brown_out_and_a_hang_are_got_over),
		cmocka_unit_test(the_port_is_heard_at_its_baud_only_and_again_after_closing),
		cmocka_unit_test(stopping_it_hangs_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
