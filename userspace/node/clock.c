// SPDX-License-Identifier: BSD-2-Clause
#include "clock.h"

#include <errno.h>
#include <string.h>

static int rank(enum reading_time_source source)
{
	switch (source) {
	case READING_TIME_GNSS:
		return 3;
	case READING_TIME_NTP:
	case READING_TIME_HOST:
		return 2;
	case READING_TIME_SERVER:
		return 1;
	case READING_TIME_NONE:
		break;
	}
	return 0;
}

uint64_t clock_acc_add(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns > CLOCK_ACC_UNKNOWN - b_ns ? CLOCK_ACC_UNKNOWN : a_ns + b_ns;
}

void clock_init(struct clock *c, int64_t not_before_us)
{
	memset(c, 0, sizeof(*c));
	c->best.source = READING_TIME_NONE;
	c->best.acc_ns = CLOCK_ACC_UNKNOWN;
	c->not_before_us = not_before_us;
}

bool clock_accepts(const struct clock *c, int64_t utc_us)
{
	return utc_us >= c->not_before_us && utc_us < READING_UTC_MAX_US;
}

bool clock_wants_any(const struct clock *c, uint64_t now_ns)
{
	return c->best.source == READING_TIME_NONE ||
	       (now_ns > c->best.boot_ns && now_ns - c->best.boot_ns > CLOCK_HOLD_NS);
}

struct clock_stamp clock_stamp_at(const struct clock_stamp *stamp, uint64_t boot_ns)
{
	struct clock_stamp at = *stamp;
	bool later = boot_ns >= stamp->boot_ns;
	uint64_t apart_ns = later ? boot_ns - stamp->boot_ns : stamp->boot_ns - boot_ns;

	at.boot_ns = boot_ns;
	if (at.source != READING_TIME_NONE) {
		at.utc_us += later ? (int64_t)(apart_ns / 1000) : -(int64_t)(apart_ns / 1000);
		at.acc_ns = clock_acc_add(at.acc_ns, apart_ns / CLOCK_DRIFT_DIVISOR);
	}
	return at;
}

struct clock_stamp clock_at(const struct clock *c, uint64_t boot_ns)
{
	return clock_stamp_at(&c->best, boot_ns);
}

int clock_feed(struct clock *c, const struct clock_stamp *stamp)
{
	struct clock_stamp known = clock_at(c, stamp->boot_ns);
	uint64_t doubt_ns, apart_us;

	if (stamp->source == READING_TIME_NONE || !clock_accepts(c, stamp->utc_us)) {
		return -ERANGE;
	}
	if (rank(stamp->source) < rank(known.source) && !clock_wants_any(c, stamp->boot_ns)) {
		return CLOCK_IGNORED;
	}
	c->best = *stamp;
	if (known.source == READING_TIME_NONE) {
		return CLOCK_FIRST;
	}
	doubt_ns = clock_acc_add(known.acc_ns, stamp->acc_ns);
	apart_us = stamp->utc_us > known.utc_us ? (uint64_t)(stamp->utc_us - known.utc_us)
						: (uint64_t)(known.utc_us - stamp->utc_us);
	if (apart_us <= doubt_ns / 1000 + 1) {
		return CLOCK_KEPT;
	}
	c->step_us = stamp->utc_us - known.utc_us;
	return CLOCK_STEPPED;
}
