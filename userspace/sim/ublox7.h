/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ublox7: a u-blox 7 receiver (NEO-7M, PROTVER 14.00) with a UART, in virtual or real time.
 *
 * Pure: bits on its RXD go in, bits on its TXD come out, each with the time at which
 * they are on the line. It is written from the protocol description (V14) apart
 * from the driver in ubx/, so that the two check each other.
 *
 *	ublox7_init()
 *	for each instant: while (ublox7_next(now)) the byte it gave has ended on the line
 *	                  ublox7_receive() for each byte that the host sent
 *	                  nothing happens by itself before ublox7_deadline()
 *
 * What is simulated: power (boot banner, brown-out, battery-backed RAM, power save), the
 * UART (baud, full output buffer, framing errors), the protocol (UBX polls and sets with
 * ACK and NAK, NMEA), navigation (start, doubtful fixes, UTC before its page has come).
 * Where V14 gives no number, the number here is an assumption and a field of the config.
 *
 * Times are ns of any monotonic clock. The state holds no pointer but config.track.
 */
#ifndef UBLOX7_H
#define UBLOX7_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ublox7_settings.h"
#include "ublox7_uart.h"
#include "ublox7_world.h"
#include "w1_random.h"

enum ublox7_mode {
	UBLOX7_NMEA, /* as from the factory, but for the baud */
	UBLOX7_UBX, /* UBX only: as another program left it */
	UBLOX7_MIXED,
	UBLOX7_SILENT, /* no output protocol at all */
	UBLOX7_ASLEEP, /* NMEA in power save; wakes by an edge on RXD (V14 section 11.2.3.1) */
	UBLOX7_MODE_COUNT
};

enum ublox7_kind {
	UBLOX7_GENUINE,
	UBLOX7_NMEA_ONLY, /* a clone that ignores UBX */
	UBLOX7_NO_VERSION, /* never answers MON-VER */
	UBLOX7_WRONG_PROTVER, /* reports PROTVER 13.01 */
	UBLOX7_IS_8, /* u-blox 8: PROTVER=18.00, NAV-PVT of 92 bytes */
	UBLOX7_IS_6, /* u-blox 6: PROTVER 13.00, neither NAV-PVT nor CFG-GNSS, MON-HW of 68 bytes */
	UBLOX7_KIND_COUNT
};

struct ublox7_config {
	uint32_t baud;
	enum ublox7_mode mode;
	enum ublox7_kind kind;
	bool power_on; /* starts with a boot (then battery-backed RAM decides the mode) */
	uint64_t seed;

	int64_t utc_us; /* true time when the simulation starts */
	const struct ublox7_point *track; /* borrowed; NULL: a drive made from the seed */
	size_t track_len;

	bool no_battery; /* V_BCKP is not fed: saved settings die with the supply */
	int64_t no_fix_before_us; /* UTC: while true time is earlier there is no fix; 0: see ttff_ms
				   */
	uint32_t ttff_ms; /* first fix after the start of the simulation; 0: has one */
	uint32_t hot_ttff_ms; /* after a start with all known; [DS] 1000. 0: what a test measures is
				 the host */
	uint32_t cold_ttff_ms; /* the same after a start with nothing known */
	uint32_t utc_page_ms; /* from that fix until UTC is resolved (its page comes every 12.5
				 min) */
	uint32_t doubtful_ppm; /* epochs with a fix that is not gnssFixOK */
	uint8_t antenna; /* MON-HW aStatus: 0 INIT 1 DONTKNOW 2 OK 3 SHORT 4 OPEN */
	uint8_t jam_ind; /* MON-HW jamInd, continuous wave, 0..255 */

