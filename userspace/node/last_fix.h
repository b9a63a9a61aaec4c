/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * last_fix: the newest position, kept in a file for the next process of this boot: a receiver that
 * starts without a fix gets it as assistance, and finds its satellites earlier.
 *
 * One line: boot (hex), CLOCK_BOOTTIME of the fix in ns, latitude and longitude in 1e-7 degrees,
 * height above the ellipsoid and horizontal accuracy in mm. Replaced whole, not synced.
 */
#ifndef NODE_LAST_FIX_H
#define NODE_LAST_FIX_H

#include <stdint.h>

#include "ubx/gnss_fix.h"
#include "ubx/ubx_assist.h"

/* boot: system_facts_boot(). The fix must have a position. 0 or a negative errno. */
int last_fix_write(const char *path, uint64_t boot, const struct gnss_fix *fix);

/* 1 and *assist, without a time, or 0 if there is none of this boot. */
int last_fix_read(const char *path, uint64_t boot, uint64_t boot_ns, struct ubx_assist *assist);

#endif
