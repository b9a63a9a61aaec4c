/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_line: the port between the 1-Wire master and a line.
 *
 * A line is an open-drain wire with a pull-up: the master can pull it low, let
 * it go, and look at it. The real line (libgpiod v1 or v2), the simulated line
 * (virtual time) and the recorded line implement this one table.
 *
 * Time is CLOCK_MONOTONIC_RAW in ns on a real line, virtual ns on a simulated
 * one; it never goes back. Only the thread that owns the bus calls these.
 *
 * Every operation takes real time and may be preempted anywhere: the caller
 * (w1_slot.c) brackets each one with now_ns() and judges the slot afterwards.
 *
 * Errors: 0 (or the level, 0 or 1, for sample) or a negative errno. After an error the line counts
 * as released; the caller aborts the transaction.
 */
#ifndef W1_LINE_H
#define W1_LINE_H

#ifdef __KERNEL__
#include <linux/limits.h>
#include <linux/types.h>
#ifndef UINT64_C
#define UINT64_C(c) c##ULL
#endif
#ifndef UINT64_MAX
#define UINT64_MAX U64_MAX
#endif
#else
#include <stdbool.h>
#include <stdint.h>
#endif

struct w1_line_ops {
	/* Pulls the line low. */
	int (*drive_low)(void *ctx);
	/* Lets the line go: the pull-up raises it. Also ends a strong pull-up. */
	int (*release)(void *ctx);
	/* The level now: 0 or 1. */
	int (*sample)(void *ctx);
	/*
	 * on: drives the line high with a push-pull output, directly from its present state (also
	 * from driven low: no gap, DS18B20 tSPON). off: back to open drain, released. -EOPNOTSUPP
	 * where it can't be done.
	 */
	int (*strong_pullup)(void *ctx, bool on);
	uint64_t (*now_ns)(void *ctx);
	/* Busy-waits until now_ns() >= until_ns; at most 1 ms ahead, or it sleeps. */
	void (*spin_until)(void *ctx, uint64_t until_ns);
	/* Sleeps (gives the CPU away) until now_ns() >= until_ns; may oversleep. */
	void (*sleep_until)(void *ctx, uint64_t until_ns);
	/*
	 * Optional (may be NULL): a transaction begins or ends. The real line
	 * holds the DMA latency request only in between.
	 */
	void (*transaction)(void *ctx, bool begin);
};

/* A line: borrowed; its opener defines its lifetime. Copyable. */
struct w1_line {
	const struct w1_line_ops *ops;
	void *ctx;
};

#endif
