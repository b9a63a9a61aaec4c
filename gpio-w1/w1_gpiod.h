/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * w1_gpiod: the real line, over libgpiod. w1_gpiod1.c and w1_gpiod2.c do the same with the
 * library's two majors; the Makefile compiles the one that pkg-config finds.
 *
 * The chip is found by its label, never by its number, which has changed between kernels. The line
 * is requested once, as an open-drain output, and then only set and read; only the strong pull-up
 * reconfigures it. The kernel makes the pin an input when the descriptor closes, so the bus is
 * released however the program ends.
 */
#ifndef W1_GPIOD_H
#define W1_GPIOD_H

#include <stddef.h>

#include "w1_line.h"

/*
 * The Pi 5's chip hangs on PCIe: a write is posted and may reach the pin after the call has
 * returned. A read comes back after the writes before it, so each edge is read back there.
 */
#define W1_GPIOD_RP1 "pinctrl-rp1"
#define W1_GPIOD_CONSUMER "geotherm-w1"

struct w1_gpiod;

/*
 * chip: a label, or NULL for the header's chip of any Pi. 0 and *out, or -errno with err in one
 * line: -ENODEV no such chip, -EACCES (which group), -EINVAL no such line; of a line that is held
 * W1_EKERNEL, W1_ENODE or, by another program, -EBUSY, each with how to free it.
 */
int w1_gpiod_open(const char *chip, unsigned gpio, struct w1_gpiod **out, char *err,
		  size_t err_size);
void w1_gpiod_close(struct w1_gpiod *g); /* NULL is fine */
struct w1_line w1_gpiod_line(struct w1_gpiod *g);

/* --- shared by the two --- */

/* Labels of the chip behind a Pi's header, newest board first; NULL-terminated. */
extern const char *const w1_gpiod_header_labels[];
/* The message for an errno; consumer may be NULL. Returns what w1_gpiod_open() does. */
int w1_gpiod_explain(int error, const char *chip, unsigned gpio, const char *consumer, char *err,
		     size_t err_size);

/* CLOCK_MONOTONIC_RAW, busy waiting and sleeping: the same for both; ctx is ignored. */
uint64_t w1_gpiod_now_ns(void *ctx);
void w1_gpiod_spin_until(void *ctx, uint64_t until_ns);
void w1_gpiod_sleep_until(void *ctx, uint64_t until_ns);

/*
 * Keeps the CPU out of deep idle states during a transaction. Both struct w1_gpiod begin with the
 * descriptor (an int) of /dev/cpu_dma_latency, -1 where that is not allowed.
 */
int w1_gpiod_open_latency(void);
void w1_gpiod_transaction(void *ctx, bool begin);

#endif
