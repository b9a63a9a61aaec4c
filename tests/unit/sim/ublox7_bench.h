/* SPDX-License-Identifier: BSD-2-Clause */
/* ublox7_bench: the simulated receiver alone on a wire, in virtual time: say bytes, find frames in
 * what was received. */
#ifndef UBLOX7_BENCH_H
#define UBLOX7_BENCH_H

#include "userspace/sim/ublox7.h"

#define MS 1000000ull
#define S 1000000000ull
#define UTC_US 1795437296000000ll /* 2026-11-23 12:34:56 */

/* One receiver, a wire at host_baud, and all that was received on it. */
struct bench {
	struct ublox7 u;
	struct ublox7_uart uart;
	uint32_t host_baud;
	uint64_t now_ns, last_end_ns;
	uint8_t received[65536];
	size_t len;
};

void run_ms(struct bench *b, uint64_t ms);

void send_bytes(struct bench *b, const uint8_t *bytes, size_t len);

void command(struct bench *b, uint8_t cls, uint8_t id, const void *payload, size_t len);

/* The newest good frame of that message since `from`; NULL if there is none. */
const uint8_t *find(const struct bench *b, size_t from, uint8_t cls, uint8_t id, size_t *len);

/* Sends a command; the answer of the same class and id within a second. */
const uint8_t *bench_request(struct bench *b, uint8_t cls, uint8_t id, const void *payload,
			     size_t len, size_t *answer_len);

enum { SILENT = -1, NAK = 0, ACK = 1 };

int outcome(struct bench *b, uint8_t id, const void *payload, size_t len);

struct ublox7_config quiet(void);

struct bench *bench_start(const struct ublox7_config *c);

struct bench *bench_start_default(void);

bool has_sent(const struct bench *b, const char *text);

uint32_t u32(const uint8_t *p);

#endif
