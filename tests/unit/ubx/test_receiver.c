// SPDX-License-Identifier: BSD-2-Clause
/* The edge: real pseudo terminals, real time; what the receiver does with its configuration is in
 * test_ubx_session.c. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "ubx/receiver.h"
#include "ubx/serial_port.h"
#include "ubx/ubx_msg.h"
#include "ubx_files.h"

#define LIMIT_S 20 /* far beyond what anything here takes; only a hang reaches it */

static char folder[] = "/tmp/test_receiver_XXXXXX";
static char link_path[64];

struct pty {
	int master;
	char name[64];
};

static struct pty pty_new(void)
{
	struct pty p = { .master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK) };

	assert_true(p.master >= 0);
	assert_int_equal(grantpt(p.master), 0);
	assert_int_equal(unlockpt(p.master), 0);
	assert_int_equal(ptsname_r(p.master, p.name, sizeof(p.name)), 0);
	return p;
}

static void point_link_at(const char *target)
{
	unlink(link_path);
	assert_int_equal(symlink(target, link_path), 0);
}

static struct receiver *receiver_on(const char *port)
{
	const struct receiver_config config = { .port = port, .dyn_model = 4, .build_utc_us = 1 };
	char err[200] = "";
	struct receiver *r = receiver_open(&config, err, sizeof(err));

	if (r == NULL) {
		fail_msg("%s", err);
	}
	return r;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Works until the state is reached; drains what the receiver writes. */
static void until_state(struct receiver *r, int master, enum receiver_state state)
{
	double limit = seconds() + LIMIT_S;
	char sink[512];

	while (receiver_state(r) != state) {
		struct pollfd p = { .fd = receiver_fd(r), .events = POLLIN };

		if (seconds() > limit) {
			fail_msg("state %d, wanted %d: %s", receiver_state(r), state,
				 receiver_reason(r));
		}
		poll(&p, 1, 100);
		assert_true(receiver_process(r) >= 0);
		while (master >= 0 && read(master, sink, sizeof(sink)) > 0) {
		}
	}
}

static unsigned open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d)) {
		n++;
	}
	closedir(d);
	return n;
}

static void impossible_configurations_are_refused_with_words(void **state)
{
	static const struct {
		struct receiver_config config;
		const char *word;
	} v[] = {
		{ { .port = NULL }, "no serial port" },
		{ { .port = "" }, "no serial port" },
		{ { .port = "/dev/x", .baud = 12345 }, "12345" },
		{ { .port = "/dev/x", .baud = 5000 }, "must be 4800, 9600" },
		{ { .port = "/dev/x", .baud = 230400 }, "must be 4800, 9600" },
		{ { .port = "/dev/x", .baud = 9600, .rate_ms = 100 },
		  "124 bytes each are 1240 B/s, and 9600 baud carry 768 (80 % of 960): must be 162 ms" },
		{ { .port = "/dev/x", .rate_ms = 70000 }, "70000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		char err[200] = "";

		assert_null(receiver_open(&v[i].config, err, sizeof(err)));
		assert_non_null(strstr(err, v[i].word));
	}
	receiver_close(NULL);
}

static void a_port_that_is_none_is_named_and_does_not_stop_anything(void **state)
{
	char file[80];
	static const struct {
		const char *path, *word;
	} v[] = {
		{ "/dev/this-is-not-there", "No such file" },
		{ "/dev/null", "not a terminal" },
		{ NULL, "not a serial port" }, /* a regular file */
		{ "/", "not a serial port" },
	};

	(void)state;
	snprintf(file, sizeof(file), "%s/file", folder);
	fclose(fopen(file, "w"));
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		const char *path = v[i].path ? v[i].path : file;
		struct receiver *r = receiver_on(path);

		assert_int_equal(receiver_state(r), RECEIVER_NO_PORT);
		assert_non_null(strstr(receiver_reason(r), v[i].word));
		assert_non_null(strstr(receiver_reason(r), path));
		assert_null(receiver_fix(r));
		receiver_close(r);
	}
	unlink(file);
}

