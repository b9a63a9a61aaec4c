// SPDX-License-Identifier: BSD-2-Clause
/*
 * The wire itself: levels, edges and the presence pulse, before any address is read.
 *
 * Between reset and a ROM command every device waits; it can read the short lows here as bits,
 * eight of which are FFh, not a command.
 */
#include <string.h>

#include "checks.h"
#include "gpio-w1/w1_error.h"
#include "gpio-w1/w1_rise.h"
#include "gpio-w1/w1_slot.h"

#define US UINT64_C(1000)

#define LOOKS 2000
#define TRIES 101 /* odd: the middle one is the median */
#define PROBE_NS (2 * US) /* low or high, as short as the calls allow */
#define RISE_WAIT_NS (200 * US)
/* Capacitance of a metre or two of wire and a few devices, to estimate ohms from a time. */
#define CAPACITANCE_PF 100

static uint64_t now(const struct selftest *t)
{
	return t->line.ops->now_ns(t->line.ctx);
}

static int sample(const struct selftest *t)
{
	return t->line.ops->sample(t->line.ctx);
}

static void spin(const struct selftest *t, uint64_t until_ns)
{
	t->line.ops->spin_until(t->line.ctx, until_ns);
}

/*
 * A line that stays low: driven high for a few us, as a strong pull-up does, it comes up if only
 * the pull-up is missing. A pad bears a short for that time; a reset drives into a short to 3.3 V
 * for 480 us.
 */
static enum selftest_cause why_low(const struct selftest *t)
{
	int level = -1;

	if (t->line.ops->strong_pullup(t->line.ctx, true) == 0) {
		spin(t, now(t) + PROBE_NS);
		level = sample(t);
	}
	t->line.ops->strong_pullup(t->line.ctx, false);
	t->line.ops->release(t->line.ctx);
	return level == 1 ? CAUSE_NO_PULL_UP : CAUSE_SHORT_TO_GROUND;
}

static int count_lows(const struct selftest *t, unsigned looks, unsigned *lows)
{
	*lows = 0;
	for (unsigned i = 0; i < looks; i++) {
		int level = sample(t);

		if (level < 0) {
			return level;
		}
		*lows += level == 0;
	}
	return 0;
}

enum selftest_cause check_bus_idle(struct selftest *t)
{
	unsigned lows;

	if (t->line.ops->release(t->line.ctx) != 0 || count_lows(t, LOOKS / 20, &lows) != 0) {
		return CAUSE_LINE_ERROR;
	}
	selftest_value(t, "high in %u of %u samples", LOOKS / 20 - lows, LOOKS / 20);
	return lows > LOOKS / 40 ? why_low(t) : CAUSE_NONE;
}

/* With a line that is low or stuck every further check would repeat the failure. */
enum selftest_cause check_bus_usable(struct selftest *t)
{
	enum selftest_cause why = check_gpio_open(t);
	unsigned lows;

	if (why != CAUSE_NONE) {
		return why;
	}
	if (t->line.ops->release(t->line.ctx) != 0 || count_lows(t, LOOKS / 20, &lows) != 0) {
		return CAUSE_LINE_ERROR;
	}
	return lows > LOOKS / 40 ? CAUSE_LINE_LOW : CAUSE_NONE;
}

enum selftest_cause check_bus_noise(struct selftest *t)
{
	unsigned lows;

	if (count_lows(t, LOOKS, &lows) != 0) {
		return CAUSE_LINE_ERROR;
	}
	selftest_value(t, "low in %u of %u samples of the idle line", lows, LOOKS);
	return lows > 0 ? CAUSE_NOISE : CAUSE_NONE;
}

/* How often the line was not low while it was driven low, of TRIES. */
static int count_stuck(const struct selftest *t, unsigned *stuck)
{
	*stuck = 0;
	for (unsigned i = 0; i < TRIES; i++) {
		int code = t->line.ops->drive_low(t->line.ctx), level = sample(t);
		int released = t->line.ops->release(t->line.ctx);

		if (code != 0 || level < 0 || released != 0) {
			return code != 0 ? code : level < 0 ? level : released;
		}
		*stuck += level == 1;
		spin(t, now(t) + RISE_WAIT_NS);
	}
	return 0;
}

enum selftest_cause check_bus_low(struct selftest *t)
{
	unsigned stuck;

