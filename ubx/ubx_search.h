/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ubx_search: at which baud rate a receiver is probed, and when it is polled there.
 *
 * A search is cycles of a sweep (a blind CFG-PRT at each rate sets the receiver to link_baud) and a
 * dwell (it is polled at link_baud). Pure; zero-initialised, then ubx_search_begin().
 */
#ifndef UBX_SEARCH_H
#define UBX_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "ubx_tx.h"

#define UBX_RATE_COUNT 8
/* Those of V14 section 7.3 and two at which later receivers may have been saved. Fastest first: so
 * a slower receiver has seen only few odd bytes before its own. */
extern const uint32_t ubx_search_rates[UBX_RATE_COUNT];

struct ubx_search {
	uint32_t wanted_baud;
	uint32_t link_baud; /* at which the receiver is to be polled */
	uint32_t rx_baud; /* the baud of frames in the last dwell that had some; 0: none */
	unsigned cycle, sweep_index, polls;
	uint64_t poll_ns, deadline_ns; /* of the dwell: next poll, end */
};

/* From the first cycle on, at the baud wanted; rx_baud is kept. */
void ubx_search_begin(struct ubx_search *q, uint32_t wanted_baud);
/* The next cycle: chooses link_baud. any_bytes: some came since ubx_search_begin(). */
void ubx_search_next(struct ubx_search *q, bool any_bytes);
/* One rate after the other, whenever tx is idle. true: all are done, and the dwell has begun. */
bool ubx_search_sweep(struct ubx_search *q, struct ubx_tx *tx, uint64_t now_ns);
/* In the dwell: true: poll now. last_frame_ns: of a good frame in this dwell; 0: none. */
bool ubx_search_polls(struct ubx_search *q, uint64_t last_frame_ns, uint64_t now_ns);
/* The dwell is over. To be asked after ubx_search_polls(), which prolongs it for what is alive. */
bool ubx_search_is_over(const struct ubx_search *q, uint64_t now_ns);
/* When either will next be true. */
uint64_t ubx_search_deadline(const struct ubx_search *q);

#endif
