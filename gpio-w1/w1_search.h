/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_search: finds the ROM codes on a bus, one a pass (Maxim AN187). Pure, copyable.
 *
 * A pass that was violated, or that heard nobody in the middle, is redone from the same place. A
 * code with a wrong CRC, or family 0 (what a short reads as), is refused.
 */
#ifndef W1_SEARCH_H
#define W1_SEARCH_H

#include "w1_bus.h"

struct w1_search {
	uint8_t command; /* W1_SEARCH_ROM or W1_ALARM_SEARCH */
	uint8_t family; /* only these; 0: all */
	uint8_t rom[W1_ROM_SIZE]; /* of the newest pass */
	uint8_t last_discrepancy; /* bit number 1..64, AN187's LastDiscrepancy */
	bool last_device;
	bool started;
};

void w1_search_init(struct w1_search *search, uint8_t command, uint8_t family);

/* 1: rom is the next device; 0: there are no more; or an error of w1_error.h. */
int w1_search_next(struct w1_search *search, struct w1_bus *bus);

/* Is this device there? 1, 0, or an error. */
int w1_search_verify(struct w1_bus *bus, const uint8_t rom[W1_ROM_SIZE]);

#endif
