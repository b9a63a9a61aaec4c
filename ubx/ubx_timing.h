/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ubx_timing: how old an epoch was when it was received, as far as the byte stream shows.
 *
 * An epoch waits in the receiver (it computes, then other messages go first), on the wire and in
 * this host. An answer to a poll may be a whole interval older. Pure; zero-initialised is ready.
 */
#ifndef UBX_TIMING_H
#define UBX_TIMING_H

#include "gnss_fix.h"

struct ubx_timing {
	uint64_t burst_ns; /* first read of the newest burst; 0: the line was never idle yet */
	size_t burst_first, burst_bytes; /* in that read; in all */
	unsigned polls; /* of NAV-PVT that may still be answered */
	uint64_t poll_ns; /* the newest of them */
	bool known; /* offset_ns */
	int64_t offset_ns; /* received_ns - UTC of the earliest epoch: the others are later */
	uint64_t offset_at_ns;
	unsigned steady, late; /* epochs in a row */
};

/* Bytes were read; last_rx_ns: when the ones before. To be called before they are parsed. */
void ubx_timing_rx(struct ubx_timing *t, size_t len, uint32_t baud, uint64_t last_rx_ns,
		   uint64_t now_ns);
void ubx_timing_polled(struct ubx_timing *t, uint64_t now_ns);
/* The same epoch came again. */
void ubx_timing_answered(struct ubx_timing *t);

/*
 * A new epoch: fills in fix->age_min_ns and age_max_ns if they are known. It must be one that the
 * receiver sent by itself and that this host read in time: as it came, at the pace of the wire,
 * from an idle line on; or, where bytes come in larger pieces (USB), as late as the epochs before
 * it. size: bytes of the message that completed it. configuring: its rate may change. answers: it
 * has answered; one that never did sends by itself, whatever is polled.
 */
void ubx_timing_judge(struct ubx_timing *t, struct gnss_fix *fix, size_t size, uint32_t baud,
		      bool configuring, bool answers);

#endif
