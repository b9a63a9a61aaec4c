/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_search: finds the ROM codes on a bus, one a pass (Maxim AN187). Pure, copyable.
 *
 * A pass that was violated, or that no device answered in the middle, is redone from the same
 * place. A code with a wrong CRC, or family 0 (what a short reads as), is refused.
 */
#ifndef W1_SEARCH_H
#define W1_SEARCH_H

#include "w1_bus.h"

struct w1_search {
	uint8_t rom[W1_ROM_SIZE]; /* of the newest pass */
	uint8_t last_discrepancy; /* bit number 1..64, AN187's LastDiscrepancy */
	bool last_device;
	bool started;
};

void w1_search_init(struct w1_search *search);

/* 1: rom is the next device; 0: there are no more; or an error of w1_error.h. */
int w1_search_next(struct w1_search *search, struct w1_bus *bus);

/*
 * Whether this device takes part in the alarm search: its newest conversion was at or beyond TH or
 * TL as they were at its end. 1: it answered with all of its ROM code; 0: it did not; or an error.
 */
int w1_search_has_alarm(struct w1_bus *bus, const uint8_t rom[W1_ROM_SIZE]);

#endif
