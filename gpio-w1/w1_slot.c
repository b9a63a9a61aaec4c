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
/* The sample begins here, or as soon after the release as the line lets us: AN126 has 15; the later
 * the better for a slow rise, and one ioctl must end by READ_VALID. */
#define READ_SAMPLE (9 * US)
/* A line that is low longer than any device holds it is not 1-Wire's doing. */
#define STUCK_AFTER (120 * US)

/* A sleep costs about as much CPU as to spin for so long (two switches and a timer on a Pi 3,
 * estimated). */
#define SLEEP_WORTH (10 * US)
#define NEVER_LATE UINT64_MAX
/* A write-0 that was slept in may end so much later than usual: 120 - 60 us less what the edges'
 * ioctls take. */
#define LOW0_SLACK (45 * US)
#define RESET_SLACK (400 * US)
/* Of a sleep's lateness no more is remembered: it was a preemption, not the way this computer wakes
 * up. */
#define LATE_MOST (1000 * US)
/* ns, up and down: a running quartile. Every fourth sleep ends early and is spun to its end; the
 * others prolong the slot. */
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
	memset(s, 0, sizeof *s);
	s->line = line;
	s->wake_worst_ns = LATE_MOST;
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

/* The usual lateness is a quartile, so that single preemptions don't move it; the worst is
 * forgotten by a 32nd each time. */
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

/* A low pulse: the fall lies in [t0, t1], the rise in [t2, t3]. t2 is no reading: spin_until() does
 * not end before. */
struct pulse {
	uint64_t t0, t1, t2, t3;
};

/* Without t3: who calls reads the clock next. Each reading less is a chance less to be preempted in
 * the slot. */
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
	return code != 0 ? code : released;
}

/* By the pessimistic end of each bracket: false alarms happen, false trust does not. */
static bool low_within(const struct pulse *p, uint64_t min, uint64_t max)
{
	return p->t2 - p->t1 >= min && p->t3 - p->t0 <= max;
}

/* Waits out the slot and sees the line high again: 0, or `otherwise`. */
static int end_slot(struct w1_slots *s, const struct pulse *p, int otherwise)
{
	/* The fall may have been as late as t1; reading the level takes the rest of the slot. */
	uint64_t end = p->t0 + SLOT_MIN > p->t1 + SLOT_MIN - 2 * MARGIN
			       ? p->t0 + SLOT_MIN
			       : p->t1 + SLOT_MIN - 2 * MARGIN;
	int level;

	if (p->t3 > s->awake_since_ns + NAP_AFTER) {
		end = p->t3 + NAP;
		sleep_from(s, p->t3, end);
	} else {
		end = end > p->t3 ? end : p->t3;
		wait_from(s, p->t3, end + RECOVERY_MIN, NEVER_LATE);
	}
	level = sample(s);
	while (level == 0 && now(s) < end + STUCK_AFTER) { /* a slow rise */
		level = sample(s);
	}
	return level < 0 ? level : level == 1 ? 0 : otherwise;
}

int w1_slot_write(struct w1_slots *s, bool bit)
{
	struct pulse p;
	int code = pulse(s, bit ? LOW1_MIN : LOW0_MIN, LOW0_SLACK, &p);

	p.t3 = now(s);
	s->slots++;
	if (code != 0) {
		return code;
	}
	if (!low_within(&p, bit ? LOW1_MIN : LOW0_MIN, bit ? LOW1_MAX : LOW0_MAX)) {
		code = violated(s, bit ? W1_VIOLATION_WRITE1 : W1_VIOLATION_WRITE0);
	}
	return code != 0 ? code : end_slot(s, &p, W1_EECHO);
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
	int level, code = pulse(s, LOW1_MIN, 0, &p);

	s->slots++;
	s->counted = false;
	if (code != 0) {
		return code;
	}
	spin(s, p.t0 + READ_SAMPLE);
	level = sample(s);
	p.t3 = now(s);
	if (level < 0) {
		return level;
	}
	/*
	 * One bound for both: our own low was at most 15 us long, and the sample was valid. A late
	 * 0 would still be a 0 after a short low, but it takes another reading of the clock to know
	 * that it was short.
	 */
	if (!low_within(&p, LOW1_MIN, READ_VALID)) {
		code = violated(s, W1_VIOLATION_READ);
		if (code != 0) {
			s->counted = p.t3 - p.t0 <= READ_COUNTED && end_slot(s, &p, W1_ESHORT) == 0;
			return code;
		}
	}
	code = end_slot(s, &p, W1_ESHORT);
	return code != 0 ? code : level;
}

/* 0 once a presence pulse was seen between PRESENCE_FROM and PRESENCE_UNTIL after the release. */
static int watch_presence(struct w1_slots *s, const struct pulse *p)
{
	uint64_t watched = p->t2 + PRESENCE_FROM, gap = 0;
	bool seen = false;

	spin(s, p->t3 + PRESENCE_FROM);
	while (!seen && watched < p->t3 + PRESENCE_UNTIL) {
		uint64_t before = now(s);
		int level = sample(s);
		uint64_t after = now(s);

		if (level < 0) {
			return level;
		}
		seen = level == 0 && after <= p->t2 + PRESENCE_UNTIL;
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
	p.t3 = now(s);
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
	wait_from(s, now(s), p.t3 + PRESENCE_UNTIL, NEVER_LATE);
	level = sample(s);
	if (level != 1) {
		return level < 0 ? level : W1_ESHORT;
	}
	wait_from(s, now(s), p.t3 + RESET_HIGH_MIN, NEVER_LATE);
	return presence;
}
