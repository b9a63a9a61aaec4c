// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_slot.h"

#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif

#include "w1_error.h"

#define US UINT64_C(1000)

/* DS18B20 datasheet 19-7487, AC electrical characteristics. */
#define RESET_LOW_MIN (480 * US) /* tRSTL */
#define RESET_LOW_MAX (960 * US) /* note 9: a parasite device may lose its power beyond */
#define RESET_HIGH_MIN (480 * US) /* tRSTH */
#define PRESENCE_FROM (15 * US) /* tPDHIGH min */
#define PRESENCE_UNTIL (300 * US) /* tPDHIGH max + tPDLOW max */
#define PRESENCE_LOW_MIN (60 * US) /* tPDLOW min: no gap as long as this may go unwatched */
#define LOW0_MIN (60 * US) /* tLOW0 */
#define LOW0_MAX (120 * US)
#define LOW1_MIN (1 * US) /* tLOW1 */
#define LOW1_MAX (15 * US)
#define READ_VALID (15 * US) /* tRDV */
#define READ_COUNTED (240 * US) /* half a reset: a shorter low is a slot to every device */
#define SLOT_MIN (60 * US) /* tSLOT */
#define RECOVERY_MIN (1 * US) /* tREC */
#define POWER_WITHIN (10 * US) /* tSPON */
/* Aimed at, so that clock granularity can't cost the minimum. */
#define MARGIN (1 * US)
/*
 * The sample begins here, on a slow wire up to READ_SAMPLE_LATEST: one ioctl must end by READ_VALID
 * (AN126 samples at 15).
 */
#define READ_SAMPLE (9 * US)
#define READ_SAMPLE_LATEST (11500)
/* What a sample may be early by the grain of the measured settle_ns. */
#define SETTLE_MARGIN (1 * US)
/* What is too fast to be measured may still be this, which is much to the threshold of 3.0 V. */
#define PARASITE_RISE_MIN 2200
/* A line that is low longer than any device holds it is not 1-Wire's doing. */
#define STUCK_AFTER (120 * US)

/* A master that pulls the line low does so for 60 us and more, noise in single samples. */
#define WATCH_EVERY (500 * US)
#define WATCH_LOWS 8

/*
 * A sleep costs about as much CPU as to spin for so long (two switches and a timer on a Pi 3,
 * estimated).
 */
#define SLEEP_WORTH (10 * US)
#define NEVER_LATE UINT64_MAX
/*
 * A write-0 that was slept in may end so much later than usual: 120 - 60 us less what the edges'
 * ioctls take.
 */
#define LOW0_SLACK (45 * US)
#define RESET_SLACK (400 * US)
/*
 * Of a sleep's lateness no more is remembered: it was a preemption, not the way this computer wakes
 * up.
 */
#define LATE_MOST (1000 * US)
/*
 * ns, up and down: a running quartile. Every fourth sleep ends early and is spun to its end; the
 * others prolong the slot.
 */
#define LATE_STEP_UP 200
#define LATE_STEP_DOWN 600
/* On a computer that wakes up too late to sleep in slots: others get a turn between two of them. */
#define NAP_AFTER (W1_AWAKE_MAX_NS - 1000 * US)
#define NAP (200 * US)

static uint64_t now(const struct w1_slots *s)
{
	return s->line.ops->now_ns(s->line.ctx);
}

static void spin(const struct w1_slots *s, uint64_t until)
{
	s->line.ops->spin_until(s->line.ctx, until);
}

void w1_slots_init(struct w1_slots *s, struct w1_line line)
{
	memset(s, 0, sizeof(*s));
	s->line = line;
	s->wake_worst_ns = LATE_MOST;
	s->parasite = true; /* until it is known to be otherwise */
}

static uint64_t sleep_from(struct w1_slots *s, uint64_t from, uint64_t until)
{
	uint64_t awake = from - s->awake_since_ns;

	if (s->awake_since_ns != 0 && awake > s->awake_longest_ns) {
		s->awake_longest_ns = awake;
	}
	s->line.ops->sleep_until(s->line.ctx, until);
	s->awake_since_ns = now(s);
	s->sleeps++;
	s->slept_ns += s->awake_since_ns - from;
	return s->awake_since_ns;
}

void w1_slots_sleep(struct w1_slots *s, uint64_t until_ns)
{
	sleep_from(s, now(s), until_ns);
}

