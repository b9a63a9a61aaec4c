/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sampler: decides when to measure and what one reading contains. Pure: time, results and fixes are
 * inputs.
 *
 *            lead             wait
 *   ──┬───────────────┬──────────────┬──▶ time
 *     start a cycle   due            at the latest
 *
 * A cycle of the thermometers starts so that it ends when the reading is due. Then the reading
 * waits for the cycle and for a fix that no reading had yet, both within bounds. A reading with
 * such a fix is of the fix's own instant: its time is the receiver's, to the microsecond. Any other
 * is of the instant at which it is made, dated by the clock; its position then has an age.
 *
 * With a period of 0 each fix makes a reading.
 */
#ifndef NODE_SAMPLER_H
#define NODE_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "gpio-w1/thermometers.h"
#include "ubx/gnss_fix.h"
#include "userspace/reading/reading.h"

/* 0.75 s of conversion at 12 bits (DS18B20 tCONV) and 0.25 s to search and read some sensors */
#define SAMPLER_LEAD_NS (1000 * UINT64_C(1000000))
/*
 * A reading waits this long, or 2 s longer than the cycle before took, for a cycle that is late,
 * then goes without.
 */
#define SAMPLER_CYCLE_WAIT_NS (3000 * UINT64_C(1000000))
/* With a period of 0 and no fix, a reading is made after this. */
#define SAMPLER_NO_FIX_NS (10000 * UINT64_C(1000000))

struct sampler {
	uint64_t period_ns; /* 0: each fix */
	uint64_t rate_ns; /* between two fixes */
	uint64_t due_ns; /* of the next reading */
	uint64_t started_ns; /* of the running cycle */
	uint64_t took_ns; /* the newest: more than SAMPLER_LEAD_NS with many sensors or buses, on
			     parasite power, with strict proof */
	bool has_bus; /* set by the caller: there are thermometers to start */
	bool running, has_result; /* a cycle; its result, not yet in a reading */
	bool has_fix, fix_is_new;
	struct thermometers_result result;
	struct gnss_fix fix;
};

void sampler_init(struct sampler *s, unsigned period_ms, unsigned rate_ms, uint64_t now_ns);
/* Another period, from now on: the next reading is due within it. */
void sampler_set_period(struct sampler *s, unsigned period_ms, uint64_t now_ns);

/* Is it time to start a cycle? Then start one and call sampler_cycle_started(). */
bool sampler_wants_cycle(const struct sampler *s, uint64_t now_ns);
void sampler_cycle_started(struct sampler *s, uint64_t now_ns);
/* The cycle's result; it is copied. */
void sampler_accept_result(struct sampler *s, const struct thermometers_result *result);
/* A new fix, copied; NULL: the last one is stale. */
void sampler_accept_fix(struct sampler *s, const struct gnss_fix *fix);

/* Is a reading complete, or may it wait no longer? */
bool sampler_is_ready(const struct sampler *s, uint64_t now_ns);
/*
 * Makes a reading of temperatures, position and time; the rest of *r is unknown. The next is due a
 * period later.
 */
void sampler_make(struct sampler *s, const struct clock *clock, uint64_t now_ns, struct reading *r);

/* When to check again if no input arrives before. */
uint64_t sampler_deadline_ns(const struct sampler *s, uint64_t now_ns);

#endif