static void the_port_is_raw_and_silent_from_the_first_byte(void **state)
{
	struct pty p = pty_new();
	struct receiver *r;
	struct termios t;
	char back[64];
	ssize_t n;

	(void)state;
	/* As another program left it: cfmakeraw() does not clear these two. */
	assert_int_equal(tcgetattr(p.master, &t), 0);
	t.c_iflag |= IXOFF | IXANY;
	assert_int_equal(tcsetattr(p.master, TCSANOW, &t), 0);
	r = receiver_on(p.name);
	assert_int_equal(tcgetattr(p.master, &t), 0);
	assert_int_equal(t.c_lflag & (ECHO | ICANON | ISIG), 0);
	assert_int_equal(t.c_iflag & (IXON | IXOFF | IXANY | ICRNL | ISTRIP), 0);
	assert_int_equal(t.c_oflag & OPOST, 0);
	assert_int_equal(t.c_cflag & (CSIZE | PARENB | CSTOPB), CS8);
	assert_int_equal(cfgetospeed(&t), B115200);
	/* What the receiver says does not come back to it: only the wake byte and polls are there.
	 */
	assert_int_equal(write(p.master, "$GPTXT,01\r\n", 11), 11);
	n = read(p.master, back, sizeof(back));
	assert_in_range(n, 17, 17);
	assert_int_equal((uint8_t)back[0], 0xFF);
	assert_int_equal((uint8_t)back[1], 0xB5);
	receiver_close(r);
	close(p.master);
}

/* A recording: nobody answers, but what is said is a fix all the same, and the state says so. */
static void a_receiver_that_only_talks_gives_its_fixes(void **state)
{
	static struct ubx_file file;
	struct pty p = pty_new();
	struct receiver *r = receiver_on(p.name);
	size_t at = 0, begin = 0, size;
	unsigned epochs = 0;
	double limit = seconds() + LIMIT_S;
	struct receiver_counters c;

	(void)state;
	ubx_file_read(&file, "navisys-gr8013.log");
	for (; (size = ubx_next_frame(file.bytes, file.len, &at)) != 0; at += size) {
		const uint8_t *pvt = file.bytes + at + 6;
		struct gnss_fix want;
		const struct gnss_limits limits = { .max_hacc_mm = 100000,
						    .max_utc_us = INT64_MAX };
		int got = 0;
		char sink[512];

		if (ubx_msg_find(pvt[-4], pvt[-3]) != UBX_NAV_PVT) {
			continue;
		}
		/* All from the end of the epoch before: comments and other messages are in it too.
		 */
		assert_int_equal(write(p.master, file.bytes + begin, at + size - begin),
				 at + size - begin);
		begin = at + size;
		assert_true(gnss_fix_from_pvt(&want, pvt, size - 8, 1, &limits));
		while (got == 0 && seconds() < limit) {
			struct pollfd f = { .fd = receiver_fd(r), .events = POLLIN };

			poll(&f, 1, 100);
			got = receiver_process(r);
			while (read(p.master, sink, sizeof(sink)) > 0) {
			}
		}
		assert_int_equal(got, 1);
		assert_non_null(receiver_fix(r));
		assert_true(receiver_fix(r)->position_known && receiver_fix(r)->time_known);
		assert_int_equal(receiver_fix(r)->lat_e7, want.lat_e7);
		assert_int_equal(receiver_fix(r)->lon_e7, want.lon_e7);
		assert_int_equal(receiver_fix(r)->utc_us, want.utc_us);
		epochs++;
	}
	assert_int_equal(epochs, 35);
	assert_int_equal(receiver_state(r), RECEIVER_PROBING);
	assert_non_null(strstr(receiver_reason(r), "no poll is answered"));
	receiver_counters(r, &c);
	assert_int_equal(c.rx_bytes, begin);
	receiver_close(r);
	close(p.master);
}