/*
 * The usual lateness is a quartile, so that single preemptions don't move it; the worst is
 * forgotten by a 32nd each time.
 */
static void learn(struct w1_slots *s, uint64_t late)
{
	late = late < LATE_MOST ? late : LATE_MOST;
	if (late > s->wake_ns) {
		s->wake_ns += LATE_STEP_UP;
	} else {
		s->wake_ns -= s->wake_ns > LATE_STEP_DOWN ? LATE_STEP_DOWN : s->wake_ns;
	}
	s->wake_worst_ns -= s->wake_worst_ns / 32;
	s->wake_worst_ns = late > s->wake_worst_ns ? late : s->wake_worst_ns;
}

/*
 * Waits until `until`, from `from`, a reading of the clock just taken. Sleeps if that is worth it
 * and waking up as late as lately stays within `slack`: up to the usual lateness before `until`;
 * spins for what is left.
 */
static void wait_from(struct w1_slots *s, uint64_t from, uint64_t until, uint64_t slack)
{
	if (until > from + SLEEP_WORTH + s->wake_ns) {
		if (slack == NEVER_LATE || s->wake_worst_ns <= s->wake_ns + slack) {
			uint64_t wake = until - s->wake_ns;

			from = sleep_from(s, from, wake);
			learn(s, from - wake);
		}
	} else if (until > from + SLEEP_WORTH && s->wake_ns > 0) {
		s->wake_ns--; /* is tried again in a while: what made it late may be over */
	}
	if (from < until) {
		spin(s, until);
	}
}

static int sample(const struct w1_slots *s)
{
	return s->line.ops->sample(s->line.ctx);
}

static int violated(struct w1_slots *s, enum w1_violation kind)
{
	s->violations[kind]++;
	return W1_EVIOLATION;
}

/*
 * From the release until every device sees the wire high. Our input switches at half the supply,
 * 0.7 RC; a device at 2.2 V of 3.3 V, 1.1 RC, on parasite power at 3.0 V, 2.4 RC; a tenth on top.
 */
static uint64_t device_rise(const struct w1_slots *s)
{
	uint32_t rise = s->parasite && s->rise_ns < PARASITE_RISE_MIN ? PARASITE_RISE_MIN
								      : s->rise_ns;

	return (uint64_t)rise * (s->parasite ? 15 : 7) / 4;
}

bool w1_slots_watch(struct w1_slots *s, uint64_t until_ns)
{
	bool seen = false;
	uint64_t at = now(s);

	while (at < until_ns && !seen) {
		unsigned int lows = 0;

		at = at + WATCH_EVERY < until_ns ? at + WATCH_EVERY : until_ns;
		sleep_from(s, now(s), at);
		while (lows < WATCH_LOWS && sample(s) == 0) {
			lows++;
		}
		seen = lows == WATCH_LOWS;
		at = now(s);
	}
	if (at < until_ns) {
		sleep_from(s, at, until_ns);
	}
	return seen;
}

/*
 * A low pulse: the fall lies in [t0, t1], the rise begins in [t2, t3]. t2 is no reading:
 * spin_until() does not end before.
 */
struct pulse {
	uint64_t t0, t1, t2, t3;
};

static int pulse(struct w1_slots *s, uint64_t low_ns, uint64_t slack, struct pulse *p)
{
	const struct w1_line_ops *ops = s->line.ops;
	int code, released;

	p->t0 = now(s);
	code = ops->drive_low(s->line.ctx);
	p->t1 = now(s);
	p->t2 = p->t1 + low_ns;
	if (code == 0) {
		wait_from(s, p->t1, p->t2, slack);
	}
	released = ops->release(s->line.ctx);
	p->t3 = now(s);
	return code != 0 ? code : released;
}

/* By the pessimistic end of each bracket: false alarms happen, false trust does not. */
static bool low_within(const struct pulse *p, uint64_t min, uint64_t max)
{
	return p->t2 - p->t1 >= min && p->t3 - p->t0 <= max;
}

/*
 * Waits for the rest of the slot, sees the line high again and gives the devices their recovery: 0,
 * or `otherwise`. from: a reading of the clock just taken. pulled: a device may have pulled the
 * line until now.
 */
