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

struct receiver_config {
	const char *port; /* "/dev/serial0", a by-id link, a pty */
	unsigned baud; /* what the receiver is switched to; 0 means 115200 */
	unsigned rate_ms; /* one navigation epoch per this; 0 means 1000 */
	uint8_t dyn_model; /* CFG-NAV5 dynModel: 0 portable, 2 stationary, 4 automotive ... */
	uint32_t max_hacc_mm; /* position is unknown above this; 0 means 100 000 (100 m) */
	bool save_to_bbr; /* CFG-CFG save to battery-backed RAM, only after verification */
	int64_t build_utc_us; /* time before this is refused; 0: the library's build date */
};

enum receiver_state {
	RECEIVER_NO_PORT, /* the device is absent, busy or not a terminal; see receiver_reason() */
	RECEIVER_PROBING, /* no valid UBX answer yet */
	RECEIVER_CONFIGURING, /* answers; settings are being set and read back */
	RECEIVER_READY, /* configured and verified; NAV-PVT arrives */
};

struct receiver_counters {
	uint64_t rx_bytes, tx_bytes;
	uint64_t rx_frames; /* good UBX frames */
	uint64_t rx_garbage; /* bytes in no good frame (NMEA included) */
	uint32_t checksum_errors;
	uint32_t naks, timeouts;
	uint32_t restarts; /* times the session had to begin again */
	uint32_t epochs_missed;
	uint32_t sets; /* settings written: none to a receiver that is right already */
};

/* NULL only if memory or descriptors run out or the config is impossible; then
 * err says why. An absent or busy port is not a failure: it is retried. */
struct receiver *receiver_open(const struct receiver_config *config, char *err, size_t err_size);
void receiver_close(struct receiver *r);

/* One descriptor (epoll) that is readable when receiver_process() has work, be
 * it bytes or a deadline; the same for the life of r, also across reopening. */
int receiver_fd(const struct receiver *r);

/* Does what is due; never blocks. Returns the number of new fixes (0, 1 ...), or a
 * negative errno only for a fault of this machine (not of the receiver). */
int receiver_process(struct receiver *r);

/* The newest fix, or NULL if there was none or it is stale (two epochs missed);
 * valid until the next receiver_process(). */
const struct gnss_fix *receiver_fix(const struct receiver *r);

enum receiver_state receiver_state(const struct receiver *r);
/* Why it is in that state, as text for logs and status; never NULL. */
const char *receiver_reason(const struct receiver *r);
/* "1.00 (59842) 00070000 PROTVER 14.00" from MON-VER, or "" while unknown. */
const char *receiver_identity(const struct receiver *r);
void receiver_counters(const struct receiver *r, struct receiver_counters *out);

/* Antenna, radio, line, buffers, genuineness: as reported since it was configured. Polled in
 * turns, each message every 10 s; valid until the next receiver_process(). */
const struct ubx_health *receiver_health(const struct receiver *r);

/* A place and time known now from elsewhere (the last stored fix, NTP): sent to the receiver
 * if it starts without a fix. known->at_ns is ignored: it is as of now. Its own fixes replace it.
 */
void receiver_assist(struct receiver *r, const struct ubx_assist *known);

#endif
