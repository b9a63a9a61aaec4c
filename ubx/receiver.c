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

#include "pulse_port.h"
#include "serial_port.h"
#include "time/civil.h"
#include "time/now.h"
#include "ubx_pulse.h"
#include "ubx_session.h"

#define MS 1000000ull
#define DEFAULT_BAUD 115200
#define DEFAULT_RATE_MS 1000
#define DEFAULT_MAX_HACC_MM 100000
#define REOPEN_MS 250 /* an absent port is tried this often */
#define BUSY_MS 1000 /* a busy one less often: its user is found by walking /proc */
#define UNSENT_RETRY_MS 2
#define LIMITS_SIZE 400
#define REASON_SIZE (LIMITS_SIZE + 150)
#define PULSE_LOST_MS 10000 /* a fix may be without: one answers a poll, one pulse came late */
#define PULSE_STOPPED_MS 3000
#define READS_AT_ONCE 16 /* a port with endless input must not block the caller */

struct receiver {
	char *path;
	struct ubx_session session;
	bool opened_before;
	struct serial_port port;
	char *pulse_path; /* NULL: not connected */
	struct pulse_port pulse_port;
	struct ubx_pulse pulse;
	uint64_t edge_ns, pulse_ns; /* the newest edge; the newest that a fix has; 0: none */
	int epoll_fd, timer_fd;
	uint64_t reopen_ns;
	uint32_t baud_pending; /* to be set once the driver has sent all; 0 none */
	bool want_write;
	bool fix_is_new;
	struct gnss_fix fix; /* the last one given */
	struct ubx_session_config config;
	char why[SERIAL_PORT_WHY_SIZE]; /* why there is no port */
	/* LIMITS_SIZE and REASON_SIZE bytes, written by the functions of these names */
	char *limits, *reason;
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

bool receiver_config_check(const struct receiver_config *config, char *err, size_t err_size)
{
	unsigned baud = config->baud ? config->baud : DEFAULT_BAUD;
	unsigned rate_ms = config->rate_ms ? config->rate_ms : DEFAULT_RATE_MS;
	unsigned min_ms;

	if (!ubx_profile_has_baud(baud)) {
		snprintf(err, err_size,
			 "%u baud: must be 4800, 9600, 19200, 38400, 57600 or 115200", baud);
		return false;
	}
	min_ms = ubx_profile_rate_ms(baud, 1, UBX_EPOCH_BYTES);
	if (rate_ms < min_ms) {
		snprintf(
			err, err_size,
			"a fix every %u ms at %u baud: %u bytes each are %u B/s, and %u baud carry "
			"%u (80 %% of %u): must be %u ms or more",
			rate_ms, baud, UBX_EPOCH_BYTES, UBX_EPOCH_BYTES * 1000 / rate_ms, baud,
			(unsigned)ubx_profile_capacity(baud), baud / 10, min_ms);
		return false;
	}
	if (rate_ms > UINT16_MAX) {
		snprintf(err, err_size, "a fix every %u ms: must be at most %u ms", rate_ms,
			 UINT16_MAX);
		return false;
	}
	return true;
}

static struct ubx_session_config session_config(const struct receiver_config *config)
{
	int64_t build = build_utc_us();
	int64_t min = config->build_utc_us ? config->build_utc_us : build;

	return (struct ubx_session_config){
		.baud = config->baud ? config->baud : DEFAULT_BAUD,
		.rate_ms = (uint16_t)(config->rate_ms ? config->rate_ms : DEFAULT_RATE_MS),
		.dyn_model = config->dyn_model,
		.save_to_bbr = config->save_to_bbr,
		.week = gps_week(build),
		.limits = {
			.max_hacc_mm = config->max_hacc_mm ? config->max_hacc_mm : DEFAULT_MAX_HACC_MM,
			.min_utc_us = min,
			.max_utc_us = (min > build ? min : build) + GNSS_ROLLOVER_US,
		},
	};
}

struct receiver *receiver_open(const struct receiver_config *config, char *err, size_t err_size)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct receiver *r;
	char why[200];

	if (config->port == NULL || config->port[0] == '\0') {
		snprintf(err, err_size, "no serial port is named");
		return NULL;
	}
	if (!receiver_config_check(config, why, sizeof(why))) {
		snprintf(err, err_size, "%s: %s", config->port, why);
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (r == NULL) {
		snprintf(err, err_size, "out of memory");
		return NULL;
	}
	r->port.fd = -1;
	r->pulse_port = PULSE_PORT_CLOSED;
	r->config = session_config(config);
	ubx_session_init(&r->session, &r->config, now_boot_ns());
	r->path = strdup(config->port);
	if (config->pulse != NULL && strcmp(config->pulse, "none") != 0) {
		r->pulse_path = strdup(config->pulse); /* without memory it goes without a pulse */
	}
	r->limits = calloc(1, LIMITS_SIZE);
	r->reason = calloc(1, REASON_SIZE);
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	r->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (r->path == NULL || r->limits == NULL || r->reason == NULL || r->epoll_fd < 0 ||
	    r->timer_fd < 0 || epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, r->timer_fd, &event) != 0) {
		snprintf(err, err_size, "%s: %s", config->port, strerror(errno));
		receiver_close(r);
		return NULL;
	}
	receiver_process(r);
	return r;
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
	pulse_port_close(&r->pulse_port);
	free(r->pulse_path);
	free(r->path);
	free(r->limits);
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
	uint8_t buf[FIX_QUEUE_READ];