static int end_slot(struct w1_slots *s, const struct pulse *p, uint64_t from, bool pulled,
		    int otherwise)
{
	/* The fall may have been as late as t1; reading the level takes the rest of the slot. */
	uint64_t end = p->t0 + SLOT_MIN > p->t1 + SLOT_MIN - 2 * MARGIN
			       ? p->t0 + SLOT_MIN
			       : p->t1 + SLOT_MIN - 2 * MARGIN;
	uint64_t risen = p->t3 + device_rise(s);
	int level;

	end = end > risen ? end : risen;
	if (from > s->awake_since_ns + NAP_AFTER) {
		end = from + NAP;
		sleep_from(s, from, end);
	} else {
		end = end > from ? end : from;
		wait_from(s, from, end, NEVER_LATE);
	}
	level = sample(s);
	while (level == 0 && now(s) < end + STUCK_AFTER) { /* a slow rise */
		level = sample(s);
	}
	if (level == 1) { /* what a device has pulled until now is high to us before it is to others
			   */
		spin(s, pulled ? now(s) + device_rise(s) - s->rise_ns + RECOVERY_MIN
			       : end + RECOVERY_MIN);
	}
	return level < 0 ? level : level == 1 ? 0 : otherwise;
}

/*
 * The level after a short low, or W1_EVIOLATION: it was known too late. *at is when it was known. A
 * 1 counts if it was sampled while a device's 0 still holds the line. A 0 counts if the line had
 * the time to rise; else a second look decides: still low, a device holds it; high before the
 * earliest rise after a 0, it was a slow 1.
 */
static int level_in_time(const struct w1_slots *s, const struct pulse *p, uint64_t *at)
{
	uint64_t settled = p->t3 + s->settle_ns + SETTLE_MARGIN;
	uint64_t from = settled < p->t0 + READ_SAMPLE_LATEST ? settled : p->t0 + READ_SAMPLE_LATEST;
	int level;

	spin(s, from > p->t0 + READ_SAMPLE ? from : p->t0 + READ_SAMPLE);
	from = now(s);
	level = sample(s);
	*at = now(s);
	if (level < 0) {
		return level;
	}
	/* One bound for both: our own low was at most 15 us long, and the sample was valid. */
	if (p->t2 - p->t1 < LOW1_MIN || *at - p->t0 > READ_VALID) {
		return W1_EVIOLATION;
	}
	if (level == 0 && from < settled) {
		spin(s, settled);
		level = sample(s);
		*at = now(s);
		if (level == 1 && *at - p->t0 > READ_VALID + s->settle_ns) {
			return W1_EVIOLATION;
		}
	}
	return level;
}

/*
 * A write-1 is a read slot to us: a device that pulls it low takes this for its own, because it
 * missed a reset; what the others receive is a 0.
 */
static int write_slot(struct w1_slots *s, bool bit, uint64_t low1_max)
{
	struct pulse p;
	uint64_t at;
	int level = 1, code = pulse(s, bit ? LOW1_MIN : LOW0_MIN, LOW0_SLACK, &p);

	s->slots++;
	if (code != 0) {
		return code;
	}
	if (!low_within(&p, bit ? LOW1_MIN : LOW0_MIN, bit ? low1_max : LOW0_MAX)) {
		return violated(s, bit ? W1_VIOLATION_WRITE1 : W1_VIOLATION_WRITE0);
	}
	at = p.t3;
	if (bit) {
		level = level_in_time(s, &p, &at);
	}
	code = end_slot(s, &p, at, false, W1_EECHO);
	return code != 0 ? code : level == 0 ? W1_EECHO : 0;
}

int w1_slot_write(struct w1_slots *s, bool bit)
{
	return write_slot(s, bit, s->rise_ns < LOW1_MAX ? LOW1_MAX - s->rise_ns : 0);
}

int w1_slot_write_sure(struct w1_slots *s, bool bit)
{
	/*
	 * The edges lie within their calls: a quarter of a call at least is no part of the low,
	 * each.
	 */
	uint64_t rise = device_rise(s), most = LOW1_MAX + s->call_ns / 2;

	return write_slot(s, bit, rise < most ? most - rise : 0);
}

