/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_slot: one slot on the line, done and judged. Pure: time comes from the line.
 *
 * Every edge and sample is bracketed by two readings of the clock, so that its true instant is
 * known to lie between them. A slot whose low width or sample may have left the datasheet's window
 * is a violation, whatever was read: the caller begins again from reset.
 *
 * The slots fit the wire: the pull-up raises a long cable slowly, and a device sees it high later
 * than we do. w1_rise.c measures by how much; the sample instant, the recovery and the bounds of
 * the low pulses follow from `settle_ns` and `rise_ns`. Zero: a short wire.
 *
 * The high time between slots is unlimited and never judged: there, and in the long low of a reset,
 * the CPU is given away. So it is in a write-0 while this computer wakes up in time for its upper
 * bound; how late it wakes is learnt from each sleep. Only edges that are microseconds apart are
 * spun for. A sleep that lasts too long is a violation like any other.
 */
#ifndef W1_SLOT_H
#define W1_SLOT_H

#include "w1_line.h"

enum w1_violation {
	W1_VIOLATION_RESET, /* low not 480 to 960 us */
	W1_VIOLATION_PRESENCE, /* a gap in which the presence pulse may have gone unseen */
	W1_VIOLATION_WRITE0, /* low not 60 to 120 us */
	W1_VIOLATION_WRITE1, /* low not 1 to 15 us */
	W1_VIOLATION_READ, /* low over 15 us, or a 1 sampled after 15 us */
	W1_VIOLATION_PULLUP, /* strong pull-up later than 10 us after the command */
	W1_VIOLATIONS
};

/*
 * The longest without a sleep, ns: real-time threads that spin for longer starve others. A
 * transaction takes 11 ms.
 */
#define W1_AWAKE_MAX_NS UINT64_C(15000000)

struct w1_slots {
	struct w1_line line;
	uint64_t slots; /* all, resets not among them */
	uint32_t violations[W1_VIOLATIONS];
	uint64_t sleeps, slept_ns; /* all, those between slots too */
	uint64_t awake_longest_ns; /* between two sleeps */
	/* of the wire, by w1_rise.c */
	/* from the return of a release to the call of a sample that sees it high */
	uint32_t settle_ns;
	uint32_t rise_ns; /* from the release to half the supply */
	uint32_t call_ns; /* what a call to the line takes at least */
	bool parasite; /* a device lives on the line: its threshold is higher */
	/* how late this computer wakes up: private */
	uint64_t wake_ns, wake_worst_ns, awake_since_ns;
	/* of the violated read slots, the newest: one slot to every device, only the bit is lost */
	bool counted;
};

void w1_slots_init(struct w1_slots *s, struct w1_line line);
/* Gives the CPU away until then; between slots only. */
void w1_slots_sleep(struct w1_slots *s, uint64_t until_ns);

/* The same, and looks at the line twice a millisecond: whether another master pulled it meanwhile.
 */
bool w1_slots_watch(struct w1_slots *s, uint64_t until_ns);

/* 0: a device is present; W1_ENOPRESENCE, W1_ESHORT, W1_EVIOLATION or the line's errno. */
int w1_slot_reset(struct w1_slots *s);
/*
 * 0, W1_EVIOLATION, W1_EECHO or the line's errno. A write-1 that a slow wire stretches may be a 0
 * to a device that samples early: that shows in what follows (no answer, a wrong CRC, a conversion
 * that does not begin).
 */
int w1_slot_write(struct w1_slots *s, bool bit);
/* The same, and surely read as that bit by every device. */
int w1_slot_write_sure(struct w1_slots *s, bool bit);
/*
 * The last bit, 0, of a command that needs power at once (DS18B20 Convert T, Copy Scratchpad): the
 * slot ends in a strong pull-up, driven straight from low.
 */
int w1_slot_write0_power(struct w1_slots *s);
/* The bit, W1_EVIOLATION (see counted), W1_ESHORT or the line's errno. */
int w1_slot_read(struct w1_slots *s);
/* A slot to which no device may answer, sampled `delay_ns` after the release. */
struct w1_look {
	uint64_t settle_ns; /* from the return of the release to the call of the sample */
	uint64_t rise_ns; /* from the middle of the one to the middle of the other */
	bool high;
};

/* 0, W1_ESHORT or the line's errno. */
int w1_slot_look(struct w1_slots *s, uint64_t delay_ns, struct w1_look *look);

#endif
