// SPDX-License-Identifier: BSD-2-Clause
#include "ubx_search.h"

#include "ubx_profile.h"

#define MS 1000000ull

/* A sleeping receiver needs about 500 ms after the first edge (V14 section 11.2.3.1): the first
 * dwell outlasts that. */
#define FIRST_DWELL_MS 480
/* Later sweeps (117 ms) are a second apart: newer parts stop listening for the rest of a second
 * with more than 100 framing errors. */
#define DWELL_MS 1100
#define CARRY_OUT_MS \
	30 /* a receiver takes some 10 ms to carry out CFG-PRT; until then a poll is lost */
#define ALIVE_MS 3000 /* frames come but no answers: poll, and stay for as long as they come */

const uint32_t ubx_search_rates[UBX_RATE_COUNT] = { 460800, 230400, 115200, 57600,
						    38400,  19200,  9600,   4800 };
/* To the end of a dwell: a receiver deafened by the sweep receives only its last quarter. */
static const uint16_t link_poll_ms[] = { 100, 250 };

void ubx_search_begin(struct ubx_search *q, uint32_t wanted_baud)
{
	q->wanted_baud = wanted_baud;
	q->link_baud = wanted_baud;
	q->cycle = 0;
}

/* Normally the baud wanted. Every fourth time, later every second time another, if something is
 * alive that does not answer there: a cable that is bad at 115200, or a receiver that only sends.
 */
static uint32_t next_link_baud(const struct ubx_search *q, bool any_bytes)
{
	static const uint32_t elsewhere[UBX_RATE_COUNT] = { 9600, 38400, 115200, 57600,
							    4800, 19200, 230400, 460800 };

	if (!any_bytes || q->cycle % (q->cycle < 8 ? 4 : 2) != (q->cycle < 8 ? 3 : 1)) {
		return q->wanted_baud;
	}
	return q->rx_baud     ? q->rx_baud
	       : q->cycle < 8 ? elsewhere[q->cycle / 4]
			      : elsewhere[(q->cycle / 2 - 2) % UBX_RATE_COUNT];
}

void ubx_search_next(struct ubx_search *q, bool any_bytes)
{
	q->link_baud = next_link_baud(q, any_bytes);
	q->cycle++;
	q->sweep_index = 0;
}

static void begin_dwell(struct ubx_search *q, uint64_t now)
{
	q->polls = 0;
	q->poll_ns = now + CARRY_OUT_MS * MS;
	q->deadline_ns = now + (q->cycle == 1 ? FIRST_DWELL_MS : DWELL_MS) * MS;
}

/* Set the rate, send CFG-PRT there, wait until the bytes have left. */
bool ubx_search_sweep(struct ubx_search *q, struct ubx_tx *tx, uint64_t now)
{
	uint8_t payload[20];

	if (!ubx_tx_is_idle(tx, now)) {
		return false;
	}
	if (q->sweep_index == UBX_RATE_COUNT) {
		ubx_tx_set_baud(tx, q->link_baud);
		begin_dwell(q, now);
		return true;
	}
	ubx_tx_set_baud(tx, ubx_search_rates[q->sweep_index++]);
	ubx_profile_blind_port(payload, q->link_baud);
	ubx_tx_frame(tx, UBX_CFG_PRT, payload, sizeof(payload));
	return false;
}

bool ubx_search_polls(struct ubx_search *q, uint64_t last_frame_ns, uint64_t now)
{
	unsigned last = sizeof(link_poll_ms) / sizeof(link_poll_ms[0]) - 1;
	bool alive = last_frame_ns != 0;

	if (alive) {
		q->rx_baud = q->link_baud;
		q->deadline_ns = last_frame_ns + ALIVE_MS * MS;
	}
	if (now < q->poll_ns) {
		return false;
	}
	q->poll_ns = now + link_poll_ms[q->polls < last ? q->polls : last] * MS;
	if (alive) { /* at changing phases of the epochs, so that no age looks constant */
		q->poll_ns += (750 + q->polls * 137 % 400) * MS;
	}
	q->polls++;
	return true;
}

bool ubx_search_is_over(const struct ubx_search *q, uint64_t now)
{
	return now >= q->deadline_ns;
}

uint64_t ubx_search_deadline(const struct ubx_search *q)
{
	return q->poll_ns < q->deadline_ns ? q->poll_ns : q->deadline_ns;
}
