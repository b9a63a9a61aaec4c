// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "ublox7_pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "time/now.h"

#define MS 1000000ull
#define SLACK_NS \
	(1 * MS) /* bytes reach the program in groups of this size, as from a UART's FIFO */
#define CLOSED_CHECK_MS 5 /* nothing wakes poll() when a program opens the port */
#define QUEUE 4096

struct ublox7_pty {
	pthread_t thread;
	pthread_mutex_t lock; /* of sim */
	struct ublox7 sim;
	int master, stop; /* stop: eventfd */
	bool open; /* a program has the port */
	char path[64];
	/* Bytes of the program that are still to be sent, each with the end of its stop bit. */
	struct ublox7_byte queue[QUEUE];
	unsigned first, count;
	uint64_t wire_idle_ns;
	struct ublox7_uart uart; /* the program's UART */
};

/* The baud that the program set; 0 for one that no u-blox 7 has: then nothing is understood. */
static uint32_t host_baud(const struct ublox7_pty *p)
{
	static const struct {
		speed_t speed;
		uint32_t baud;
	} speeds[] = { { B4800, 4800 },	    { B9600, 9600 },	{ B19200, 19200 },
		       { B38400, 38400 },   { B57600, 57600 },	{ B115200, 115200 },
		       { B230400, 230400 }, { B460800, 460800 } };
	struct termios t;

	/* On Linux the master shows the slave's settings. */
	if (tcgetattr(p->master, &t) == 0) {
		for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++) {
			if (speeds[i].speed == cfgetospeed(&t)) {
				return speeds[i].baud;
			}
		}
	}
	return 0;
}

/* --- program to receiver --- */

static void take_written(struct ublox7_pty *p)
{
	uint8_t bytes[QUEUE];
	uint32_t baud = host_baud(p);
	ssize_t n = read(p->master, bytes, QUEUE - p->count);
	uint64_t t = now_ns();

	for (ssize_t i = 0; i < n; i++) {
		uint64_t start = p->wire_idle_ns > t ? p->wire_idle_ns : t;

		p->wire_idle_ns = start + ublox7_bits_ns(10, baud ? baud : 300);
		p->queue[(p->first + p->count++) % QUEUE] =
			(struct ublox7_byte){ bytes[i], baud, start, p->wire_idle_ns };
	}
}

/* --- receiver to program --- */

static void deliver(struct ublox7_pty *p, const uint8_t *bytes, size_t len)
{
	if (len && p->open && write(p->master, bytes, len) < (ssize_t)len) {
		p->sim.counters.overruns++; /* the program does not read: lost, as in a real port */
	}
}

/* Delivers the bytes that are complete by t to the program. */
static void drain(struct ublox7_pty *p, uint64_t t)
{
	struct ublox7_byte b;
	uint8_t bytes[512];
	size_t len = 0;
	uint32_t baud = 0;
	bool known = false;

	while (ublox7_next(&p->sim, t, &b)) {
		uint16_t received[UBLOX7_RECEIVED_MAX];

		if (!known) {
			baud = host_baud(p);
			known = true;
		}
		size_t n =
			ublox7_uart_receive(&p->uart, baud, b.value, b.baud, b.start_ns, received);

		for (size_t i = 0; i < n; i++) {
			/* A tty gives NUL for a byte with a framing error. */
			bytes[len++] = received[i] & UBLOX7_FRAMING_ERROR ? 0
									  : (uint8_t)received[i];
		}
		if (len > sizeof(bytes) - UBLOX7_RECEIVED_MAX) {
			deliver(p, bytes, len);
			len = 0;
		}
	}
	deliver(p, bytes, len);
}

/* Runs everything due by now, in order. Returns the time of the next event. */
static uint64_t advance(struct ublox7_pty *p)
{
	uint64_t t = now_ns();

	ublox7_set_utc(&p->sim, now_utc_us(), t);
	while (p->count && p->queue[p->first].end_ns <= t) {
		const struct ublox7_byte *b = &p->queue[p->first];

		drain(p, b->end_ns);
		ublox7_receive(&p->sim, b->value, b->baud, b->end_ns);
		p->first = (p->first + 1) % QUEUE;
		p->count--;
	}
	drain(p, t);
	uint64_t next = ublox7_deadline(&p->sim);

	return p->count && p->queue[p->first].end_ns < next ? p->queue[p->first].end_ns : next;
}

