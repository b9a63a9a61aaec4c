/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_cycle: every sensor of a bus read once: search if due, one Convert T for all, read each. Pure.
 *
 * Nothing old passes for new. Each sensor's alarm registers hold a sentinel in RAM, never in the
 * EEPROM: when the sensor lost its power it comes back with other values, and so does a sensor that
 * was swapped. The busy bit read right after Convert T shows that the command was taken; where it
 * was seen before and is missing, the command is given again. Where nobody can be polled (parasite
 * power, clone family F), and for one of several sensors, that Convert T was sent without a
 * violation is all the proof there is: electrical noise that makes just this sensor miss it goes
 * unseen.
 *
 * Copy Scratchpad (48h) is never sent: whatever is set lives in RAM, is verified each cycle and set
 * again after a loss of power. So no slip can wear an EEPROM or leave half a configuration in it.
 */
#ifndef W1_CYCLE_H
#define W1_CYCLE_H

#include "ds18b20.h"
#include "w1_bus.h"
#include "w1_resolutions.h"

#define W1_CYCLE_DEVICES 64 /* the kernel's limit is the same */
/*
 * A cycle in which nothing succeeds ends: after this time each transaction has one try. Half of it
 * may go before the conversion; what is left is shared out among the sensors.
 */
#define W1_CYCLE_PATIENCE_NS UINT64_C(10000000000)

struct w1_device {
	uint8_t rom[W1_ROM_SIZE];
	uint8_t resolution_bits;
	struct ds18b20_past past;
	bool plain; /* has no alarm registers: can't be armed */
	uint8_t missed; /* cycles without an answer */
};

struct w1_cycle {
	struct w1_bus bus;
	struct w1_resolutions resolutions;
	unsigned search_every; /* cycles */
	unsigned cycles;
	bool parasite; /* somebody takes power from the line */
	bool pollable; /* somebody was seen busy after Convert T since the sensors last changed */
	uint64_t took_ns; /* the newest conversion that was seen to end; 0 unknown */
	bool searched_whole; /* the newest search came to its end */
	unsigned n;
	struct w1_device device[W1_CYCLE_DEVICES];
};

/* resolutions NULL: the sensors keep what they have. */
void w1_cycle_init(struct w1_cycle *c, struct w1_line line,
		   const struct w1_resolutions *resolutions, unsigned search_every);

/*
 * Fills samples (W1_CYCLE_DEVICES of them) in the order of the search; returns how many, or the
 * error that stopped the cycle: W1_ENOPRESENCE (no device at all), W1_ESHORT ... Sensors known
 * before are then in samples as failed and *n says how many.
 */
int w1_cycle_run(struct w1_cycle *c, struct thermometer_sample *samples, unsigned *n);

#endif
