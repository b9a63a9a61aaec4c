/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_kline: the 1-Wire line in the kernel: a GPIO descriptor as a struct w1_line, that keeps
 * interrupts out of the short part of each slot.
 *
 * A write-1 and a read must be over within 15 us of the fall; a longer low or a late sample is a
 * wrong bit. So drive_low() switches interrupts off on this CPU, and switches them on again before
 * any wait that ends later than W1_KLINE_OFF_NS after that. Where the data sheet leaves tens of
 * microseconds (write-0, reset, the rest of a slot) interrupts may come; w1_slot.c notices if one
 * took too long. With PREEMPT_RT a GPIO controller's lock may sleep, so interrupts stay on there
 * and only w1_slot.c detects a late edge.
 *
 * Every window is measured: how long interrupts were off, and how long each low was.
 */
#ifndef W1_KLINE_H
#define W1_KLINE_H

#include <linux/gpio/consumer.h>

#include "../w1_line.h"

#define W1_KLINE_OFF_NS 12000 /* leaves 3 us of the 15 for the last operation */

enum w1_kline_low {
	W1_KLINE_LOW_15, /* up to 15 us: a 1 or a read */
	W1_KLINE_LOW_60, /* neither */
	W1_KLINE_LOW_120, /* up to 120 us: a 0 */
	W1_KLINE_LOW_480, /* neither */
	W1_KLINE_LOW_960, /* a reset */
	W1_KLINE_LOW_MORE,
	W1_KLINE_LOWS
};

struct w1_kline {
	struct gpio_desc *gpio; /* open drain; it may not sleep */
	bool posted; /* a write may arrive late; a read behind it shows that it has (Pi 5) */

	/* to look at */
	u64 lows[W1_KLINE_LOWS];
	u64 windows, long_windows; /* with interrupts off; of these over 15 us */
	u64 longest_window_ns;

	/* private */
	u64 low_ns, off_ns;
	unsigned long flags;
	bool low, off;
};

struct w1_line w1_kline_line(struct w1_kline *k);
/* After an aborted slot: switches interrupts on again. */
void w1_kline_end(struct w1_kline *k);

#endif