	uint32_t delay_min_us, delay_max_us; /* delay from a command to its execution */
	uint32_t deaf_ms; /* time after CFG-PRT in which input is lost (clones: 300) */
	uint32_t drop_ppm, corrupt_ppm; /* of the bytes on the line, each way */
	uint32_t framing_limit; /* more framing errors than this in a second: deaf for its rest; 0
				   never */
	uint8_t refused_cfg; /* polls and sets of this CFG message get NAK; 0xFF none */
	uint8_t refused_set; /* only sets of this one */
	bool refuse_all; /* every CFG message */
	uint32_t latency_ms; /* from an epoch to its first byte */
	bool asleep; /* in power save, with the output of the mode */
	uint32_t warn_every; /* a warning per so many epochs; 0: none */
};

void ublox7_config_default(struct ublox7_config *config);

#define UBLOX7_TX_BUFFER 2048
#define UBLOX7_COMMANDS 32
#define UBLOX7_PAYLOAD_MAX 256

struct ublox7_byte {
	uint8_t value;
	uint32_t baud;
	uint64_t start_ns, end_ns; /* first edge of the start bit, end of the stop bit */
};

struct ublox7_command {
	uint64_t due_ns;
	uint16_t len;
	uint8_t cls, id, payload[UBLOX7_PAYLOAD_MAX];
};

enum ublox7_power {
	UBLOX7_OFF,
	UBLOX7_BOOTING,
	UBLOX7_ON,
	UBLOX7_PSM_SLEEP,
	UBLOX7_BACKUP,
	UBLOX7_WAKING
};

/* Counters for tests. */
struct ublox7_counters {
	uint32_t frames, bad_frames, sets, polls, acks, naks, boots, framing_errors, overruns;
	uint32_t rx_bytes, tx_bytes, tx_dropped; /* tx_dropped: messages that found the buffer full
						  */
	uint32_t commands_dropped;
};

struct ublox7 {
	struct ublox7_config config;
	struct w1_random random;
	uint64_t now_ns;
	int64_t utc_offset_us; /* true UTC = now + this */

	enum ublox7_power power;
	uint64_t power_until_ns; /* UINT64_MAX: never ends by itself */
	uint64_t boot_ns;
	bool tx_stuck, gnss_stopped;

	struct ublox7_settings set, bbr;
	uint16_t bbr_sections; /* which of them were saved */
	uint8_t aid_ini[48];

	struct ublox7_world world;
	uint64_t epoch_due_ns;
	int64_t epoch_gps_us; /* grid point of the newest epoch */
	uint32_t epochs;

	struct ublox7_uart uart;
	uint64_t deaf_until_ns, framing_since_ns;
	uint32_t framing_in_second;
	uint8_t rx[UBLOX7_PAYLOAD_MAX + 8];
	uint16_t rx_len;
	struct ublox7_command command[UBLOX7_COMMANDS];
	unsigned command_first, command_count;

	uint8_t tx[UBLOX7_TX_BUFFER];
	unsigned tx_first, tx_count, tx_peak;
	bool sending;
	struct ublox7_byte shift; /* the byte on the line */

	struct ublox7_counters counters;
};

void ublox7_init(struct ublox7 *u, const struct ublox7_config *config, uint64_t now_ns);

/* The host sent `byte` at `baud`; its stop bit ended at end_ns. Collect what ublox7_next() gives
 * until then first. */
void ublox7_receive(struct ublox7 *u, uint8_t byte, uint32_t baud, uint64_t end_ns);
/* The next byte whose stop bit has ended by now_ns; false: none yet. */
bool ublox7_next(struct ublox7 *u, uint64_t now_ns, struct ublox7_byte *out);
uint64_t ublox7_deadline(const struct ublox7 *u);

/* The present baud. */
uint32_t ublox7_baud(const struct ublox7 *u);
/* Its supply fails for off_ms; with a battery the backup RAM lives on. */
void ublox7_brown_out(struct ublox7 *u, uint32_t off_ms, uint64_t now_ns);
/* Stops the output (a broken TXD, a hung receiver) or resumes it. */
void ublox7_stick(struct ublox7 *u, bool stuck);
/* Sets true time again, for a clock that was stepped. */
void ublox7_set_utc(struct ublox7 *u, int64_t utc_us, uint64_t now_ns);

#endif
