// SPDX-License-Identifier: BSD-2-Clause
/*
 * The receiver: first only received, at each rate, for what it sends by itself; then opened as the
 * node opens it (probed, switched, configured, verified), without saving.
 */
#define _GNU_SOURCE /* TIOCGICOUNT */
#include <errno.h>
#include <inttypes.h>
#include <linux/serial.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "checks.h"
#include "time/now.h"
#include "ubx/nmea_line.h"
#include "ubx/receiver.h"
#include "ubx/serial_port.h"
#include "ubx/ubx_frame.h"
#include "ubx/ubx_session.h"
#include "userspace/node/system_facts.h"
#include "userspace/sim/ublox7_pty.h"

#define DWELL_MS 1300 /* it sends once a second */
#define ANSWER_MS 15000 /* 3 s at most where all is well */
#define HEALTH_MS 12000 /* each message of health is polled every 8 s */
#define SATELLITES_MS 2500 /* behind an epoch at most */
#define JAM_LIMIT 120 /* of 255, as in ubx_health.c */

struct selftest_receiver {
	const char *path;
	struct ublox7_pty *pty;

	bool listened;
	enum selftest_cause listen_cause; /* CAUSE_NONE: something readable was received */
	uint32_t baud; /* where */
	unsigned frames, sentences, bytes;
	bool counted; /* the driver counts errors */
	unsigned frame_errors, overruns;

	struct receiver *receiver;
	bool opened;
};

static bool stopped(const struct selftest *t)
{
	return t->stop != NULL && *t->stop;
}

/* --- listening --- */

struct listener {
	struct ubx_frame_rx rx;
	struct nmea_line line;
	unsigned sentences, bytes;
};

static void listener_feed(struct listener *l, const uint8_t *p, size_t n)
{
	struct ubx_item item;

	l->bytes += (unsigned)n;
	for (size_t eaten = 0; eaten < n;) {
		eaten += ubx_frame_feed(&l->rx, p + eaten, n - eaten, &item);
	}
	for (size_t i = 0; i < n; i++) {
		l->sentences += nmea_line_feed(&l->line, p[i]);
	}
}

static bool read_counters(const struct serial_port *port, struct serial_icounter_struct *c)
{
	return ioctl(port->fd, TIOCGICOUNT, c) == 0;
}

static void dwell(struct selftest_receiver *r, struct serial_port *port, uint32_t baud,
		  struct listener *l)
{
	uint64_t until = now_ms() + DWELL_MS;
	struct serial_icounter_struct before = { 0 }, after = { 0 };
	uint8_t bytes[256];

	memset(l, 0, sizeof(*l));
	serial_port_set_baud(port, baud);
	r->counted = read_counters(port, &before);
	while (now_ms() < until) {
		struct pollfd p = { .fd = port->fd, .events = POLLIN };
		ssize_t n = poll(&p, 1, (int)(until - now_ms()) + 1) > 0
				    ? read(port->fd, bytes, sizeof(bytes))
				    : 0;

		if (n > 0) {
			listener_feed(l, bytes, (size_t)n);
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			return;
		}
	}
	if (r->counted && read_counters(port, &after)) {
		r->frame_errors = (unsigned)(after.frame - before.frame + after.parity -
					     before.parity + after.brk - before.brk);
		r->overruns = (unsigned)(after.overrun - before.overrun + after.buf_overrun -
					 before.buf_overrun);
	}
}

static void listen_at_all_rates(struct selftest *t, struct selftest_receiver *r,
				struct serial_port *port)
{
	uint32_t rates[UBX_RATE_COUNT + 2] = { t->config->gnss_baud, 9600 };
	struct listener l;

	memcpy(rates + 2, ubx_search_rates, UBX_RATE_COUNT * sizeof(rates[0]));
	for (unsigned i = 0; i < UBX_RATE_COUNT + 2 && !stopped(t); i++) {
		if (i >= 2 && (rates[i] == rates[0] || rates[i] == rates[1])) {
			continue;
		}
		dwell(r, port, rates[i], &l);
		r->bytes += l.bytes;
		if (l.rx.frames + l.sentences > 0) {
			r->baud = rates[i];
			r->frames = (unsigned)l.rx.frames;
			r->sentences = l.sentences;
			return;
		}
	}
	r->counted = false;
	r->listen_cause = r->bytes > 0 ? CAUSE_UNREADABLE : CAUSE_QUIET;
}

