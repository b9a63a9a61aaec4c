/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_cycle: every sensor of a bus read once. Pure.
 *
 * A temperature is DS18B20_OK only if that very sensor showed that it converted in this cycle and
 * kept its power until it was read:
 *
 * - Convert T is addressed to each sensor, and eight read slots right after it must be 0: it
 * received the command. All convert at once; each is read when the datasheet's time for its
 * resolution is over, the longest of the known makes where its own is not known yet.
 * - The last one of a cycle is polled to its end, another one each cycle: so the time that each
 *   needs is measured, and one that needs more than the datasheet allows is found. A poll that ends
 *   before its usual time shows a foreign reset or a dip of the supply, and all convert again.
 * - The alarm registers hold a sentinel in RAM that differs from the EEPROM: a sensor that lost its
 *   power, or was swapped, comes back with other values. It is written only where it is absent.
 *
 * What cannot show one half by its make has a quality of its own: sensors on parasite power and
 * clone family F cannot be polled (DS18B20_UNSEEN), MAX31826 and MAX31850 have no such registers
 * (DS18B20_UNGUARDED). A bus that another master drives, too, proves nothing (DS18B20_UNPROVEN).
 *
 * A dip of the supply that stops a conversion and keeps the scratchpad shows in none of these.
 * W1_PROOF_STRICT converts one sensor at a time, polls it to its end, and has it show that the
 * conversion took place: the sentinel is turned round each time (TH below TL: always an alarm), so
 * that the alarm flag, which only a conversion changes, must be another one afterwards. That proves
 * those that cannot be polled as well.
 *
 * The order of the devices is that in which they were found and never changes; one that is gone
 * stays, absent, until w1_cycle_forget().
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
 * A cycle in which nothing succeeds ends: after this time each transaction has one try. Sensors
 * that convert one after another get W1_CYCLE_SERIAL_NS each on top.
 */
#define W1_CYCLE_TIMEOUT_NS UINT64_C(10000000000)
#define W1_CYCLE_SERIAL_NS UINT64_C(900000000)

enum w1_proof {
	W1_PROOF_PARALLEL,
	W1_PROOF_STRICT, /* one at a time, polled to its end, its alarm flag turned */
};

enum w1_power {
	W1_POWER_UNKNOWN,
	W1_POWER_OWN,
	W1_POWER_PARASITE, /* from the line */
	W1_POWER_CONTRADICTS, /* answers now this, now that, as some clones do: found out by
				 converting */
};

struct w1_device {
	uint8_t rom[W1_ROM_SIZE];
	uint8_t resolution_bits;
	struct ds18b20_past past;
	enum w1_power power;
	bool pollable; /* was seen busy after Convert T */
	uint64_t heard_ns; /* when it last was: what a DS18B20_OK rests on */
	bool recalled; /* its EEPROM is known, and past.alarm differs from it */
	bool proven; /* gave a temperature at least once */
	bool single; /* no second device answers to its ROM code, as far as two sentinels can show
		      */
	uint8_t suspect; /* cycles in which its bytes are not trusted: two devices answered */
	uint8_t unheard; /* cycles in a row without a busy answer to Convert T */
	uint32_t took_us; /* the longest conversion that was polled to its end; 0: not yet */
};

struct w1_cycle {
	struct w1_bus bus;
	struct w1_resolutions resolutions;
	enum w1_proof proof;
	unsigned search_every; /* cycles */
	unsigned cycles;
	unsigned last; /* the device that was polled to its end in the newest cycle */
	bool searched_whole; /* the newest search came to its end */
	unsigned disturbed; /* for so many cycles more another master makes every value doubtful */
	unsigned turned_away; /* thermometers beyond W1_CYCLE_DEVICES in the newest search */
	unsigned n;
	struct w1_device device[W1_CYCLE_DEVICES];
};

/* resolutions NULL: the sensors keep what they have. */
void w1_cycle_init(struct w1_cycle *c, struct w1_line line,
		   const struct w1_resolutions *resolutions, unsigned search_every);

/* A sensor that is known from before: it has the next place, whether it is there or not. -1: no
 * place is left. */
int w1_cycle_add(struct w1_cycle *c, const uint8_t rom[W1_ROM_SIZE]);
/* Its place goes; those behind it move up. False: not known. */
bool w1_cycle_forget(struct w1_cycle *c, const uint8_t rom[W1_ROM_SIZE]);

/*
 * Fills samples (W1_CYCLE_DEVICES of them) in the order of the devices; returns how many, or the
 * error that stopped the cycle: W1_ENOPRESENCE (no device at all), W1_ESHORT, W1_ERISE ... Sensors
 * known before are then in samples as failed and *n is their number.
 */
int w1_cycle_run(struct w1_cycle *c, struct thermometer_sample *samples, unsigned *n);

#endif
