/* SPDX-License-Identifier: BSD-2-Clause */
/* The peer: Convert T for all, 750 ms, each sensor read with some tries until the CRC is right. */
#ifndef W1_TEXTBOOK_H
#define W1_TEXTBOOK_H

#include "tests/unit/sim/w1_master.h"
#include "w1_truth.h"

/* The sensors 0 to `devices` - 1 for some cycles; their ROM codes are given to it. */
void textbook_run(struct master *m, struct w1_sim *sim, unsigned devices, unsigned cycles,
		  struct truth_tally *t);

#endif
