/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_slave: one 1-Wire thermometer as a state machine in time. Pure: no clock,
 * no memory, no floating point; the simulated line and the kernel test module
 * both compile it.
 *
 * Input is the level at its pin (its own pull included), output is its pull:
 *
 *	w1_slave_wire(s, high, now)	the level changed
 *	w1_slave_run(s, now)		s->next_ns has come
 *	s->pulls			it pulls the wire low now
 *	s->next_ns			when it wants w1_slave_run(), or W1_SLAVE_NEVER
 *
 * Look at pulls and next_ns again after every call. Time never goes back and
 * next_ns is never skipped: call run before handing over a later edge.
 * Conversions and EEPROM writes need no wake-up: a later read finds them
 * done. Call w1_slave_run() before looking at last or at the scratchpad.
 *
 * A device decides by its own clock, drawn from the seed within the windows of
 * the DS18B20 data sheet (19-7487, AC characteristics): when it samples a bit
 * (15 to 60 us after the fall), how long it holds a 0 (as long), presence (15 to 60
 * us after the release, for 60 to 240), which low counts as a reset (300 to 480 us;
 * less would be another device's presence pulse), the recovery it needs (below 1 us).
 * So a write-1 stretched to 20 us is a 1 for some devices and a 0 for others.
 *
 * Ownership: the caller's memory, copyable. Fields under "settable" may be
 * changed between calls, the others are for looking at. Times are ns.
 */
#ifndef W1_SLAVE_H
#define W1_SLAVE_H

#include "w1_model.h"

#define W1_SLAVE_NEVER UINT64_MAX

#ifdef __KERNEL__
#include <linux/limits.h>
#define UINT64_MAX U64_MAX
#endif

enum w1_slave_state {
	W1_SLAVE_WAIT_RESET, /* not addressed: reacts only to a reset */
	W1_SLAVE_ROM_COMMAND,
	W1_SLAVE_MATCH,
	W1_SLAVE_SEARCH,
	W1_SLAVE_SEND_ROM,
	W1_SLAVE_COMMAND,
	W1_SLAVE_WRITE,
	W1_SLAVE_SEND_SCRATCHPAD,
	W1_SLAVE_SEND_POWER,
	W1_SLAVE_SEND_BUSY,
};

enum w1_slave_phase {
	W1_SLAVE_IDLE, /* wire high, the next fall begins a slot */
	W1_SLAVE_SLOT, /* in a slot, until it has sampled or let go */
	W1_SLAVE_WAIT_HIGH, /* slot done, wire still low */
	W1_SLAVE_PRESENCE_WAIT,
	W1_SLAVE_PRESENCE,
};

enum w1_slave_busy { W1_SLAVE_FREE, W1_SLAVE_CONVERTING, W1_SLAVE_COPYING, W1_SLAVE_RECALLING };

/* The device's own clock, within the data sheet. */
struct w1_slave_timing {
	uint32_t reset_ns, presence_wait_ns, presence_ns;
	uint32_t sample_ns, hold_ns, recovery_ns;
	uint32_t convert_ns; /* at its highest resolution */
	uint32_t copy_ns, recall_ns;
	uint32_t holdup_ns; /* parasite: a longer low cuts its power */
	uint32_t starve_ns; /* parasite: time without strong pull-up until brown-out */
	uint32_t retain_ns; /* a power gap up to this only aborts the operation in progress */
};

/* True events, to compare readings with. */
struct w1_slave_conversion {
	uint64_t start_ns, end_ns;
	int16_t raw; /* 1/16 degC with undefined bits masked: what a correct read gives */
};

struct w1_slave {
	const struct w1_model *model;

	/* settable */
	uint8_t rom[8];
	int32_t temp_mc; /* ambient temperature, unless temp is set */
	int32_t (*temp)(void *ctx, uint64_t now_ns);
	void *temp_ctx;
	int32_t offset_mc; /* its error */
	int32_t cold_junction_mc; /* MAX31850 */
	uint8_t fault; /* MAX31850: 1 open, 2 short to GND, 4 short to VDD */
	uint8_t address; /* DS1825, MAX318xx: AD pins */
	uint8_t undefined; /* what it puts into undefined low bits of byte 0 */
	bool starved_gives_07ff; /* a conversion without enough power gives 07FF instead of a
				    power-on */
	struct w1_slave_timing timing;

	/* to look at */
	bool pulls;
	uint64_t next_ns;
	bool parasite, powered, strong, hung;
	uint8_t scratchpad[8]; /* byte 8, the CRC, is made while sending */
	uint8_t eeprom[3];
	bool alarm;
	enum w1_slave_state state;
	enum w1_slave_phase phase;
	enum w1_slave_busy busy;
	struct w1_slave_conversion last; /* the last one that was completed */
	uint32_t conversions, resets, power_ons, brownouts;
	uint32_t copies; /* EEPROM wear */
	uint32_t unknown_commands;

	/* private */
	bool high, transmitting;
	uint8_t shift, crc, step;
	uint16_t count; /* bits of the current field */
	uint64_t low_ns, rise_ns, off_ns, weak_ns, busy_from_ns, busy_until_ns;
	uint32_t lies;
};

/* A device with delivery contents, just powered, with the wire high. */
void w1_slave_init(struct w1_slave *s, enum w1_model_id model, uint64_t seed, bool parasite,
		   uint64_t now_ns);

void w1_slave_wire(struct w1_slave *s, bool high, uint64_t now_ns);
void w1_slave_run(struct w1_slave *s, uint64_t now_ns);

/* Parasite power: the wire is driven high from now on, or no longer. */
void w1_slave_strong_pullup(struct w1_slave *s, bool on, uint64_t now_ns);

/* Its supply (or, with parasite power, its connection) is cut or back. */
void w1_slave_power(struct w1_slave *s, bool on, uint64_t now_ns);

/* Only a reset or its power can activate it: edges of slots need not be delivered. */
static inline bool w1_slave_dormant(const struct w1_slave *s)
{
	return s->state == W1_SLAVE_WAIT_RESET && s->phase == W1_SLAVE_IDLE && s->high &&
	       !s->pulls && s->next_ns == W1_SLAVE_NEVER;
}

/* The shortest low that any device takes for a reset. */
#define W1_SLAVE_RESET_MIN_NS 300000

/* Longest duration of the operation in progress by the data sheet; 0 if none. */
uint64_t w1_slave_busy_max_ns(const struct w1_slave *s);

/* m degC to 1/16 degC, to nearest. */
int16_t w1_slave_sixteenths(int32_t temp_mc);

#endif
