/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thermometers: the face of gpio-w1 for a program: every DS18B20-family sensor
 * on one bus, read once per cycle.
 *
 * A cycle = search if due, one broadcast Convert T, wait, read every sensor.
 * It runs on a thread of its own (SCHED_FIFO where allowed); the caller's thread
 * starts it, waits for the descriptor and takes the result. One cycle at a time.
 *
 * Ownership: thermometers_open() allocates, thermometers_close() frees, accepts
 * NULL and leaves the bus released. Strings in a config are borrowed for the
 * call of thermometers_open() only; a line in it must outlive the object.
 * Threads: all calls from one thread.
 */
#ifndef THERMOMETERS_H
#define THERMOMETERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "w1_cycle.h" /* struct thermometer_sample */

#define THERMOMETERS_MAX W1_CYCLE_DEVICES

enum thermometers_bus {
	THERMOMETERS_AUTO, /* userspace; the kernel's w1_therm while that is not possible */
	THERMOMETERS_USERSPACE, /* libgpiod only */
	THERMOMETERS_KERNEL, /* sysfs of w1_therm only */
};

struct thermometers_config {
	enum thermometers_bus bus;
	const char *chip; /* chip label such as "pinctrl-bcm2835", or NULL: the header's chip of any
			     Pi */
	unsigned gpio; /* line offset on that chip (BCM number), default 4 */
	const char *sysfs; /* NULL: /sys/bus/w1 (a test passes its own tree) */
	unsigned search_every_cycles; /* 1: every cycle finds plugged and unplugged sensors; 0 means
					 10 */
	struct w1_resolutions resolutions;
	enum w1_proof proof;
	uint64_t period_ns; /* strict proof of all sensors must fit into this; 0: any time */
	const struct w1_line *line; /* not NULL: use this line (simulated, recorded) and no chip, no
				       kernel */
};

struct thermometers_result {
	unsigned n;
	struct thermometer_sample sample[THERMOMETERS_MAX];
	uint64_t converted_ns; /* CLOCK_BOOTTIME at the end of the conversion */
	uint32_t violations; /* slots outside the datasheet's window since the last result */
	uint32_t retries; /* transactions redone since the last result */
	enum thermometers_bus used; /* USERSPACE or KERNEL */
	int error; /* 0, or why the bus as a whole failed: negative errno or W1_E... */
	char reason[160]; /* in words: the error, or why the kernel's bus is in use; empty if
			     neither */
};

/* NULL on failure, then err (always terminated) names in one line the cause and what to do. */
struct thermometers *thermometers_open(const struct thermometers_config *config, char *err,
				       size_t err_size);
/* A running cycle ends first: a second on a sound bus, at most W1_CYCLE_TIMEOUT_NS and three
 * seconds on a bad one. */
void thermometers_close(struct thermometers *t);

/*
 * The rights that the bus thread is missing (real-time priority, locked memory ...), separated by
 * commas; "" if it has all. Without them more slots are violated and repeated. Valid until close.
 */
const char *thermometers_missing_rights(const struct thermometers *t);

/* Readable (level) when a result waits to be taken. Owned by t. */
int thermometers_fd(const struct thermometers *t);

/* Starts a cycle. 0, or -EBUSY while one runs or its result was not taken. */
int thermometers_start(struct thermometers *t);

/* Takes the result: 1 and *out filled, 0 if none is ready. Never blocks. */
int thermometers_take(struct thermometers *t, struct thermometers_result *out);

#endif
