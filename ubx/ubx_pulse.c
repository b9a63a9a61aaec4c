// SPDX-License-Identifier: BSD-2-Clause
#include "ubx_pulse.h"

#define NS_PER_S INT64_C(1000000000)
/* An interrupt is served some us after the edge: 9 us in 98 of 100 cases on a BeagleBone
 * (blog.dan.drown.org, timer capture beside pps-gpio), several times that under load. */
#define SERVICE_NS 100000
#define STEADY_INTERVALS 3
#define DRIFT_MAX_PPB 100000 /* as CLOCK_DRIFT_DIVISOR of the node */
#define LATE_MAX_NS 500000 /* an edge this much off its interval begins a new row */

static int64_t magnitude(int64_t v)
{
	return v < 0 ? -v : v;
}

/* The only whole second that the edge can have begun; 0: none, or more than one. */
static int64_t second_of(const struct gnss_fix *fix, const struct ubx_pulse_edge *edge)
{
	int64_t apart_ns = (int64_t)(edge->boot_ns - fix->received_ns);
	int64_t at_ns = fix->utc_us % 1000000 * 1000 + apart_ns; /* since the epoch's second */
	int64_t doubt_ns = (int64_t)(edge->doubt_ns + fix->tacc_ns) +
			   magnitude(apart_ns) / (NS_PER_S / DRIFT_MAX_PPB) + 1000;
	int64_t first_ns = at_ns + (int64_t)fix->age_min_ns - doubt_ns;
	int64_t last_ns = at_ns + (int64_t)fix->age_max_ns + doubt_ns;
	int64_t second = last_ns / NS_PER_S - (last_ns % NS_PER_S < 0);

	return second * NS_PER_S >= first_ns && (second - 1) * NS_PER_S < first_ns
		       ? fix->utc_us / 1000000 + second
		       : 0;
}

void ubx_pulse_judge(struct ubx_pulse *p, struct gnss_fix *fix, const struct ubx_pulse_edge *edge)
{
	const struct ubx_pulse before = *p;
	int64_t seconds, late_ns, jitter_ns;

	if (!fix->time_known || fix->tacc_ns >= NS_PER_S || fix->age_max_ns >= NS_PER_S ||
	    edge->doubt_ns >= NS_PER_S ||
	    (before.second != 0 && edge->sequence == before.last.sequence)) {
		return;
	}
	*p = (struct ubx_pulse){ .last = *edge, .second = second_of(fix, edge) };
	seconds = p->second - before.second;
	if (p->second == 0 || before.second == 0 || seconds <= 0 ||
	    edge->sequence - before.last.sequence != (uint64_t)seconds) {
		return;
	}
	late_ns = (int64_t)(edge->boot_ns - before.last.boot_ns) - seconds * NS_PER_S;
	if (magnitude(late_ns) > seconds * DRIFT_MAX_PPB + LATE_MAX_NS) {
		return;
	}
	p->drift_ppb = late_ns / seconds;
	p->steady = before.steady + 1;
	if (p->steady < STEADY_INTERVALS) {
		return;
	}
	/* A boot clock drifts alike from one second to the next: what differs is the lateness. */
	jitter_ns = magnitude(late_ns - before.drift_ppb * seconds);
	fix->pulse_ns = edge->boot_ns;
	fix->pulse_utc_us = p->second * 1000000;
	fix->pulse_acc_ns = SERVICE_NS + (uint64_t)jitter_ns + edge->doubt_ns + fix->tacc_ns;
}