/* More than the queue holds, as after a stall of this process. */
#define AT_ONCE 44

static void fixes_that_come_at_once_are_given_one_by_one(void **state)
{
	static struct ubx_file file;
	struct pty p = pty_new();
	struct receiver *r = receiver_on(p.name);
	uint32_t itow_ms[AT_ONCE];
	unsigned wanted = 0, given = 0;
	double limit = seconds() + LIMIT_S;
	char sink[512];

	(void)state;
	ubx_file_read(&file, "gr701w-derived-pvt84.ubx");
	for (size_t at = 0; wanted < AT_ONCE; at += 92, wanted++) {
		itow_ms[wanted] = (uint32_t)ubx_msg_get(file.bytes + at + 6, UBX_NAV_PVT_iTOW, 0);
	}
	assert_int_equal(write(p.master, file.bytes, AT_ONCE * 92), AT_ONCE * 92);
	while (given < wanted && seconds() < limit) {
		struct pollfd f = { .fd = receiver_fd(r), .events = POLLIN };
		int got;

		poll(&f, 1, 1000);
		got = receiver_process(r);
		assert_in_range(got, 0, 1);
		while (read(p.master, sink, sizeof(sink)) > 0) {
		}
		if (got == 1) {
			assert_non_null(receiver_fix(r));
			assert_int_equal(receiver_fix(r)->itow_ms, itow_ms[given++]);
		}
	}
	assert_int_equal(given, wanted);
	receiver_close(r);
	close(p.master);
}

static void unplugged_and_plugged_in_elsewhere_it_goes_on(void **state)
{
	struct pty p = pty_new();
	struct receiver *r;
	int fd;

	(void)state;
	point_link_at(p.name);
	r = receiver_on(link_path);
	fd = receiver_fd(r);
	until_state(r, p.master, RECEIVER_PROBING);
	close(p.master);
	until_state(r, -1, RECEIVER_NO_PORT);
	assert_non_null(strstr(receiver_reason(r), p.name));
	p = pty_new(); /* another number, as a USB device gets one; the by-id link follows */
	point_link_at(p.name);
	until_state(r, p.master, RECEIVER_PROBING);
	assert_non_null(strstr(receiver_reason(r), p.name));
	assert_int_equal(receiver_fd(r), fd);
	receiver_close(r);
	close(p.master);
	unlink(link_path);
}

static void a_thousand_hang_ups_leave_no_descriptor_behind(void **state)
{
	struct pty p = pty_new();
	struct receiver *r;
	unsigned descriptors;

	(void)state;
	point_link_at(p.name);
	r = receiver_on(link_path);
	until_state(r, p.master, RECEIVER_PROBING);
	descriptors = open_descriptors();
	for (unsigned i = 0; i < 1000; i++) {
		struct pty next = pty_new(); /* before the old one goes: else it gets the same
						number */
		struct pollfd f = { .fd = receiver_fd(r), .events = POLLIN };

		point_link_at(next.name);
		close(p.master);
		p = next;
		assert_int_equal(poll(&f, 1, LIMIT_S * 1000), 1);
		assert_true(receiver_process(r) >= 0);
		until_state(r, p.master, RECEIVER_PROBING);
	}
	assert_int_equal(open_descriptors(), descriptors);
	receiver_close(r);
	close(p.master);
	unlink(link_path);
}

/* Runs in a child: holds the port in one way or another until it is told to end. */
static pid_t holder(void (*hold)(const char *), const char *port)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ready[0]);
		hold(port);
		if (write(ready[1], "x", 1) != 1) {
			_exit(1);
		}
		for (;;) {
			pause();
		}
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void hold_by_lock(const char *port)
{
	int fd = open(port, O_RDWR | O_NOCTTY);

	if (fd < 0 || flock(fd, LOCK_EX) != 0) {
		_exit(1);
	}
}

