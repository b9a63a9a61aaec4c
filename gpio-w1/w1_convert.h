/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_convert: one sensor's Convert T: sent, shown to have been received, and seen to its end. Pure;
 * for w1_cycle.c.
 */
#ifndef W1_CONVERT_H
#define W1_CONVERT_H

#include "w1_cycle.h"

/* How far a conversion showed itself. */
enum w1_convert_state {
	W1_CONVERT_UNSEEN, /* not at all: the sensor cannot be polled */
	W1_CONVERT_HEARD, /* the sensor was busy right after the command */
	W1_CONVERT_OVERDUE, /* busy beyond the datasheet's time: what it holds is old */
};

struct w1_conversion {
	uint64_t start_ns; /* the command had been taken by then */
	uint64_t ready_ns; /* when it is over, whatever the sensor */
	uint64_t end_ns; /* when polls showed that it was; 0: they did not */
	enum w1_convert_state state;
	int error; /* W1_ECONVERT: not received by a sensor that can be polled; or of w1_error.h; 0
		      none */
};

/* Sends Convert T to one sensor with a supply of its own, and sees it busy. */
void w1_convert_start(struct w1_bus *bus, struct w1_device *d, struct w1_conversion *v);
/*
 * Polls the sensor that was started last to its end, or until `until_ns`: state, ready_ns and what
 * is known of the device follow. 0, or W1_ECONVERT: it ended early, by a foreign reset or a dip of
 * the supply: whatever converted meanwhile is in doubt.
 */
int w1_convert_finish(struct w1_bus *bus, struct w1_device *d, struct w1_conversion *v,
		      uint64_t until_ns);
/* Converts on parasite power under the strong pull-up: one sensor, or all (d NULL). 0 or an error.
 */
int w1_convert_parasite(struct w1_bus *bus, const struct w1_device *d, uint32_t longest_us);
/* 1: all have a supply of their own, 0: not all, or an error. */
int w1_convert_all_powered(struct w1_bus *bus);
/* Asks one for its supply: 0 and d->power, or an error. */
int w1_convert_read_power(struct w1_bus *bus, struct w1_device *d);
/* Whether it converts under the strong pull-up. */
bool w1_convert_is_parasite(const struct w1_device *d);

/* What a conversion of this sensor takes at most, us. */
uint32_t w1_convert_longest_us(const struct w1_device *d);

#endif
