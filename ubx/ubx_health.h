/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ubx_health: the state that the receiver reports, and the problems that follow from it.
 *
 * Identity (MON-VER), antenna and radio (MON-HW), its view of the serial line
 * (MON-IO, MON-RXBUF, MON-TXBUF), signal strength (NAV-SVINFO), uptime and time to
 * first fix (NAV-STATUS). A u-blox 7 has no spoofing indicator. Pure.
 */
#ifndef UBX_HEALTH_H
#define UBX_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ubx_msg.h"

/* Problem, and what to do about it: a bit each in ubx_health.problems. */
/* clang-format off */
#define UBX_PROBLEMS(X) \
	X(ANTENNA_SHORT, "antenna short-circuited", "check cable and connector") \
	X(ANTENNA_OPEN, "antenna open", "check that it is plugged in") \
	X(JAMMING, "strong interference", "move the antenna away from the Pi, HDMI and USB 3") \
	X(LINE_ERRORS, "framing or parity errors in what it receives", "check wiring, ground and baud") \
	X(RX_OVERRUN, "bytes lost in its receive buffer", "lower [gnss] baud") \
	X(TX_OVERFLOW, "messages dropped in its transmit buffer", "raise [gnss] baud or rate") \
	X(SAFE_BOOT, "in safe boot mode", "check that its pin SAFEBOOT_N is not held low") \
	X(CLONE, "claims to be a u-blox 7 but does not answer like one", "it may be a counterfeit")
/* clang-format on */

enum ubx_problem {
#define X(name, text, advice) UBX_PROBLEM_##name,
	UBX_PROBLEMS(X)
#undef X
		UBX_PROBLEM_COUNT
};

/* Each block is meaningless until its bit in `seen` is set. */
enum ubx_health_seen {
	UBX_SEEN_VER = 1,
	UBX_SEEN_HW = 2,
	UBX_SEEN_IO = 4,
	UBX_SEEN_RXBUF = 8,
	UBX_SEEN_TXBUF = 16,
	UBX_SEEN_SVINFO = 32,
	UBX_SEEN_STATUS = 64,
};

/* Of a u-blox 7 NAV-SVINFO has 32 at most. */
#define UBX_SATELLITES_MAX 32

struct ubx_satellite {
	uint8_t id; /* svid: GPS 1-32, GLONASS 65-96, SBAS 120-158, QZSS 193-197 */
	uint8_t cno_dbhz;
	bool used; /* in the fix */
	int8_t elevation_deg;
	int16_t azimuth_deg;
};

struct ubx_health {
	uint8_t seen;
	uint16_t problems;

	char software[31], hardware[11], protocol[31]; /* MON-VER: "1.00 (59842)" "00070000"
							  "PROTVER 14.00" */
	uint8_t clone_hints; /* how many signs of a counterfeit */

	uint8_t antenna_status; /* 0 INIT 1 DONTKNOW 2 OK 3 SHORT 4 OPEN */
	uint8_t antenna_power; /* 0 OFF 1 ON 2 DONTKNOW */
	uint16_t noise, agc; /* noisePerMS; 0..8191 */
	uint8_t jam_indicator; /* 0..255 continuous wave */
	uint8_t jamming_state; /* 0 unknown 1 ok 2 warning 3 critical */

	uint16_t parity_errors, framing_errors, overrun_errors, breaks; /* our port: slots of 100 ms
									   with errors, since its
									   start */
	uint8_t rx_peak, tx_peak; /* % of its buffers, our port */
	uint8_t tx_errors; /* limit of our port, memory, allocation in bits 0, 6, 7 */

	struct ubx_satellite satellites[UBX_SATELLITES_MAX]; /* sats_seen of them */
	uint8_t sats_seen, sats_used; /* with a signal; used in the fix */
	uint8_t cno_best4; /* mean of the four strongest, dBHz; 0: fewer than four */
	uint32_t ttff_ms, msss_ms; /* time to first fix; since its start */
};

/* port: portID we are on. true if the message was one of the above. */
bool ubx_health_take(struct ubx_health *h, enum ubx_message message, const uint8_t *payload,
		     size_t len, uint8_t port);
/* A setting that every u-blox 7 has was refused (NAK), or its answer has another length. */
void ubx_health_hint_clone(struct ubx_health *h);

const char *ubx_problem_text(enum ubx_problem problem);
const char *ubx_problem_advice(enum ubx_problem problem);
/* Four satellites and more were received, but hardly well enough for a fix. */
bool ubx_health_is_weak(const struct ubx_health *h);
/* "ok", "short", "open", "starting", "not supervised"; "" while it is not known. */
const char *ubx_antenna_text(const struct ubx_health *h);
/* MON-VER in one line: software, hardware, protocol, as far as there is room in out. */
void ubx_health_identity(const struct ubx_health *h, char *out, size_t size);

#endif
