/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock: what time it was at any instant of this boot. Pure.
 *
 * A Pi has no clock of its own. Inside the node every instant is boot_ns
 * (CLOCK_BOOTTIME), which never steps; UTC comes in as stamps of sources and is
 * worked out from the best one: utc = stamp.utc + (boot - stamp.boot). The same
 * holds backwards, so what was measured before the first stamp is dated by it.
 *
 * Sources (GNSS, NTP, a host clock configured as set, the server's /time) compete by uncertainty,
 * which grows with the age of a stamp; where it is the same, by rank in this order. GNSS and NTP
 * state their whole error and go before the others, of which only a part is known. Whichever of
 * two loses, a difference of more than both uncertainties is an event. A stamp that was not renewed
 * for CLOCK_HOLD_NS is replaced by any other.
 */
#ifndef NODE_CLOCK_H
#define NODE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "ubx/gnss_fix.h"
#include "userspace/reading/reading.h"

/*
 * A receiver in a tunnel or a garage comes back within this; until then its time runs on the boot
 * clock.
 */
#define CLOCK_HOLD_NS (10 * 60 * UINT64_C(1000000000))

/*
 * The uncertainty grows by 100 us per second: a Pi's crystal is good to some 50 ppm over
 * temperature.
 */
#define CLOCK_DRIFT_DIVISOR 10000

#define CLOCK_ACC_UNKNOWN UINT64_MAX

struct clock_stamp {
	uint64_t boot_ns;
	int64_t utc_us; /* at boot_ns; meaningless if source is READING_TIME_NONE */
	enum reading_time_source source;
	uint64_t acc_ns; /* CLOCK_ACC_UNKNOWN: unknown */
};

enum clock_event {
	CLOCK_IGNORED, /* agrees, and is less certain than what is known */
	CLOCK_DISAGREES, /* ignored, differs from what is known by more than both uncertainties */
	CLOCK_KEPT, /* accepted, agrees with what was known */
	CLOCK_FIRST, /* accepted, the first good time: readings without time can be dated */
	CLOCK_STEPPED, /* accepted, differs from what was known by more than both uncertainties */
};

struct clock {
	struct clock_stamp best;
	int64_t not_before_us;
	int64_t step_us; /* of the last CLOCK_STEPPED: new minus old; 0: none */
	/* The source of the last CLOCK_DISAGREES until it agrees or is accepted; NONE: none. Its
	 * time minus ours. */
	enum reading_time_source disagrees;
	int64_t disagrees_us;
};

/* A time before not_before_us, or out of a Reading's range, is rejected whatever its source. */
void clock_init(struct clock *c, int64_t not_before_us);
bool clock_accepts(const struct clock *c, int64_t utc_us);

/* Would a stamp of any source be accepted? Nothing is known, or the best was not renewed. */
bool clock_wants_any(const struct clock *c, uint64_t now_ns);

/* An enum clock_event, or -ERANGE: rejected. */
int clock_feed(struct clock *c, const struct clock_stamp *stamp);

/* A stamp moved to another instant of its boot, before or after it. */
struct clock_stamp clock_stamp_at(const struct clock_stamp *stamp, uint64_t boot_ns);

/*
 * UTC at an instant of this boot, before or after the last stamp. Source NONE while nothing is
 * known.
 */
struct clock_stamp clock_at(const struct clock *c, uint64_t boot_ns);

/*
 * The time of a fix's pulse; without one, that when it was received: its epoch and the middle of
 * its possible age, half of which is its uncertainty. false: its time or its age is not known.
 */
bool clock_stamp_of_fix(const struct gnss_fix *fix, struct clock_stamp *stamp);
/* Is the time of a fix, whatever its age may be, not that of a clock that knows better? */
bool clock_contradicts_fix(const struct clock *c, const struct gnss_fix *fix);

/* a + b where either may be unknown, and never wrapping. */
uint64_t clock_acc_add(uint64_t a_ns, uint64_t b_ns);

#endif