/* --- the port, for all checks --- */

/* Where the node would: as configured, or in place of what is not there. */
static bool simulate(struct selftest *t, struct selftest_receiver *r)
{
	struct ublox7_config config;
	char why[200];

	if (strcmp(r->path, "simulated") != 0 && t->config->simulate != NODE_SIMULATE_IF_ABSENT) {
		return false;
	}
	ublox7_config_default(&config);
	r->pty = ublox7_pty_start(&config, why, sizeof(why));
	if (r->pty == NULL) {
		selftest_value(t, "%s", why);
	}
	r->path = r->pty != NULL ? ublox7_pty_path(r->pty) : r->path;
	return r->pty != NULL;
}

enum selftest_cause check_receiver_port(struct selftest *t)
{
	struct selftest_receiver *r = t->receiver;
	char why[SERIAL_PORT_WHY_SIZE];
	struct serial_port port;

	if (strcmp(t->config->gnss_port, "none") == 0) {
		return CAUSE_OFF;
	}
	if (r == NULL) {
		r = t->receiver = calloc(1, sizeof(*r));
		if (r == NULL) {
			return CAUSE_NO_PORT;
		}
		r->path = t->config->gnss_port;
	}
	if (!r->listened) {
		int code = -ENODEV;

		if (strcmp(r->path, "simulated") != 0) {
			code = serial_port_open(&port, r->path, 9600, why, sizeof(why));
		}
		if (code < 0 && simulate(t, r)) {
			code = serial_port_open(&port, r->path, 9600, why, sizeof(why));
		}
		if (code < 0) {
			return CAUSE_NO_PORT;
		}
		r->listened = true;
		listen_at_all_rates(t, r, &port);
		serial_port_close(&port);
	}
	return CAUSE_NONE;
}

void check_receiver_close(struct selftest *t)
{
	if (t->receiver != NULL) {
		receiver_close(t->receiver->receiver);
		ublox7_pty_stop(t->receiver->pty);
		free(t->receiver);
		t->receiver = NULL;
	}
}

enum selftest_cause check_receiver_baud(struct selftest *t)
{
	const struct selftest_receiver *r = t->receiver;

	if (r->listen_cause != CAUSE_NONE) {
		if (r->bytes == 0) {
			selftest_value(t, "not a byte at any of six rates");
		} else {
			selftest_value(t, "%u bytes at six rates, none of them readable", r->bytes);
		}
		return r->listen_cause;
	}
	selftest_value(t, "%s at %u baud (%u sentences, %u frames in a second)",
		       r->frames == 0	   ? "NMEA"
		       : r->sentences == 0 ? "UBX"
					   : "UBX and NMEA",
		       (unsigned)r->baud, r->sentences, r->frames);
	return CAUSE_NONE;
}

/* --- as the node opens it --- */

typedef bool (*condition)(const struct receiver *r);

static bool pump(const struct selftest *t, condition done, unsigned ms)
{
	struct receiver *r = t->receiver->receiver;
	uint64_t until = now_ms() + ms;

	do {
		struct pollfd p = { .fd = receiver_fd(r), .events = POLLIN };

		poll(&p, 1, 100);
		if (receiver_process(r) < 0) {
			return false;
		}
		if (done(r)) {
			return true;
		}
	} while (now_ms() < until && !stopped(t));
	return false;
}

static bool is_ready(const struct receiver *r)
{
	return receiver_state(r) == RECEIVER_READY;
}

static bool is_healthy(const struct receiver *r)
{
	const unsigned wanted = UBX_SEEN_VER | UBX_SEEN_HW;

	return (receiver_health(r)->seen & wanted) == wanted;
}

static bool has_fix(const struct receiver *r)
{
	const struct gnss_fix *fix = receiver_fix(r);

	return fix != NULL && fix->position_known;
}

enum selftest_cause check_receiver_open(struct selftest *t)
{
	enum selftest_cause why = check_receiver_port(t);
	struct selftest_receiver *r = t->receiver;
	struct receiver_config config;
	char err[200];

