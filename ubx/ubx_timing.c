// SPDX-License-Identifier: BSD-2-Clause
#include "ubx_timing.h"

#include "ubx_tx.h"

#define MS 1000000ull
/* The line is idle, and so the receiver's output buffer empty, after this without a byte: 10 at
 * 4800 baud. */
#define IDLE_MS 20
/* From an epoch to the first byte of its messages: the receiver computes. No document of u-blox has
 * a bound; from flight logs ArduPilot takes 0.12 s for u-blox 7 and 8, 0.22 s for 5 and 6, the wire
 * included (AP_GPS_UBLOX::get_lag). */
#define COMPUTE_MS 250
#define ANSWER_MS 2200 /* the slowest answer known takes 1.5 s */
#define SMALL_READ 24 /* a first read as small as this was in time; less than any epoch has */
#define PACE_MS 2
#define STEADY_MS 20
#define STEADY_EPOCHS 4
#define LATE_MAX 10
#define REFRESH_MS 10000
#define DRIFT_DIVISOR 10000 /* 100 ppm */

void ubx_timing_rx(struct ubx_timing *t, size_t len, uint32_t baud, uint64_t last_rx_ns,
		   uint64_t now)
{
	/* These bytes were on the line in between. */
	if (now >= last_rx_ns + IDLE_MS * MS + ubx_wire_ns(len, baud)) {
		t->burst_ns = now;
		t->burst_first = len;
		t->burst_bytes = 0;
	}
	t->burst_bytes += len;
}

void ubx_timing_polled(struct ubx_timing *t, uint64_t now)
{
	t->polls++;
	t->poll_ns = now;
}

void ubx_timing_answered(struct ubx_timing *t)
{
	t->polls -= t->polls > 0;
}

/* Has its offset been the same for some epochs? One that is later than the earliest was delayed. */
static bool is_steady(struct ubx_timing *t, int64_t offset, uint64_t now)
{
	int64_t slack = (int64_t)(STEADY_MS * MS + (now - t->offset_at_ns) / DRIFT_DIVISOR);
	int64_t later = offset - t->offset_ns;

	if (t->known && later >= -slack && later <= slack) {
		t->late = 0;
		if (now > t->offset_at_ns + REFRESH_MS * MS) {
			t->offset_ns = offset;
			t->offset_at_ns = now;
		}
		return ++t->steady >= STEADY_EPOCHS;
	}
	if (!t->known || later < 0 || ++t->late >= LATE_MAX) {
		t->known = true;
		t->offset_ns = offset;
		t->offset_at_ns = now;
		t->late = 0;
	}
	t->steady = 0;
	return false;
}

void ubx_timing_judge(struct ubx_timing *t, struct gnss_fix *fix, size_t size, uint32_t baud,
		      bool configuring, bool answers)
{
	uint64_t now = fix->received_ns;
	uint64_t burst_ns = now - t->burst_ns + ubx_wire_ns(t->burst_first, baud);
	bool polled = t->polls > 0 && now < t->poll_ns + ANSWER_MS * MS;
	bool in_time = !polled && !configuring && t->burst_first <= SMALL_READ &&
		       t->burst_bytes >= size &&
		       burst_ns + PACE_MS * MS >= ubx_wire_ns(t->burst_bytes, baud);

	ubx_timing_answered(t);
	if ((polled && answers) || t->burst_ns == 0 || !fix->time_known) {
		return;
	}
	if (is_steady(t, (int64_t)now - fix->utc_us * 1000, now) || in_time) {
		fix->age_min_ns = ubx_wire_ns(size, baud);
		fix->age_max_ns = COMPUTE_MS * MS + burst_ns + (in_time ? 0 : STEADY_MS * MS);
	}
}
