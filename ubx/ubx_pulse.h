/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ubx_pulse: which second an edge of the receiver's time pulse (PPS) began, and how exact it is.
 *
 * The pulse itself has no number: an epoch received after it has. The byte stream gives the UTC of
 * an edge to some tenths of a second, in which at most one whole second fits. An edge counts once
 * some in a row came one a second, none more and none less. Pure; zero-initialised is ready.
 */
#ifndef UBX_PULSE_H
#define UBX_PULSE_H

#include "gnss_fix.h"

struct ubx_pulse_edge {
	uint64_t boot_ns; /* CLOCK_BOOTTIME */
	uint64_t doubt_ns; /* of boot_ns: the clock that the kernel dated it by may have been set */
	uint32_t sequence; /* edges so far, as the kernel counts them */
};

struct ubx_pulse {
	struct ubx_pulse_edge last;
	int64_t second; /* that began with it, since 1970; 0: not known */
	int64_t drift_ppb; /* of the boot clock, over the newest interval */
	unsigned steady; /* intervals in a row */
};

/*
 * A new epoch, and the newest edge when it was received: fills in fix->pulse_ns and so on if that
 * edge counts and was not judged before. The pulse must be known to begin a second (CFG-TP5).
 */
void ubx_pulse_judge(struct ubx_pulse *p, struct gnss_fix *fix, const struct ubx_pulse_edge *edge);

#endif
