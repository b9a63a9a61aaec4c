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

/* Without a stated uncertainty this much is not worth an event. */
#define UNKNOWN_DOUBT_NS 1000000000

static uint64_t doubt_ns(const struct clock_stamp *s)
{
	return s->acc_ns == CLOCK_ACC_UNKNOWN ? UNKNOWN_DOUBT_NS : s->acc_ns;
}

/* Do they differ by more than both uncertainties? Of the same instant. */
static bool contradict(const struct clock_stamp *a, const struct clock_stamp *b)
{
	uint64_t apart_us = a->utc_us > b->utc_us ? (uint64_t)(a->utc_us - b->utc_us)
						  : (uint64_t)(b->utc_us - a->utc_us);

	return apart_us > clock_acc_add(doubt_ns(a), doubt_ns(b)) / 1000 + 1;
}

/* GNSS and NTP state how far they are off; /time only how long it was on its way. */
static bool states_error(const struct clock_stamp *s)
{
	return (s->source == READING_TIME_GNSS || s->source == READING_TIME_NTP) &&
	       s->acc_ns != CLOCK_ACC_UNKNOWN;
}

static bool is_better(const struct clock_stamp *stamp, const struct clock_stamp *known)
{
	if (states_error(stamp) != states_error(known)) {
		return states_error(stamp);
	}
	return stamp->acc_ns < known->acc_ns ||
	       (stamp->acc_ns == known->acc_ns && rank(stamp->source) >= rank(known->source));
}

int clock_feed(struct clock *c, const struct clock_stamp *stamp)
{
	struct clock_stamp known = clock_at(c, stamp->boot_ns);
	bool apart = contradict(stamp, &known);

	if (stamp->source == READING_TIME_NONE || !clock_accepts(c, stamp->utc_us)) {
		return -ERANGE;
	}
	if (known.source == READING_TIME_NONE) {
		c->best = *stamp;
		return CLOCK_FIRST;
	}
	if (stamp->source == c->disagrees) {
		c->disagrees = READING_TIME_NONE;
	}
	/* A source may correct its own earlier time. */
	if (!is_better(stamp, &known) && !clock_wants_any(c, stamp->boot_ns) &&
	    !(apart && stamp->source == known.source)) {
		if (!apart) {
			return CLOCK_IGNORED;
		}
		c->disagrees = stamp->source;
		c->disagrees_us = stamp->utc_us - known.utc_us;
		return CLOCK_DISAGREES;
	}
	c->best = *stamp;
	if (!apart) {
		return CLOCK_KEPT;
	}
	c->step_us = stamp->utc_us - known.utc_us;
	return CLOCK_STEPPED;
}

bool clock_stamp_of_fix(const struct gnss_fix *fix, struct clock_stamp *stamp)
{
	uint64_t half_ns;

	if (!fix->time_known || fix->age_max_ns == UINT64_MAX) {
		return false;
	}
	if (fix->pulse_ns != 0) {
		*stamp = (struct clock_stamp){
			.boot_ns = fix->pulse_ns,
			.utc_us = fix->pulse_utc_us,
			.source = READING_TIME_GNSS,
			.acc_ns = fix->pulse_acc_ns,
		};
		return true;
	}
	half_ns = (fix->age_max_ns - fix->age_min_ns) / 2;
	*stamp = (struct clock_stamp){
		.boot_ns = fix->received_ns,
		.utc_us = fix->utc_us + (int64_t)((fix->age_min_ns + half_ns) / 1000),
		.source = READING_TIME_GNSS,
		.acc_ns = fix->tacc_ns == UINT32_MAX ? CLOCK_ACC_UNKNOWN : half_ns + fix->tacc_ns,
	};
	return true;
}

/* The longest interval of epochs, and so the greatest age of a polled one (CFG-RATE measRate). */
#define POLLED_AGE_NS (UINT64_C(65535) * 1000000)

bool clock_contradicts_fix(const struct clock *c, const struct gnss_fix *fix)
{
	struct clock_stamp known, stamp;

	if (!clock_stamp_of_fix(fix, &stamp)) {
		stamp = (struct clock_stamp){
			.boot_ns = fix->received_ns,
			.utc_us = fix->utc_us + (int64_t)(POLLED_AGE_NS / 2000),
			.acc_ns = POLLED_AGE_NS / 2,
		};
	}
	known = clock_at(c, stamp.boot_ns);
	return states_error(&known) && contradict(&stamp, &known);
}
