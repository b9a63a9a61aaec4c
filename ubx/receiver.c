// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* CLOCK_BOOTTIME */
#include "receiver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "serial_port.h"
#include "time/civil.h"
#include "time/now.h"
#include "ubx_session.h"

#define MS 1000000ull
#define DEFAULT_BAUD 115200
#define DEFAULT_RATE_MS 1000
#define DEFAULT_MAX_HACC_MM 100000
#define REOPEN_MS 250 /* an absent port is tried this often */
#define BUSY_MS 1000 /* a busy one less often: its user is found by walking /proc */
#define UNSENT_RETRY_MS 2
#define REASON_SIZE 320
#define READS_AT_ONCE 16 /* a port with endless input must not block the caller */

struct receiver {
	char *path;
	struct ubx_session session;
	bool opened_before;
	struct serial_port port;
	int epoll_fd, timer_fd;
	uint64_t reopen_ns;
	uint32_t baud_pending; /* to be set once the driver has sent all; 0 none */
	bool want_write;
	uint64_t fixes_taken;
	struct ubx_session_config config;
	char why[SERIAL_PORT_WHY_SIZE]; /* why there is no port */
	char *reason; /* REASON_SIZE bytes, written by receiver_reason() */
};

/* The compiler's date; SOURCE_DATE_EPOCH makes it reproducible. */
static int64_t build_utc_us(void)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *text = __DATE__; /* "Nov 23 2026" */
	char name[4] = { text[0], text[1], text[2], '\0' };
	const char *at = strstr(months, name);
	const struct civil date = { .year = atoi(text + 7),
				    .month = at ? (int)(at - months) / 3 + 1 : 1,
				    .day = atoi(text + 4) };

	return (civil_to_s(&date) - 86400) * 1000000; /* the builder's zone may be ahead of UTC */
}

static uint16_t gps_week(int64_t utc_us)
{
	return (uint16_t)((utc_us / 1000000 - 315964800) / 604800); /* 1980-01-06 */
}

struct receiver *receiver_open(const struct receiver_config *config, char *err, size_t err_size)
{
	struct receiver *r = calloc(1, sizeof(*r));
	int64_t build = build_utc_us();
	struct epoll_event event = { .events = EPOLLIN };

	if (r == NULL) {
		snprintf(err, err_size, "out of memory");
		return NULL;
	}
	r->epoll_fd = r->timer_fd = r->port.fd = -1;
	r->config = (struct ubx_session_config){
		.baud = config->baud ? config->baud : DEFAULT_BAUD,
		.rate_ms = (uint16_t)(config->rate_ms ? config->rate_ms : DEFAULT_RATE_MS),
		.dyn_model = config->dyn_model,
		.save_to_bbr = config->save_to_bbr,
		.week = gps_week(build),
		.limits = {
			.max_hacc_mm = config->max_hacc_mm ? config->max_hacc_mm : DEFAULT_MAX_HACC_MM,
			.min_utc_us = config->build_utc_us ? config->build_utc_us : build,
		},
	};
	if (config->port == NULL || config->port[0] == '\0') {
		snprintf(err, err_size, "no serial port is named");
		goto fail;
	}
	if (config->rate_ms > UINT16_MAX ||
	    ubx_session_init(&r->session, &r->config, now_boot_ns()) != 0) {
		snprintf(err, err_size,
			 "%s: %u baud every %u ms: the rate must be 4800, 9600, 19200, 38400, "
			 "57600 or 115200 and carry an epoch's messages with a fifth to spare",
			 config->port, (unsigned)r->config.baud, config->rate_ms);
		goto fail;
	}
	r->path = strdup(config->port);
	r->reason = calloc(1, REASON_SIZE);
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	r->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (r->path == NULL || r->reason == NULL || r->epoll_fd < 0 || r->timer_fd < 0 ||
	    epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, r->timer_fd, &event) != 0) {
		snprintf(err, err_size, "%s: %s", config->port, strerror(errno));
		goto fail;
	}
	receiver_process(r);
	return r;
fail:
	receiver_close(r);
	return NULL;
}

void receiver_close(struct receiver *r)
{
	if (r == NULL) {
		return;
	}
	serial_port_close(&r->port);
	if (r->timer_fd >= 0) {
		close(r->timer_fd);
	}
	if (r->epoll_fd >= 0) {
		close(r->epoll_fd);
	}
	free(r->path);
	free(r->reason);
	free(r);
}

