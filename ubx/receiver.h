/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * receiver: what a program uses of ubx/: one u-blox receiver on one port.
 *
 * It opens the port, finds the baud, switches the receiver from NMEA to UBX,
 * configures and verifies it, and from then on keeps the newest fix; when the
 * port vanishes or the receiver restarts it begins again by itself.
 *
 * Ownership: receiver_open() allocates, receiver_close() frees and accepts NULL.
 * Strings in a config are copied. Threads: all calls from one thread.
 */
#ifndef RECEIVER_H
#define RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gnss_fix.h"
#include "ubx_assist.h"
#include "ubx_health.h"
#include "ubx_session.h"

struct receiver_config {
	const char *port; /* "/dev/serial0", a by-id link, a pty */
	const char *pulse; /* its time pulse: "/dev/pps0"; NULL or "none": not connected */
	unsigned baud; /* what the receiver is switched to; 0 means 115200 */
	unsigned rate_ms; /* one navigation epoch per this; 0 means 1000 */
	uint8_t dyn_model; /* CFG-NAV5 dynModel: 0 portable, 2 stationary, 4 automotive ... */
	uint32_t max_hacc_mm; /* position is unknown above this; 0 means 100 000 (100 m) */
	bool save_to_bbr; /* CFG-CFG save to battery-backed RAM, only after verification */
	/* Time before this is refused, and time from 1024 weeks after it or after the library's
	 * build date on; 0: the build date. */
	int64_t build_utc_us;
};

enum receiver_state {
	RECEIVER_NO_PORT, /* the device is absent, busy or not a terminal; see receiver_reason() */
	RECEIVER_PROBING, /* no valid UBX answer yet */
	RECEIVER_CONFIGURING, /* answers; settings are being set and read back */
	RECEIVER_LIMITED, /* epochs arrive, but a setting cannot be had; see receiver_limits() */
	RECEIVER_READY, /* configured and verified; NAV-PVT arrives */
};

struct receiver_counters {
	uint64_t rx_bytes, tx_bytes;
	uint64_t rx_frames; /* good UBX frames */
	uint64_t rx_garbage; /* bytes in no good frame (NMEA included) */
	uint32_t checksum_errors;
	uint32_t naks, timeouts;
	uint32_t epochs_missed;
	uint32_t sets; /* settings written: none to a receiver that is right already */
};

/* false: no receiver can be run so; err has the arithmetic. */
bool receiver_config_check(const struct receiver_config *config, char *err, size_t err_size);

/* NULL only if memory or descriptors run out or the config is impossible; then err is the reason.
 * An absent or busy port is not a failure: it is retried. */
struct receiver *receiver_open(const struct receiver_config *config, char *err, size_t err_size);
void receiver_close(struct receiver *r);

/* One descriptor (epoll) that is readable when receiver_process() has work, be
 * it bytes or a deadline; the same for the life of r, also across reopening. */
int receiver_fd(const struct receiver *r);

/* Does what is due; never blocks. Returns 1 if there is a new fix, 0, or a negative errno only for
 * a fault of this machine (not of the receiver). Several fixes that came at once are given one
 * by one: while more wait, the descriptor is readable again at once. */
int receiver_process(struct receiver *r);

/* The last fix given, or NULL if there was none or it is stale (two epochs missed);
 * valid until the next receiver_process(). */
const struct gnss_fix *receiver_fix(const struct receiver *r);

enum receiver_state receiver_state(const struct receiver *r);
/* The state with its cause, as text for logs and status; never NULL. */
const char *receiver_reason(const struct receiver *r);
/* Why it does not become ready, as far as its bytes show: a change is worth a line in the log. */
enum ubx_silence receiver_silence(const struct receiver *r);
/* LIMITED, READY: the settings that cannot be had, each with what it means; "" none. */
const char *receiver_limits(const struct receiver *r);
/* What happened to it: how often, and the newest; the texts are valid until receiver_process(). */
struct receiver_events {
	uint32_t restarts; /* times the session had to begin again */
	const char *restart; /* why */
	uint32_t notices; /* errors and warnings that it reported (UBX-INF) */
	const char *notice;
};
void receiver_events(const struct receiver *r, struct receiver_events *out);
/* "used": fixes have the time of its pulse (fix->pulse_ns); else why not; "" no such device. */
const char *receiver_pulse(const struct receiver *r, bool *used);
/* "1.00 (59842) 00070000 PROTVER 14.00" from MON-VER, or "" while unknown. */
const char *receiver_identity(const struct receiver *r);
void receiver_counters(const struct receiver *r, struct receiver_counters *out);

/* Antenna, radio, line, buffers, genuineness: as reported since it was configured. Polled in
 * turns, each message every 8 s, but for the satellites; valid until the next receiver_process().
 */
const struct ubx_health *receiver_health(const struct receiver *r);

/* Polls the satellites with their signals; receiver_has_satellites() once they came, mostly within
 * an epoch. false: no receiver is in use. */
bool receiver_poll_satellites(struct receiver *r);
bool receiver_has_satellites(const struct receiver *r);

/* A place and time known now from elsewhere (the last stored fix, NTP): sent to the receiver
 * if it starts without a fix. known->at_ns in CLOCK_BOOTTIME. Its own fixes replace it.
 */
void receiver_assist(struct receiver *r, const struct ubx_assist *known);

#endif