	if (why != CAUSE_NONE || r->opened) {
		return why;
	}
	r->opened = true;
	config = node_config_receiver(t->config, r->path);
	r->receiver = receiver_open(&config, err, sizeof(err));
	if (r->receiver == NULL) {
		selftest_value(t, "%s", err);
		return CAUSE_NONE;
	}
	pump(t, is_ready, ANSWER_MS);
	return CAUSE_NONE;
}

enum selftest_cause check_receiver_answers(struct selftest *t)
{
	enum selftest_cause why = check_receiver_open(t);
	const struct receiver *r = why == CAUSE_NONE ? t->receiver->receiver : NULL;

	if (why == CAUSE_NONE && (r == NULL || receiver_state(r) == RECEIVER_NO_PORT ||
				  receiver_state(r) == RECEIVER_PROBING)) {
		return CAUSE_NO_ANSWER;
	}
	return why;
}

enum selftest_cause check_receiver_answer(struct selftest *t)
{
	const struct selftest_receiver *r = t->receiver;

	if (r->receiver == NULL) {
		return CAUSE_BAD_SETTINGS;
	}
	selftest_value(t, "%s", receiver_reason(r->receiver));
	switch (receiver_state(r->receiver)) {
	case RECEIVER_READY:
	case RECEIVER_LIMITED:
	case RECEIVER_CONFIGURING:
		return CAUSE_NONE;
	case RECEIVER_NO_PORT:
		return CAUSE_PORT_LOST;
	case RECEIVER_PROBING:
		break;
	}
	return r->listen_cause == CAUSE_NONE	? CAUSE_DEAF
	       : r->listen_cause == CAUSE_QUIET ? CAUSE_SILENT
						: CAUSE_UNREADABLE;
}

enum selftest_cause check_receiver_settings(struct selftest *t)
{
	const struct receiver *r = t->receiver->receiver;
	struct receiver_counters c;

	receiver_counters(r, &c);
	selftest_value(t, "%u set, %u refused, %u polled again", (unsigned)c.sets, (unsigned)c.naks,
		       (unsigned)c.timeouts);
	switch (receiver_state(r)) {
	case RECEIVER_READY:
	case RECEIVER_LIMITED: {
		const char *limits = receiver_limits(r);

		if (*limits == '\0') {
			return CAUSE_NONE;
		}
		selftest_value(t, "; %s", limits);
		return c.naks > 0 ? CAUSE_REFUSED : CAUSE_NOT_AS_WANTED;
	}
	default:
		selftest_value(t, ": %s", receiver_reason(r));
		return c.naks > 0 ? CAUSE_REFUSED : CAUSE_NOT_AS_WANTED;
	}
}

enum selftest_cause check_receiver_version(struct selftest *t)
{
	const struct receiver *r = t->receiver->receiver;
	const struct ubx_health *h;

	pump(t, is_healthy, HEALTH_MS);
	h = receiver_health(r);
	selftest_value(t, "%s", receiver_identity(r));
	if ((h->seen & UBX_SEEN_VER) == 0) {
		return CAUSE_NO_VERSION;
	}
	if ((h->problems >> UBX_PROBLEM_CLONE & 1) != 0) {
		return CAUSE_COUNTERFEIT;
	}
	return strcmp(h->hardware, "00070000") == 0 ? CAUSE_NONE : CAUSE_OTHER_GENERATION;
}

enum selftest_cause check_receiver_antenna(struct selftest *t)
{
	const struct receiver *r = t->receiver->receiver;
	const struct ubx_health *h;

	h = receiver_health(r);
	if ((h->seen & UBX_SEEN_HW) == 0) {
		return CAUSE_UNKNOWN;
	}
	selftest_value(t, "%s, noise %u, gain %u of 8191", ubx_antenna_text(h), h->noise, h->agc);
	return h->antenna_status == 3	? CAUSE_SHORT
	       : h->antenna_status == 4 ? CAUSE_OPEN
					: CAUSE_NONE;
}

enum selftest_cause check_receiver_jamming(struct selftest *t)
{
	const struct receiver *r = t->receiver->receiver;
	const struct ubx_health *h;

	h = receiver_health(r);
	if ((h->seen & UBX_SEEN_HW) == 0) {
		return CAUSE_UNKNOWN;
	}
	selftest_value(t, "%u of 255", h->jam_indicator);
	return h->jam_indicator >= JAM_LIMIT || h->jamming_state >= 2 ? CAUSE_JAMMING : CAUSE_NONE;
}