int receiver_fd(const struct receiver *r)
{
	return r->epoll_fd;
}

static void lose_port(struct receiver *r, const char *what, int error, uint64_t now)
{
	snprintf(r->why, sizeof(r->why), "%s: %s: %s: unplugged?", r->port.device, what,
		 strerror(error));
	serial_port_close(&r->port); /* leaves epoll by itself: the descriptor has no copies */
	r->reopen_ns = now; /* at once the first time: a hang-up may be over already */
}

static int try_open(struct receiver *r, uint64_t now)
{
	struct epoll_event event = { .events = EPOLLIN };

	int error = serial_port_open(&r->port, r->path, r->config.baud, r->why, sizeof(r->why));

	if (error < 0) {
		r->reopen_ns = now + (error == -EBUSY ? BUSY_MS : REOPEN_MS) * MS;
		return 0;
	}
	if (epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, r->port.fd, &event) != 0) {
		error = errno;
		lose_port(r, "epoll", error, now);
		return -error;
	}
	r->want_write = false;
	r->baud_pending = 0;
	ubx_session_restart(&r->session, r->opened_before ? UBX_CAUSE_PORT : UBX_CAUSE_START, now);
	r->opened_before = true;
	return 0;
}

/* All that the port has now, up to a bound: the rest makes the descriptor readable again. */
static void take_bytes(struct receiver *r)
{
	uint8_t buf[1024];

	for (int i = 0; i < READS_AT_ONCE && r->port.fd >= 0; i++) {
		ssize_t n = read(r->port.fd, buf, sizeof(buf));

		if (n > 0) {
			ubx_session_rx(&r->session, buf, (size_t)n, now_boot_ns());
		} else if (n == 0) {
			lose_port(r, "read", EIO, now_boot_ns()); /* hang-up */
		} else if (errno != EINTR) {
			if (errno != EAGAIN) {
				lose_port(r, "read", errno, now_boot_ns());
			}
			return;
		}
	}
}

static void watch_write(struct receiver *r, bool want)
{
	struct epoll_event event = { .events = EPOLLIN | (want ? EPOLLOUT : 0u) };

	if (want != r->want_write && r->port.fd >= 0) {
		epoll_ctl(r->epoll_fd, EPOLL_CTL_MOD, r->port.fd, &event);
		r->want_write = want;
	}
}

/* Carries out what the session wants; leaves early where the port is not ready. */
static void give_bytes(struct receiver *r)
{
	struct ubx_output out;
	bool full = false;

	while (r->port.fd >= 0 && !full) {
		if (r->baud_pending) {
			if (serial_port_unsent(&r->port) > 0) {
				return;
			}
			if (serial_port_set_baud(&r->port, r->baud_pending) != 0) {
				lose_port(r, "set baud", errno, now_boot_ns());
				return;
			}
			r->baud_pending = 0;
		}
		if (!ubx_tx_output(&r->session.tx, &out)) {
			break;
		}
		if (out.baud) {
			r->baud_pending = out.baud;
			continue;
		}
		ssize_t n = write(r->port.fd, out.bytes, out.len);

		if (n >= 0) {
			ubx_tx_written(&r->session.tx, (size_t)n, now_boot_ns());
		} else if (errno == EAGAIN) {
			full = true;
		} else if (errno != EINTR) {
			lose_port(r, "write", errno, now_boot_ns());
		}
	}
	watch_write(r, full);
}

