/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status: the node's state as JSON: in a file that any user may read, and on request (control.h).
 *
 * The file is replaced whole, by rename: a reader never has half of it. It is not synced: it is of
 * this boot only. Times of the past are ages in seconds as of its mtime, so that a reader needs no
 * clock of the node. Every key is always present; what is unknown is null.
 *
 *   format           1; a reader refuses a higher one. New keys may come without a new number
 *   version, device  of the node
 *   pid              of the process that wrote it
 *   boot, boot_s     which boot, as hex digits, and its age: CLOCK_BOOTTIME
 *   period_s         between two readings; 0: one for each fix
 *   running_s        since the start of the process
 *   reading          the newest: age_s, seq, note ("" is null), throttled (the firmware's bits),
 *                    cpu_celsius, uptime_s
 *   w1               bus: userspace, kernel, simulated, none; reason: why not a better one; sensors
 *                    of the newest reading, each: rom (28-00008412dfde), celsius, quality (its
 *                    name), retries; known: the node's list in its order, each: rom, known
 *                    (false: fewer than three values), since_us, seen_us: UTC of its first and
 *                    its newest value, make, former_make: before it changed since the start;
 * refused: which sensors are not recorded, and why gnss             state: no-port, probing,
 * configuring, limited (in use, but a setting cannot be had), ready, none; reason, port, identity;
 * problems: texts; antenna: ok, short, open, starting, not supervised; jamming: 0 to 255; signals:
 * only where they were asked for (control.h), of the satellites received, each: id, cno (dBHz),
 * elevation, azimuth (degrees), used; pulse: used, or why not, null: no device; restarts, restart:
 * times that the node had to find it again, and why; notices, notice: errors and warnings that it
 * reported, and the newest; of the newest reading: fix (UBX fixType), fix_age_s, lat, lon
 * (degrees), alt_m, hacc_m, satellites clock            source: gnss, ntp, host, server, none;
 * utc_us, accuracy_s; step_s: the newest; disagreement: of a source that is less certain: source,
 * seconds (its time minus the clock's) outbox           epoch (decimal, as text), next_seq;
 * waiting: readings to be sent; unprotected: of them, in memory only; oldest_s: age of the oldest;
 * bytes; refused: set aside; gaps: not yet acknowledged; dropped, not_written, syncs: since the
 * start; lost_s: since a reading was last dropped, not written or refused uplink state: off,
 * closed, connecting, connected, waiting (to try again), no-credentials (certificate, key or CA
 * cannot be used: error); retry_s: until the next attempt; server: the URI in use; servers: all, in
 * order; in_flight: requests; sent: readings, failures: requests, since the start; last_sent_s;
 * certificate_days: until the node's certificate expires, negative: since; error: why certificate,
 * key or CA cannot be used; exposed: key file that other users can read reload the newest: age_s;
 * refused: why the old configuration was kept, null: applied last_error       text, age_s
 */
#ifndef NODE_STATUS_H
#define NODE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "outbox.h"
#include "sensor_list.h"
#include "ubx/receiver.h"
#include "uplink.h"
#include "userspace/reading/reading.h"

struct status {
	uint64_t boot; /* system_facts_boot() */
	uint64_t boot_ns; /* now */
	uint64_t started_ns;
	unsigned period_ms;
	const char *device;
	const struct reading *last; /* NULL: none yet */
	const char *w1_bus, *w1_reason; /* sensors_bus_name(), sensors_bus_reason() */
	const struct sensor_list *sensors; /* NULL: none */
	const char *gnss_state, *gnss_reason, *gnss_port, *gnss_identity;
	const struct ubx_health *gnss_health; /* NULL: none */
	bool gnss_signals; /* of gnss_health, polled for this status */
	const char *gnss_pulse; /* receiver_pulse() */
	struct receiver_events gnss_events;
	struct clock_stamp now; /* of the clock */
	const struct clock *clock; /* its events */
	const struct outbox_stats *outbox;
	uint64_t lost_ns; /* when a reading was last dropped, not written or refused; 0: never */
	const struct uplink_stats *uplink;
	int certificate_days; /* INT_MIN: not known */
	const char *last_error; /* "" none */
	uint64_t last_error_ns;
	const char *reload_refused; /* why the newest one was; "" */
	uint64_t reload_ns; /* 0: none since the start */
};

/* A text with its line end, malloc'ed; NULL if there is no memory, or a text is not UTF-8. */
char *status_text(const struct status *s);

#endif
