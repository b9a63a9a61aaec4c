/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ubx_session: gets a receiver from any state to verified UBX with NAV-PVT, and keeps it there.
 *
 * Pure: bytes and time go in; bytes to write, baud changes and a deadline come
 * out. The caller's loop is
 *
 *	ubx_session_rx(bytes, now) whenever bytes came
 *	ubx_session_tick(now) whenever ubx_session_deadline() has come
 *	then while (ubx_tx_output(&s->tx, &out)) set the baud or write the bytes
 *
 *	           +---------------- no answer in time ----------------+
 *	           v                                                   |
 *	start -> PROBE --> SWEEP (blind CFG-PRT at each rate) --> DWELL (poll)
 *	           ^ |                                                 |
 *	           | +-- CFG-PRT answered --> CONFIGURE <--------------+
 *	           |                         (ubx_steps)
 *	           |                              v
 *	           +-- silence, reboot, reset -- RUN
 *
 * Each NAV-PVT received is a fix, in every phase: also from a receiver that only sends.
 *
 * Time is any monotonic clock in ns, the same for all calls. Copyable. Members may be
 * read by the owner; only the functions below write them, but for queue.
 */
#ifndef UBX_SESSION_H
#define UBX_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fix_queue.h"
#include "gnss_fix.h"
#include "nmea_line.h"
#include "ubx_evidence.h"
#include "ubx_assist.h"
#include "ubx_frame.h"
#include "ubx_health.h"
#include "ubx_search.h"
#include "ubx_steps.h"
#include "ubx_timing.h"
#include "ubx_tx.h"

struct ubx_session_config {
	uint32_t baud; /* what the receiver is switched to: one of V14 section 7.3 */
	uint16_t rate_ms;
	uint8_t dyn_model;
	uint16_t week; /* for wknRollover */
	bool save_to_bbr;
	struct gnss_limits limits;
};

enum ubx_phase { UBX_PROBE, UBX_SWEEP, UBX_DWELL, UBX_CONFIGURE, UBX_RUN };

enum ubx_restart_cause {
	UBX_CAUSE_START, /* the port was opened for the first time */
	UBX_CAUSE_PORT, /* the port was lost and opened again */
	UBX_CAUSE_SILENT, /* two epochs missed, or nothing at all in CONFIGURE */
	UBX_CAUSE_GARBAGE, /* unreadable bytes where frames were: another baud, NMEA */
	UBX_CAUSE_REBOOT, /* boot banner, or time since start went backwards */
	UBX_CAUSE_CONFIG, /* a step that is needed was not answered or refused */
};

struct ubx_session_counters {
	uint32_t acks, naks, sweeps, restarts, resets, epochs_missed, unknown_messages, bad_lengths;
};

#define UBX_NOTICE_SIZE 80

/* CFG-CFG to battery-backed RAM, the last thing in CONFIGURE. */
struct ubx_save {
	bool wanted, done;
	uint8_t tries;
	uint64_t deadline_ns;
};

struct ubx_session {
	struct ubx_session_config config;
	enum ubx_phase phase;
	enum ubx_restart_cause cause; /* of the newest (re)start */
	uint64_t phase_ns, deadline_ns; /* when the phase began, when it ends */

	struct ubx_tx tx;
	struct ubx_frame_rx rx;
	uint64_t last_rx_ns;
	uint64_t pending_since_ns, pending_at; /* start time of the incomplete frame, and its
						  position */
	uint64_t last_frame_ns; /* a good frame since PROBE; 0: none */
	struct ubx_evidence evidence;
	uint64_t unready_ns; /* since when it is not in RUN */
	struct nmea_line nmea;
	struct ubx_timing timing;
	uint32_t garbage, odd_garbage; /* bytes since the last good frame; those of them that are
					  not text */
	bool rx_any; /* since PROBE */

	struct ubx_search search;
	bool wanted_baud_failed;
	bool hurried; /* the newest sweep cut a dwell short */
	uint64_t poll_ns; /* next poll of health in RUN */
	unsigned polls; /* of health since RUN began */

	uint8_t port; /* portID, from CFG-PRT */
	struct ubx_steps steps;
	bool has_pvt; /* NAV-PVT was received */
	bool split_epoch; /* CFG-MSG refuses NAV-PVT */
	bool verified; /* every step as wanted or absent */
	struct ubx_save save;

	uint16_t rate_ms; /* period of the epochs, as the receiver reports it */
	uint16_t observed_ms; /* between the newest two epochs */
	struct gnss_parts parts;
	bool fix_ever;
	struct gnss_fix fix; /* the newest, stale or not */
	uint64_t fixes; /* epochs received */
	/* The owner takes from it. Where it has no room he leaves the bytes in the port. */
	struct fix_queue queue;
	uint64_t epoch_due_ns;
	unsigned missed; /* epochs in a row */
	unsigned silent_restarts; /* in a row */

	struct ubx_assist assist; /* to be sent to a receiver that knows neither place nor time */
	bool assist_due;
	bool assisted; /* sent since the last restart */

	struct ubx_health health;
	char notice[UBX_NOTICE_SIZE]; /* text of the newest UBX-INF error or warning */
	uint32_t notices; /* of them in all */
	char identity[96]; /* MON-VER: software, hardware, protocol; "" unknown */
	struct ubx_session_counters counters;
};

/* -EINVAL: config.baud is no baud of a u-blox 7, or cannot carry rate_ms. */
int ubx_session_init(struct ubx_session *s, const struct ubx_session_config *config,
		     uint64_t now_ns);
/* Restarts and keeps its knowledge of the receiver. */
void ubx_session_restart(struct ubx_session *s, enum ubx_restart_cause cause, uint64_t now_ns);
/* Position and time from another source (a stored fix). */
void ubx_session_assist(struct ubx_session *s, const struct ubx_assist *assist);

/* Satellites with their signals: health has them once it has UBX_SEEN_SVINFO again. false: it is
 * not in RUN. */
bool ubx_session_poll_satellites(struct ubx_session *s);

void ubx_session_rx(struct ubx_session *s, const uint8_t *bytes, size_t len, uint64_t now_ns);
void ubx_session_tick(struct ubx_session *s, uint64_t now_ns);
/* Latest time for the next call of tick. */
uint64_t ubx_session_deadline(const struct ubx_session *s);

/* What its bytes show so far, and that once it can be relied on: after some sweeps. */
enum ubx_silence ubx_session_evidence(const struct ubx_session *s, uint64_t now_ns);
enum ubx_silence ubx_session_silence(const struct ubx_session *s, uint64_t now_ns);

/* The newest fix, or NULL if there is none or two epochs are missing since. */
const struct gnss_fix *ubx_session_fix(const struct ubx_session *s, uint64_t now_ns);

#endif