	for (int i = 0;
	     i < READS_AT_ONCE && r->port.fd >= 0 && fix_queue_has_room(&r->session.queue); i++) {
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
	if (at <= now || r->session.queue.count > 0) {
		at = now + 1;
	}
	timer.it_value.tv_sec = (time_t)(at / 1000000000ull);
	timer.it_value.tv_nsec = (long)(at % 1000000000ull);
	timerfd_settime(r->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

/* The pulse that came before this fix, if it is the receiver's as CFG-TP5 has it. */
static void add_pulse(struct receiver *r)
{
	struct ubx_pulse_edge edge;

	if (r->pulse_path == NULL || r->session.phase != UBX_RUN ||
	    !ubx_steps_has(&r->session.steps, UBX_CFG_TP5)) {
		r->pulse = (struct ubx_pulse){ 0 };
		return;
	}
	if (pulse_port_read(&r->pulse_port, r->pulse_path, &edge)) {
		r->edge_ns = edge.boot_ns;
		ubx_pulse_judge(&r->pulse, &r->fix, &edge);
	}
	r->pulse_ns = r->fix.pulse_ns ? r->fix.pulse_ns : r->pulse_ns;
}

int receiver_process(struct receiver *r)
{
	uint64_t now = now_boot_ns(), expired;
	int status = 0;

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
	if (status < 0) {
		return status;
	}
	r->fix_is_new = fix_queue_take(&r->session.queue, &r->fix);
	if (r->fix_is_new) {
		add_pulse(r);
	}
	arm_timer(r, now_boot_ns());
	return r->fix_is_new;
}

const struct gnss_fix *receiver_fix(const struct receiver *r)
{
	/* A new one counts however long this process was busy. */
	return r->fix_is_new || (r->session.fixes > 0 &&
				 ubx_session_fix(&r->session, now_boot_ns()) != NULL)
		       ? &r->fix
		       : NULL;
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
	return r->session.verified && !r->session.split_epoch ? RECEIVER_READY : RECEIVER_LIMITED;
}

enum ubx_silence receiver_silence(const struct receiver *r)
{
	return r->port.fd < 0 ? UBX_SILENCE_NONE : ubx_session_silence(&r->session, now_boot_ns());
}

/* Before it is decided. */
static const char *evidence_text(enum ubx_silence evidence)
{
	static const char *const texts[] = {
		[UBX_SILENCE_NONE] = "settings are being read and compared",
		[UBX_SILENCE_TOTAL] = "nothing received yet",
		[UBX_SILENCE_UNREADABLE] = "bytes received, none of them readable yet",
		[UBX_SILENCE_NMEA_ONLY] = "NMEA received, no UBX answer yet",
		[UBX_SILENCE_UNANSWERED] = "UBX received, but no poll is answered yet",
		[UBX_SILENCE_REFUSED] = "a poll was refused",
		[UBX_SILENCE_ECHO] = "what is sent comes back",
	};

	return texts[evidence];
}

static const char *silence_text(enum ubx_silence silence)
{
	static const char *const texts[] = {
		[UBX_SILENCE_NONE] = "",
		[UBX_SILENCE_TOTAL] = "not a byte at any rate: check its power, and that its TX is "
				      "connected to our RX (wires swapped?)",
		[UBX_SILENCE_UNREADABLE] =
			"bytes, but none of them readable at any rate from 4800 to 460800 baud: check "
			"ground and level of the line, or another kind of device",
		[UBX_SILENCE_NMEA_ONLY] =
			"NMEA only, no answer to UBX at any rate: its RX is not connected to our TX, or "
			"it is no u-blox receiver; it is not used",
		[UBX_SILENCE_UNANSWERED] =
			"UBX received, but no poll is answered: check the line to the receiver's RX; its "
			"fixes are used as they come",
		[UBX_SILENCE_REFUSED] =
			"it refuses its configuration (NAK): only polled fixes are used",
		[UBX_SILENCE_ECHO] =
			"what is sent comes back: TX and RX are connected to each other",
	};

	return texts[silence];
}

/* A step that is over and not as wanted, as text at the end of `out`. */
static void describe_step(const struct ubx_step *step, const struct ubx_step_state *st, char *out,
			  size_t size)
{
	const char *name = ubx_messages[ubx_step_subject(step)].name,
		   *without = ubx_step_without(step);
	size_t used = strlen(out);
	const char *between = used ? "; " : "";

	out += used;
	size -= used;
	switch (st->phase) {
	case UBX_STEP_ABSENT:
		snprintf(out, size, "%s%s not in this receiver: %s", between, name, without);
		break;
	case UBX_STEP_REFUSED:
		snprintf(out, size, "%s%s refused: %s", between, name, without);
		break;
	case UBX_STEP_UNANSWERED:
		snprintf(out, size, "%s%s not answered: %s", between, name, without);
		break;
	case UBX_STEP_DIFFERS:
		snprintf(out, size, "%s%s %s: wanted %lld, got %lld: %s", between, name,
			 ubx_fields[step->want[st->want].field].name,
			 (long long)step->want[st->want].value, (long long)st->got, without);
		break;
	default:
		break;
	}
}

const char *receiver_limits(const struct receiver *r)
{
	const struct ubx_steps *steps = &r->session.steps;

	r->limits[0] = '\0';
	if (r->session.phase != UBX_RUN) {
		return r->limits;
	}
	if (r->session.split_epoch) {
		snprintf(r->limits, LIMITS_SIZE,
			 "NAV-PVT refused: fixes come from NAV-SOL, POSLLH, VELNED and TIMEUTC");
	}
	for (unsigned i = 0; i < steps->profile.n; i++) {
		describe_step(&steps->profile.step[i], &steps->state[i], r->limits, LIMITS_SIZE);
	}
	return r->limits;
}

const char *receiver_reason(const struct receiver *r)
{
	const struct ubx_session *s = &r->session;
	enum receiver_state state = receiver_state(r);
	enum ubx_silence silence = receiver_silence(r);
	char text[LIMITS_SIZE + 40] = "";

	if (state == RECEIVER_NO_PORT) {
		return r->why;
	}
	if (silence != UBX_SILENCE_NONE) {
		snprintf(text, sizeof(text), "%s", silence_text(silence));
	} else if (state == RECEIVER_PROBING || state == RECEIVER_CONFIGURING) {
		snprintf(text, sizeof(text), "%s",
			 evidence_text(ubx_session_evidence(s, now_boot_ns())));
	} else {
		const char *limits = receiver_limits(r);

		snprintf(text, sizeof(text), "%s at %u baud%s%s",
			 state == RECEIVER_READY ? "verified" : "in use", (unsigned)s->tx.baud,
			 *limits ? "; " : "", limits);
	}
	if (silence == UBX_SILENCE_REFUSED && ubx_steps_failed(&s->steps) != NULL) {
		snprintf(text, sizeof(text), "%s refused: %s",
			 ubx_messages[ubx_step_subject(ubx_steps_failed(&s->steps))].name,
			 ubx_step_without(ubx_steps_failed(&s->steps)));
	}
	snprintf(r->reason, REASON_SIZE, "%s (%s): %s", r->port.device,
		 serial_port_uart_name(&r->port), text);
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
		.epochs_missed = s->counters.epochs_missed,
		.sets = s->steps.sets,
	};
}

static const char *restart_reason(enum ubx_restart_cause cause)
{
	static const char *const texts[] = {
		[UBX_CAUSE_START] = "opened",
		[UBX_CAUSE_PORT] = "the port was lost and opened again",
		[UBX_CAUSE_SILENT] = "no epoch for twice its interval",
		[UBX_CAUSE_GARBAGE] = "unreadable bytes where frames were",
		[UBX_CAUSE_REBOOT] = "the receiver restarted by itself (supply?)",
		[UBX_CAUSE_CONFIG] = "a setting that is needed cannot be had",
	};

	return texts[cause];
}

const char *receiver_pulse(const struct receiver *r, bool *used)
{
	const struct pulse_port *port = &r->pulse_port;

	uint64_t lost_ns = (PULSE_LOST_MS + 3 * r->config.rate_ms) * MS;
	bool stopped = r->edge_ns + PULSE_STOPPED_MS * MS < r->fix.received_ns;

	*used = r->pulse_ns != 0 && now_boot_ns() < r->pulse_ns + lost_ns;
	if (*used) {
		return "used";
	}
	if (r->pulse_path == NULL || port->error == ENOENT) {
		return "";
	}
	if (port->error != 0) {
		return strerror(port->error);
	}
	return stopped		      ? "no pulse"
	       : !r->fix.time_known   ? "no time from satellites"
	       : r->pulse.second == 0 ? "not at the second"
				      : "not one a second";
}

void receiver_events(const struct receiver *r, struct receiver_events *out)
{
	const struct ubx_session *s = &r->session;

	*out = (struct receiver_events){
		.restarts = s->counters.restarts,
		.restart = restart_reason(s->cause),
		.notices = s->notices,
		.notice = s->notice,
	};
}

const struct ubx_health *receiver_health(const struct receiver *r)
{
	return &r->session.health;
}

bool receiver_poll_satellites(struct receiver *r)
{
	bool polled = r->port.fd >= 0 && ubx_session_poll_satellites(&r->session);

	if (polled) {
		give_bytes(r);
	}
	return polled;
}

bool receiver_has_satellites(const struct receiver *r)
{
	return (r->session.health.seen & UBX_SEEN_SVINFO) != 0;
}

void receiver_assist(struct receiver *r, const struct ubx_assist *known)
{
	ubx_session_assist(&r->session, known);
}