/* "12 satellites: 46 44 43 39 dBHz", the used ones with a star. */
static void show_signals(struct selftest *t)
{
	const struct ubx_health *h = receiver_health(t->receiver->receiver);

	if (receiver_poll_satellites(t->receiver->receiver)) {
		pump(t, receiver_has_satellites, SATELLITES_MS);
	}
	selftest_value(t, "%u satellites received", h->sats_seen);
	for (unsigned i = 0; i < h->sats_seen; i++) {
		selftest_value(t, "%s%u%s", i == 0 ? ": " : " ", h->satellites[i].cno_dbhz,
			       h->satellites[i].used ? "*" : "");
	}
	selftest_value(t, "%s", h->sats_seen > 0 ? " dBHz (* in the fix)" : "");
}

enum selftest_cause check_receiver_fix(struct selftest *t)
{
	const struct receiver *r = t->receiver->receiver;
	const struct gnss_fix *fix;

	if (!pump(t, has_fix, t->fix_wait_s * 1000)) {
		selftest_value(t, "none in %u s; ", t->fix_wait_s);
		show_signals(t);
		return ubx_health_is_weak(receiver_health(r)) ? CAUSE_WEAK_SIGNALS : CAUSE_NO_FIX;
	}
	fix = receiver_fix(r);
	selftest_value(t, "%s, %u satellites, %u.%u m", fix->fix_type == 2 ? "2D" : "3D",
		       fix->num_sv, (unsigned)(fix->hacc_mm / 1000),
		       (unsigned)(fix->hacc_mm % 1000 / 100));
	if (t->show_position) {
		selftest_value(t, ", %.7f %.7f", fix->lat_e7 / 1e7, fix->lon_e7 / 1e7);
	}
	selftest_value(t, "; ");
	show_signals(t);
	return CAUSE_NONE;
}

enum selftest_cause check_receiver_time(struct selftest *t)
{
	const struct receiver *r = t->receiver->receiver;
	const struct gnss_fix *fix;
	struct clock_stamp ntp;
	int64_t apart_ms;

	fix = receiver_fix(r);
	if (fix == NULL || !fix->time_known) {
		bool nearly = fix != NULL && (fix->valid & 3) == 3; /* UBX: date and time, but not
								       fullyResolved */

		selftest_value(t, nearly ? "leap seconds not yet known" : "none yet");
		return nearly ? CAUSE_UNRESOLVED : CAUSE_NO_TIME;
	}
	apart_ms = now_utc_us() / 1000 - (int64_t)((now_boot_ns() - fix->received_ns) / 1000000) -
		   fix->utc_us / 1000;
	selftest_value(t, "this computer's clock differs from it by %+" PRId64 " ms", apart_ms);
	return system_facts_ntp(&ntp) && (apart_ms > 2000 || apart_ms < -2000) ? CAUSE_CLOCKS_DIFFER
									       : CAUSE_NONE;
}

/* After all of the above: what the line did to the bytes meanwhile. */
enum selftest_cause check_uart_errors(struct selftest *t)
{
	const struct selftest_receiver *r = t->receiver;
	const struct ubx_health *h;
	struct receiver_counters c;

	receiver_counters(r->receiver, &c);
	h = receiver_health(r->receiver);
	selftest_value(t, "%u bad checksums in %" PRIu64 " frames", (unsigned)c.checksum_errors,
		       c.rx_frames);
	if (r->counted) {
		selftest_value(t, ", %u framing errors, %u overruns here", r->frame_errors,
			       r->overruns);
	}
	if ((h->problems >> UBX_PROBLEM_LINE_ERRORS & 1) != 0 || r->frame_errors > 0) {
		return CAUSE_FRAMING;
	}
	if (r->overruns > 0 ||
	    ((h->problems >> UBX_PROBLEM_RX_OVERRUN | h->problems >> UBX_PROBLEM_TX_OVERFLOW) &
	     1) != 0) {
		return CAUSE_OVERRUN;
	}
	/* One may be of the moment when the rate was changed. */
	return c.checksum_errors > 1 ? CAUSE_DAMAGED : CAUSE_NONE;
}
