/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ubx_rig: a session and the simulated receiver on one serial line, in virtual time.
 *
 * Both ends are UARTs: each hears what the other's bits look like at its own baud.
 */
#ifndef UBX_RIG_H
#define UBX_RIG_H

#include <stdio.h>

#include "ubx/ubx_session.h"
#include "userspace/sim/ublox7.h"

#define RIG_MS 1000000ull
#define RIG_S 1000000000ull
#define RIG_UTC_US 1795437296000000ll /* 2026-11-23 12:34:56 */

struct ubx_rig {
	struct ubx_session host;
	struct ublox7 receiver;
	struct ublox7_uart host_uart;
	uint64_t now_ns;
	uint32_t host_baud; /* what the port is set to */
	bool unplugged; /* nothing passes the line */
	bool echo; /* the host's TXD comes back to its RXD */
	uint64_t busy_until_ns; /* the host does something else: bytes wait in its driver */
	uint8_t rx[4096];
	size_t rx_len;
	bool mute; /* the host's TXD is not connected */
	uint32_t max_baud; /* the cable garbles what comes faster from the receiver; 0: no limit */
	uint8_t tx[2048]; /* in the host's driver */
	size_t tx_len;
	uint64_t tx_begin_ns; /* when its first byte began on the line */
};

void ubx_rig_receiver(struct ublox7_config *config);

struct ubx_session_config ubx_rig_host(void);

void ubx_rig_start(struct ubx_rig *r, const struct ubx_session_config *host,
		   const struct ublox7_config *receiver, uint64_t now_ns);

/* A new program on the same receiver. */
void ubx_rig_new_host(struct ubx_rig *r, const struct ubx_session_config *host);

/* The next thing that happens, at or before `until`; false: nothing is left until then. */
bool ubx_rig_step(struct ubx_rig *r, uint64_t until);

void ubx_rig_run(struct ubx_rig *r, uint64_t for_ns);

/* Runs until the condition holds (true) or the time is over. */
bool ubx_rig_until(struct ubx_rig *r, bool (*holds)(const struct ubx_rig *), uint64_t within_ns);

/* A position from a receiver that was met, and all settings read back. */
bool ubx_rig_has_fix(const struct ubx_rig *r);

bool ubx_rig_is_verified(const struct ubx_rig *r);

/* The host's fix is the simulator's truth of that epoch, if it is still the newest there. */
void ubx_rig_assert_truth(const struct ubx_rig *r);

/* A number from the environment. */
unsigned ubx_rig_knob(const char *name, unsigned fallback);

#endif
