/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ubx_session: gets a receiver from any state to verified UBX with NAV-PVT, and keeps it there.
 *
 * Pure: bytes and time go in; bytes to write, baud changes and a deadline come
 * out. The caller's loop is
 *
 *	ubx_session_rx(bytes, now) whenever bytes came
 *	ubx_session_tick(now) whenever ubx_session_deadline() has come
 *	then while (ubx_session_output(...)) do what it says
 *
 *	           +----------------- no answer, no bytes ----------------+
 *	           v                                                      |
 *	start -> PROBE (poll at the wanted baud) -> SWEEP (blind CFG-PRT  |
 *	  ^        |                                at all six rates) -> DWELL (poll)
 *	  |        +-- CFG-PRT answered --> CONFIGURE <-- CFG-PRT answered -+
 *	  |                                   | every step polled, compared, set, polled
 *	  +-- silence, reboot, reset -------- RUN
 *
 * The proof that a setting is right is its value read back, never an ACK: an ACK
 * carries no sequence number (V14 section 28). Each received NAV-PVT is a fix in
 * every phase, so that a receiver that only talks is heard too.
 *
 * Time is any monotonic clock in ns, the same for all calls. Copyable.
 */
#ifndef UBX_SESSION_H
#define UBX_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gnss_fix.h"
#include "ubx_frame.h"
#include "ubx_profile.h"

struct ubx_session_config {
	uint32_t baud;		/* what the receiver is switched to: one of ubx_session_rates */
	uint16_t rate_ms;
	uint8_t dyn_model;
	uint16_t week;		/* for wknRollover */
	bool save_to_bbr;
	struct gnss_limits limits;
};

#define UBX_RATE_COUNT 6
/* V14 section 7.3, fastest first: so a slower receiver has seen only few odd bytes before its own. */
extern const uint32_t ubx_session_rates[UBX_RATE_COUNT];

enum ubx_phase { UBX_PROBE, UBX_SWEEP, UBX_DWELL, UBX_CONFIGURE, UBX_RUN };

enum ubx_step_phase {
	UBX_STEP_TODO,
	UBX_STEP_POLLED,	/* waiting for the present value */
	UBX_STEP_SET,		/* set and polled again, waiting for the wanted value */
	UBX_STEP_OK,		/* read back as wanted */
	UBX_STEP_UNSUPPORTED,	/* NAK */
	UBX_STEP_UNANSWERED,
	UBX_STEP_DIFFERS,	/* taken, but not so; what was there before has been sent back */
};

struct ubx_step_state {
	enum ubx_step_phase phase;
	uint8_t tries, sets;
	uint16_t polls, answers, polls_at_set;	/* answers come in the order of the polls */
	uint64_t deadline_ns;
	uint8_t original_len;
	uint8_t original[UBX_PAYLOAD_CFG_MAX];
	uint8_t want;		/* the field that differs, and what is there */
	int64_t got;
};

enum ubx_restart_cause {
	UBX_CAUSE_START,
	UBX_CAUSE_PORT,		/* the port was lost and opened again */
	UBX_CAUSE_SILENT,	/* two epochs missed */
	UBX_CAUSE_GARBAGE,	/* unreadable bytes where frames were: another baud, NMEA */
	UBX_CAUSE_REBOOT,	/* boot banner, or time since start went backwards */
	UBX_CAUSE_CONFIG,	/* a step that is needed was not answered or refused */
};

struct ubx_session_counters {
	uint64_t tx_bytes;
	uint32_t acks, naks, timeouts, sets, sweeps, restarts, epochs_missed, unknown_messages, bad_lengths;
};

struct ubx_session {
	struct ubx_session_config config;
	enum ubx_phase phase;
	enum ubx_restart_cause cause;	/* of the newest (re)start */
	uint32_t baud;			/* the host's, as last given to the caller */
	bool baud_due;			/* it is still to be given */
	uint32_t link_baud;		/* where we want to meet the receiver */
	bool wanted_baud_failed;
	uint64_t phase_ns, deadline_ns;	/* when the phase began, when it ends */
	uint64_t poll_ns;		/* next poll while linking */
	unsigned poll_count, cycle, sweep_index;

	struct ubx_frame_rx rx;
	uint64_t last_rx_ns;
	uint64_t pending_since_ns;	/* when the frame now waited for began, and where */
	uint64_t pending_at;
	uint64_t last_frame_ns;		/* a good frame; 0 none since the start of the phase PROBE */
	uint64_t garbage_since_frame;
	bool heard_any, heard_nmea;	/* since PROBE */

	uint8_t tx[1024];
	size_t tx_len, tx_sent;
	uint64_t wire_idle_ns;		/* when the last byte written has left at that baud */

	uint8_t port;			/* portID, from CFG-PRT */
	struct ubx_profile profile;
	struct ubx_step_state step[UBX_STEPS_MAX];
	bool saved, save_wanted;
	uint64_t save_deadline_ns;
	uint8_t save_tries;
	uint32_t sets_before;		/* counter at the start of CONFIGURE */
	bool verified;			/* every step OK or unsupported */

	bool fix_ever;
	struct gnss_fix fix;		/* the newest, stale or not */
	uint64_t fixes;			/* counts epochs received */
	uint64_t epoch_due_ns;
	unsigned missed;		/* epochs in a row */
	uint32_t msss;			/* NAV-STATUS: ms since the receiver's start */

	char identity[96];
	struct ubx_session_counters counters;
};

/* config.baud must be in ubx_session_rates and rate_ms carried by it: -EINVAL otherwise. */
int ubx_session_init(struct ubx_session *s, const struct ubx_session_config *config, uint64_t now_ns);
/* Begins again, with what is known kept (port reopened). */
void ubx_session_restart(struct ubx_session *s, enum ubx_restart_cause cause, uint64_t now_ns);

void ubx_session_rx(struct ubx_session *s, const uint8_t *bytes, size_t len, uint64_t now_ns);
void ubx_session_tick(struct ubx_session *s, uint64_t now_ns);
/* When tick wants to be called at the latest. */
uint64_t ubx_session_deadline(const struct ubx_session *s);

struct ubx_output {
	uint32_t baud;		/* not 0: set the port to this now (all bytes before are on the wire) */
	const uint8_t *bytes;	/* else write these; valid until the next call */
	size_t len;
};
/* false: nothing to do now. A baud is given once; bytes until ubx_session_written() says so. */
bool ubx_session_output(struct ubx_session *s, struct ubx_output *out);
void ubx_session_written(struct ubx_session *s, size_t len, uint64_t now_ns);

/* The newest fix, or NULL if there is none or two epochs are missing since. */
const struct gnss_fix *ubx_session_fix(const struct ubx_session *s, uint64_t now_ns);

#endif