static void arm_timer(struct receiver *r, uint64_t now)
{
	uint64_t at = r->reopen_ns;
	struct itimerspec timer = { .it_value = { 0 } };

	if (r->port.fd >= 0) {
		at = ubx_session_deadline(&r->session);
		if (r->baud_pending && at > now + UNSENT_RETRY_MS * MS) {
			at = now + UNSENT_RETRY_MS * MS;
		}
	}
	if (at <= now) {
		at = now + 1;
	}
	timer.it_value.tv_sec = (time_t)(at / 1000000000ull);
	timer.it_value.tv_nsec = (long)(at % 1000000000ull);
	timerfd_settime(r->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

int receiver_process(struct receiver *r)
{
	uint64_t now = now_boot_ns(), expired;
	int status = 0, fixes;

	if (read(r->timer_fd, &expired, sizeof(expired)) < 0 && errno != EAGAIN && errno != EINTR) {
		return -errno;
	}
	if (r->port.fd < 0 && now >= r->reopen_ns) {
		status = try_open(r, now);
	}
	if (r->port.fd >= 0) {
		take_bytes(r);
	}
	if (r->port.fd >= 0) {
		ubx_session_tick(&r->session, now_boot_ns());
		give_bytes(r);
	}
	arm_timer(r, now_boot_ns());
	fixes = (int)(r->session.fixes - r->fixes_taken);
	r->fixes_taken = r->session.fixes;
	return status < 0 ? status : fixes;
}

const struct gnss_fix *receiver_fix(const struct receiver *r)
{
	return ubx_session_fix(&r->session, now_boot_ns());
}

enum receiver_state receiver_state(const struct receiver *r)
{
	if (r->port.fd < 0) {
		return RECEIVER_NO_PORT;
	}
	switch (r->session.phase) {
	case UBX_PROBE:
	case UBX_SWEEP:
	case UBX_DWELL:
		return RECEIVER_PROBING;
	case UBX_CONFIGURE:
		return RECEIVER_CONFIGURING;
	case UBX_RUN:
		break;
	}
	return r->session.verified ? RECEIVER_READY : RECEIVER_CONFIGURING;
}

static const char *probing_reason(const struct ubx_session *s)
{
	if (s->last_frame_ns) {
		return "UBX received, but no poll is answered: check the line to the receiver's RX; its fixes are used as they come";
	}
	if (s->rx_nmea) {
		return "NMEA received, but no UBX answer yet";
	}
	if (s->rx_any) {
		return "bytes received, but none of them readable yet";
	}
	return "nothing received: check the receiver's power and its TX line";
}

/* The first step that is not as wanted. */
static void describe_difference(const struct ubx_steps *steps, char *out, size_t size)
{
	int i = ubx_steps_first_difference(steps);
	const struct ubx_step *step = i < 0 ? NULL : &steps->profile.step[i];
	const struct ubx_step_state *st = i < 0 ? NULL : &steps->state[i];

	if (st && st->phase == UBX_STEP_UNANSWERED) {
		snprintf(out, size, "%s is not answered", ubx_messages[step->message].name);
	} else if (st && st->phase == UBX_STEP_DIFFERS) {
		snprintf(out, size, "%s %s: wanted %lld, got %lld",
			 ubx_messages[step->message].name,
			 ubx_fields[step->want[st->want].field].name,
			 (long long)step->want[st->want].value, (long long)st->got);
	} else {
		snprintf(out, size, "settings are being read and compared");
	}
}

const char *receiver_reason(const struct receiver *r)
{
	char text[200];

	switch (receiver_state(r)) {
	case RECEIVER_NO_PORT:
		return r->why;
	case RECEIVER_PROBING:
		snprintf(r->reason, REASON_SIZE, "%s (%s): %s", r->port.device, r->port.uart,
			 probing_reason(&r->session));
		break;
	case RECEIVER_CONFIGURING:
		describe_difference(&r->session.steps, text, sizeof(text));
		snprintf(r->reason, REASON_SIZE, "%s (%s): %s", r->port.device, r->port.uart, text);
		break;
	case RECEIVER_READY:
		snprintf(r->reason, REASON_SIZE, "%s (%s): verified at %u baud", r->port.device,
			 r->port.uart, (unsigned)r->session.tx.baud);
		break;
	}
	return r->reason;
}

const char *receiver_identity(const struct receiver *r)
{
	return r->session.identity;
}

void receiver_counters(const struct receiver *r, struct receiver_counters *out)
{
	const struct ubx_session *s = &r->session;

	*out = (struct receiver_counters){
		.rx_bytes = s->rx.bytes_in,
		.tx_bytes = s->tx.bytes,
		.rx_frames = s->rx.frames,
		.rx_garbage = s->rx.garbage_bytes,
		.checksum_errors = s->rx.checksum_errors,
		.naks = s->counters.naks,
		.timeouts = s->steps.timeouts,
		.restarts = s->counters.restarts,
		.epochs_missed = s->counters.epochs_missed,
		.sets = s->steps.sets,
	};
}

const struct ubx_health *receiver_health(const struct receiver *r)
{
	return &r->session.health;
}

void receiver_assist(struct receiver *r, const struct ubx_assist *known)
{
	struct ubx_assist assist = *known;

	assist.at_ns = now_boot_ns();
	ubx_session_assist(&r->session, &assist);
}