static void check_open(struct ublox7_pty *p)
{
	struct pollfd fd = { .fd = p->master, .events = POLLIN };
	bool open = poll(&fd, 1, 0) >= 0 && !(fd.revents & POLLHUP);

	if (p->open && !open) {
		tcflush(p->master, TCIOFLUSH); /* unread bytes are dropped before the next program
						*/
		p->count = 0;
	}
	p->open = open;
}

static void *run(void *arg)
{
	struct ublox7_pty *p = arg;

	for (;;) {
		pthread_mutex_lock(&p->lock);
		uint64_t next = advance(p);
		pthread_mutex_unlock(&p->lock);
		uint64_t t = now_ns(), wait = next > t + SLACK_NS ? next - t : SLACK_NS;

		if (!p->open && wait > CLOSED_CHECK_MS * MS) {
			wait = CLOSED_CHECK_MS * MS;
		}
		struct timespec timeout = { (time_t)(wait / 1000000000u),
					    (long)(wait % 1000000000u) };
		struct pollfd fds[2] = {
			{ .fd = p->stop, .events = POLLIN },
			{ .fd = p->open && p->count < QUEUE ? p->master : -1, .events = POLLIN },
		};

		ppoll(fds, 2, &timeout, NULL);
		if (fds[0].revents) {
			return NULL;
		}
		if (fds[1].revents & POLLIN) {
			take_written(p);
		}
		if (!p->open || fds[1].revents & POLLHUP) {
			check_open(p);
		}
	}
}

/* --- life --- */

static int open_master(struct ublox7_pty *p)
{
	p->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (p->master < 0 || grantpt(p->master) || unlockpt(p->master) ||
	    ptsname_r(p->master, p->path, sizeof(p->path))) {
		return -1;
	}
	/* Opened and closed once: from then on the master can see whether a program has it open. */
	int slave = open(p->path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	return slave < 0 ? -1 : close(slave);
}

struct ublox7_pty *ublox7_pty_start(const struct ublox7_config *config, char *err, size_t err_size)
{
	struct ublox7_pty *p = calloc(1, sizeof(*p));
	struct ublox7_config c = *config;
	sigset_t all, before;
	int rc;

	if (p == NULL) {
		snprintf(err, err_size, "no memory for a simulated receiver");
		return NULL;
	}
	p->stop = eventfd(0, EFD_CLOEXEC);
	if (p->stop < 0 || open_master(p)) {
		snprintf(err, err_size, "no pseudo terminal: %s", strerror(errno));
		goto fail;
	}
	c.utc_us = now_utc_us();
	ublox7_init(&p->sim, &c, now_ns());
	pthread_mutex_init(&p->lock, NULL);
	sigfillset(&all); /* the program's own threads handle signals */
	pthread_sigmask(SIG_BLOCK, &all, &before);
	rc = pthread_create(&p->thread, NULL, run, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0) {
		return p;
	}
	snprintf(err, err_size, "no thread for a simulated receiver: %s", strerror(rc));
	pthread_mutex_destroy(&p->lock);
fail:
	if (p->master > 0) {
		close(p->master);
	}
	if (p->stop >= 0) {
		close(p->stop);
	}
	free(p);
	return NULL;
}

const char *ublox7_pty_path(const struct ublox7_pty *p)
{
	return p->path;
}

void ublox7_pty_stop(struct ublox7_pty *p)
{
	if (p == NULL) {
		return;
	}
	eventfd_write(p->stop, 1);
	pthread_join(p->thread, NULL);
	pthread_mutex_destroy(&p->lock);
	close(p->master);
	close(p->stop);
	free(p);
}

void ublox7_pty_brown_out(struct ublox7_pty *p, uint32_t off_ms)
{
	pthread_mutex_lock(&p->lock);
	ublox7_brown_out(&p->sim, off_ms, now_ns());
	pthread_mutex_unlock(&p->lock);
}

void ublox7_pty_stick(struct ublox7_pty *p, bool stuck)
{
	pthread_mutex_lock(&p->lock);
	ublox7_stick(&p->sim, stuck);
	pthread_mutex_unlock(&p->lock);
}

void ublox7_pty_counters(struct ublox7_pty *p, struct ublox7_counters *out)
{
	pthread_mutex_lock(&p->lock);
	*out = p->sim.counters;
	pthread_mutex_unlock(&p->lock);
}
