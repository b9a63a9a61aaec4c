/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_rise: how fast the pull-up raises the line, measured, so that the slots fit the wire
 * (w1_slot.h). Pure.
 *
 * Devices are deselected first (Match ROM, and a ROM code that none has), so that no pulse is a bit
 * to any of them.
 */
#ifndef W1_RISE_H
#define W1_RISE_H

#include "w1_slot.h"

/*
 * The slowest line that can be true, to half the supply: a write-1 is low for some 4 us, a device
 * sees it high at 1.75 times this (w1_slot.c), and may sample it from 15 us on. It is 8.6 us of
 * RC: 4.7 kohm and 1.8 nF.
 */
#define W1_RISE_MAX_NS 6000
/* What is over at the first look, some 2 us after the release, is taken for this. */
#define W1_RISE_UNSEEN_NS 1000
/* On parasite power a device sees the line high at 3.75 times this. */
#define W1_RISE_PARASITE_MAX_NS 2200

/*
 * Measures and sets s->rise_ns and s->settle_ns: 0, W1_ERISE (s->rise_ns is how slow; at most 20
 * us is distinguished), W1_ESHORT, W1_EVIOLATION or the line's errno. 3 ms on a short wire, 20 ms
 * on a slow one.
 */
int w1_rise_measure(struct w1_slots *s);
/* Whether the line still rises as measured, by a few looks; if not, measures again. As above. */
int w1_rise_check(struct w1_slots *s);

#endif