static void hold_as_terminal(const char *port)
{
	/* What a getty does. */
	if (setsid() < 0 || open(port, O_RDWR) < 0) {
		_exit(1);
	}
	signal(SIGHUP, SIG_IGN);
}

static void a_port_that_another_process_holds_is_explained_and_taken_when_free(void **state)
{
	static void (*const holds[])(const char *) = { hold_by_lock, hold_as_terminal };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pty p = pty_new();
		pid_t pid = holder(holds[i], p.name);
		struct receiver *r = receiver_on(p.name);
		char number[20];

		snprintf(number, sizeof(number), "pid %ld", (long)pid);
		assert_int_equal(receiver_state(r), RECEIVER_NO_PORT);
		assert_non_null(strstr(receiver_reason(r), p.name));
		assert_non_null(strstr(receiver_reason(r), number));
		assert_non_null(strstr(receiver_reason(r), "test_receiver"));
		end(pid);
		until_state(r, p.master, RECEIVER_PROBING);
		receiver_close(r);
		close(p.master);
	}
}

static void two_receivers_do_not_share_a_port(void **state)
{
	struct pty p = pty_new();
	struct receiver *first = receiver_on(p.name), *second = receiver_on(p.name);

	(void)state;
	assert_int_equal(receiver_state(first), RECEIVER_PROBING);
	assert_int_equal(receiver_state(second), RECEIVER_NO_PORT);
	receiver_close(first);
	until_state(second, p.master, RECEIVER_PROBING);
	receiver_close(second);
	close(p.master);
}

static void on_alarm(int number)
{
	(void)number;
}

static void signals_in_the_middle_change_nothing(void **state)
{
	struct sigaction action = { .sa_handler = on_alarm }; /* no SA_RESTART: calls end with EINTR
							       */
	struct itimerspec every = { .it_value = { .tv_nsec = 200000 },
				    .it_interval = { .tv_nsec = 200000 } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct pty p = pty_new();
	struct receiver *r;
	struct receiver_counters c;
	timer_t timer;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &every, NULL), 0);
	r = receiver_on(p.name);
	for (unsigned i = 0; i < 2000; i++) {
		static const uint8_t ack[] = { 0xB5, 0x62, 5, 1, 2, 0, 6, 1, 0x0F, 0x38 };
		char sink[512];

		while (write(p.master, ack, sizeof(ack)) != sizeof(ack)) {
			receiver_process(r);
		}
		assert_true(receiver_process(r) >= 0);
		while (read(p.master, sink, sizeof(sink)) > 0) {
		}
	}
	timer_delete(timer);
	receiver_process(r);
	receiver_counters(r, &c);
	assert_int_equal(c.rx_frames, 2000);
	assert_int_equal(c.rx_garbage, 0);
	receiver_close(r);
	close(p.master);
}

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL) {
		return -1;
	}
	snprintf(link_path, sizeof(link_path), "%s/gnss", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(link_path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(impossible_configurations_are_refused_with_words),
		cmocka_unit_test(a_port_that_is_none_is_named_and_does_not_stop_anything),
		cmocka_unit_test(the_port_is_raw_and_silent_from_the_first_byte),
		cmocka_unit_test(a_receiver_that_only_talks_gives_its_fixes),
		cmocka_unit_test(fixes_that_come_at_once_are_given_one_by_one),
		cmocka_unit_test(unplugged_and_plugged_in_elsewhere_it_goes_on),
		cmocka_unit_test(a_thousand_hang_ups_leave_no_descriptor_behind),
		cmocka_unit_test(
			a_port_that_another_process_holds_is_explained_and_taken_when_free),
		cmocka_unit_test(two_receivers_do_not_share_a_port),
		cmocka_unit_test(signals_in_the_middle_change_nothing),
	};

	return cmocka_run_group_tests_name("receiver", tests, make_folder, remove_folder);
}
