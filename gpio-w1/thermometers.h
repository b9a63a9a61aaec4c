/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thermometers: the face of gpio-w1 for a program: every DS18B20-family sensor on one bus or
 * several, read once per cycle.
 *
 * A cycle = for each bus in turn: search if due, Convert T to each sensor, wait, read each. It runs
 * on a thread of its own (SCHED_FIFO where allowed); the caller's thread starts it, waits for the
 * descriptor and takes the result. One cycle at a time.
 *
 * Ownership: thermometers_open() allocates, thermometers_close() frees, accepts
 * NULL and leaves the bus released. Strings in a config are borrowed for the
 * call of thermometers_open() only; lines in it must outlive the object.
 * Threads: all calls from one thread.
 */
#ifndef THERMOMETERS_H
#define THERMOMETERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "w1_cycle.h" /* struct thermometer_sample */

#define THERMOMETERS_MAX W1_CYCLE_DEVICES /* of a bus */
#define THERMOMETERS_BUSES 4

enum thermometers_bus {
	THERMOMETERS_AUTO, /* userspace; the kernel's w1_therm while that is not possible */
	THERMOMETERS_USERSPACE, /* libgpiod only */
	THERMOMETERS_KERNEL, /* sysfs of w1_therm only */
};

struct thermometers_config {
	enum thermometers_bus bus;
	const char *chip; /* chip label such as "pinctrl-bcm2835", or NULL: the header's chip of any
			     Pi */
	unsigned n_buses; /* 0 is 1 */
	unsigned gpio[THERMOMETERS_BUSES]; /* line offsets on that chip (BCM numbers) */
	const char *sysfs; /* NULL: /sys/bus/w1 (a test passes its own tree) */
	unsigned search_every_cycles; /* 1: every cycle finds plugged and unplugged sensors; 0 means
					 10 */
	struct w1_resolutions resolutions;
	enum w1_proof proof;
	const struct w1_line *line; /* not NULL: n_buses lines to be used (simulated, recorded)
				       instead of a chip or the kernel */
};

struct thermometers_result {
	unsigned n;
	/* Each ROM code once, bus by bus in the order found. */
	struct thermometer_sample sample[THERMOMETERS_BUSES * THERMOMETERS_MAX];
	enum ds18b20_quality missing; /* of a sensor known from before that is not among them:
					 absent, or bus-failed where it may be on a failed bus */
	unsigned turned_away; /* sensors beyond THERMOMETERS_MAX of a bus */
	uint64_t converted_ns; /* CLOCK_BOOTTIME at the end of the conversion */
	uint32_t violations; /* slots outside the datasheet's window since the last result */
	uint32_t retries; /* transactions redone since the last result */
	enum thermometers_bus used; /* USERSPACE or KERNEL */
	int error; /* 0, or why each bus failed (the first's): negative errno or W1_E... */
	char reason[320]; /* as text: errors of buses, why the kernel's is in use, or why the proof
			     is not strict; empty if none */
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

/*
 * Starts a cycle. Strict proof is used if it fits into the period; 0: any time. 0, or -EBUSY while
 * one runs or its result was not taken.
 */
int thermometers_start(struct thermometers *t, unsigned period_ms);

/* Takes the result: 1 and *out filled, 0 if none is ready. Never blocks. */
int thermometers_take(struct thermometers *t, struct thermometers_result *out);

/*
 * Forgets what is known of a sensor, from the next cycle on: it is gone, or else found again by a
 * search. 0, or -EBUSY when too many are being forgotten.
 */
int thermometers_forget(struct thermometers *t, const uint8_t rom[W1_ROM_SIZE]);

/* A conversion, its polls and its alarm flag, for one sensor. */
#define THERMOMETERS_STRICT_MS 770

/* Whether strict proof of n sensors fits into the period (0: any time). why: the sum, if it does
 * not. */
static inline bool thermometers_strict_fits(unsigned n, unsigned period_ms, char *why,
					    size_t why_size)
{
	unsigned each = THERMOMETERS_STRICT_MS, all = n * each;

	snprintf(why, why_size,
		 "%u sensor%s x 0.%02u s = %u.%02u s, longer than the period of %u.%02u s", n,
		 n == 1 ? "" : "s", each / 10, all / 1000, all % 1000 / 10, period_ms / 1000,
		 period_ms % 1000 / 10);
	return period_ms == 0 || all <= period_ms;
}

#endif
