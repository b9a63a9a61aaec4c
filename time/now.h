/* SPDX-License-Identifier: BSD-2-Clause */
/* now: the kernel's clocks as integers. Any thread; none but the last can fail on Linux. */
#ifndef NOW_H
#define NOW_H

#include <stdbool.h>
#include <stdint.h>

/* CLOCK_MONOTONIC: for deadlines and durations; stands still in suspend. */
uint64_t now_ns(void);
uint64_t now_ms(void);

/* CLOCK_BOOTTIME: ns since boot, suspend included; the boot clock of a Reading. */
uint64_t now_boot_ns(void);

/* CLOCK_REALTIME: us since 1970, as far as this machine knows. */
int64_t now_utc_us(void);

/* Whether NTP or PTP steers CLOCK_REALTIME (adjtimex(2)), and its greatest error in us. False where
 * a sandbox forbids the question. */
bool now_is_synchronised(int64_t *max_error_us);

#endif