	if (count_stuck(t, &stuck) != 0) {
		return CAUSE_LINE_ERROR;
	}
	selftest_value(t, "low in %u of %u pulls", TRIES - stuck, TRIES);
	return stuck > TRIES / 2 ? CAUSE_SHORT_TO_SUPPLY : CAUSE_NONE;
}

enum selftest_cause check_bus_rise(struct selftest *t)
{
	struct w1_slots slots;
	unsigned stuck;
	int code;

	if (count_stuck(t, &stuck) != 0) {
		return CAUSE_LINE_ERROR;
	}
	if (stuck > TRIES / 2) {
		return CAUSE_LINE_STUCK;
	}
	w1_slots_init(&slots, t->line);
	code = w1_rise_measure(&slots);
	if (code != 0 && code != W1_ERISE) {
		return code == W1_ESHORT ? CAUSE_LINE_STUCK : CAUSE_LINE_ERROR;
	}
	if (slots.rise_ns <= W1_RISE_UNSEEN_NS) {
		selftest_value(t, "faster than this computer can measure");
		return CAUSE_NONE;
	}
	/* Half the supply is reached after 0.7 RC. */
	selftest_value(t, "%u.%u us to half the supply, as of %u kohm with %u pF",
		       slots.rise_ns / 1000, slots.rise_ns % 1000 / 100,
		       slots.rise_ns * 10 / 7 / CAPACITANCE_PF, CAPACITANCE_PF);
	return code == W1_ERISE				 ? CAUSE_WEAK_PULL_UP
	       : slots.rise_ns > W1_RISE_PARASITE_MAX_NS ? CAUSE_SLOW_RISE
							 : CAUSE_NONE;
}

struct presence {
	uint64_t begin_ns, end_ns; /* after the release; both 0: none was seen */
	uint64_t gap_ns; /* the longest time between two samples */
};

static int watch_presence(const struct selftest *t, struct presence *p)
{
	uint64_t released, looked, last;
	int code = t->line.ops->drive_low(t->line.ctx), level = 1;

	*p = (struct presence){ 0 };
	spin(t, now(t) + 485 * US);
	if (t->line.ops->release(t->line.ctx) != 0 || code != 0) {
		return code != 0 ? code : -1;
	}
	released = last = now(t);
	spin(t, released + 8 * US); /* its own rise; a device waits 15 us at least */
	do {
		looked = now(t);
		level = sample(t);
		p->gap_ns = looked - last > p->gap_ns ? looked - last : p->gap_ns;
		last = looked;
		if (level == 0 && p->begin_ns == 0) {
			p->begin_ns = looked - released;
		}
		if (level == 0) {
			p->end_ns = looked - released;
		}
	} while (level >= 0 && looked - released < 600 * US);
	spin(t, released + 1000 * US);
	return level < 0 ? level : 0;
}

enum selftest_cause check_bus_presence(struct selftest *t)
{
	struct presence p, shown = { 0 };
	unsigned seen = 0, stuck, late = 0, unwatched = 0;

	if (count_stuck(t, &stuck) != 0) {
		return CAUSE_LINE_ERROR;
	}
	if (stuck > TRIES / 2) {
		return CAUSE_LINE_STUCK;
	}
	for (unsigned i = 0; i < 20; i++) {
		if (watch_presence(t, &p) != 0) {
			return CAUSE_LINE_ERROR;
		}
		unwatched += p.gap_ns >= 60 * US; /* tPDLOW is 60 us at least */
		/* A spike of noise is shorter than any presence pulse. */
		if (p.end_ns - p.begin_ns > 20 * US) {
			seen++;
			late += p.end_ns > 310 * US; /* tPDHIGH and tPDLOW at their most, and a call
						      */
			shown = p;
		}
	}
	if (seen == 0) {
		selftest_value(t, "no answer to 20 resets");
		return unwatched > 0 ? CAUSE_NOT_WATCHED : CAUSE_NO_ANSWER;
	}
	selftest_value(t, "%u of 20 resets answered, low from %u to %u us after the release", seen,
		       (unsigned)(shown.begin_ns / US), (unsigned)(shown.end_ns / US));
	return late > 0		       ? CAUSE_HELD_LOW
	       : seen < 20 - unwatched ? CAUSE_SOME_UNANSWERED
				       : CAUSE_NONE;
}