int w1_slot_write0_power(struct w1_slots *s)
{
	const struct w1_line_ops *ops = s->line.ops;
	uint64_t t0, t1, t2, t3;
	int code;

	s->slots++;
	t0 = now(s);
	code = ops->drive_low(s->line.ctx);
	t1 = now(s);
	if (code != 0) {
		ops->release(s->line.ctx);
		return code;
	}
	t2 = t1 + LOW0_MIN;
	spin(s, t2);
	code = ops->strong_pullup(s->line.ctx, true);
	t3 = now(s);
	if (code != 0) {
		ops->release(s->line.ctx);
		return code;
	}
	if (t3 - t0 > LOW0_MAX) {
		code = violated(s, W1_VIOLATION_WRITE0);
	} else if (t3 - t2 > POWER_WITHIN + LOW0_MAX - LOW0_MIN) {
		code = violated(s, W1_VIOLATION_PULLUP);
	}
	return code;
}

int w1_slot_read(struct w1_slots *s)
{
	struct pulse p;
	uint64_t at;
	int level, code = pulse(s, LOW1_MIN, 0, &p);

	s->slots++;
	s->counted = false;
	if (code != 0) {
		return code;
	}
	level = level_in_time(s, &p, &at);
	if (level == W1_EVIOLATION) {
		s->violations[W1_VIOLATION_READ]++;
		s->counted = at - p.t0 <= READ_COUNTED && end_slot(s, &p, at, true, W1_ESHORT) == 0;
	}
	if (level < 0) {
		return level;
	}
	code = end_slot(s, &p, at, level == 0, W1_ESHORT);
	return code != 0 ? code : level;
}

int w1_slot_look(struct w1_slots *s, uint64_t delay_ns, struct w1_look *look)
{
	struct pulse p;
	uint64_t from, to;
	int level, code = pulse(s, LOW1_MIN, 0, &p);

	s->slots++;
	if (code != 0) {
		return code;
	}
	if (delay_ns > 0) {
		spin(s, p.t3 + delay_ns);
	}
	from = now(s);
	level = sample(s);
	to = now(s);
	if (level < 0) {
		return level;
	}
	look->settle_ns = from - p.t3;
	look->rise_ns = (from + to) / 2 - (p.t2 + p.t3) / 2;
	look->high = level == 1;
	return end_slot(s, &p, to, true, W1_ESHORT);
}

/* 0 once a presence pulse was seen between PRESENCE_FROM and PRESENCE_UNTIL after the release. */
static int watch_presence(struct w1_slots *s, const struct pulse *p)
{
	uint64_t watched = p->t2 + PRESENCE_FROM, gap = 0, rise = device_rise(s);
	bool seen = false;

	spin(s, p->t3 + PRESENCE_FROM);
	while (!seen && watched < p->t3 + PRESENCE_UNTIL + rise) {
		uint64_t before = now(s);
		int level = sample(s);
		uint64_t after = now(s);

		if (level < 0) {
			return level;
		}
		seen = level == 0 && after <= p->t2 + PRESENCE_UNTIL + rise;
		gap = after - watched > gap ? after - watched : gap;
		watched = before;
	}
	if (seen) {
		return 0;
	}
	if (gap >= PRESENCE_LOW_MIN) {
		int code = violated(s, W1_VIOLATION_PRESENCE);

		if (code != 0) {
			return code;
		}
	}
	return W1_ENOPRESENCE;
}

int w1_slot_reset(struct w1_slots *s)
{
	struct pulse p;
	uint64_t start = now(s);
	int level = sample(s), presence, code;

	while (level == 0 && now(s) < start + PRESENCE_UNTIL) { /* the tail of an aborted slot */
		level = sample(s);
	}
	if (level != 1) {
		return level < 0 ? level : W1_ESHORT;
	}
	code = pulse(s, RESET_LOW_MIN + MARGIN, RESET_SLACK, &p);
	if (code != 0) {
		return code;
	}
	presence = watch_presence(s, &p);
	if (!low_within(&p, RESET_LOW_MIN, RESET_LOW_MAX)) {
		code = violated(s, W1_VIOLATION_RESET);
		if (code != 0) {
			return code;
		}
	}
	if (presence != 0 && presence != W1_ENOPRESENCE) {
		return presence;
	}
	wait_from(s, now(s), p.t3 + PRESENCE_UNTIL + device_rise(s) + s->rise_ns, NEVER_LATE);
	level = sample(s);
	if (level != 1) {
		return level < 0 ? level : W1_ESHORT;
	}
	wait_from(s, now(s), p.t3 + RESET_HIGH_MIN + device_rise(s), NEVER_LATE);
	return presence;
}
