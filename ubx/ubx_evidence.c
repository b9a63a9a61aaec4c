// SPDX-License-Identifier: BSD-2-Clause
#include "ubx_evidence.h"

#define MS 1000000ull
#define DECIDED_MS 6000 /* some sweeps */
/* Only once every rate was tried: the session listens at another one at every second sweep. */
#define UNREADABLE_DECIDED_MS 40000
#define RECENT_MS 60000

static bool is_recent(uint64_t at_ns, uint64_t since_ns, uint64_t now)
{
	return at_ns != 0 && at_ns >= since_ns && now < at_ns + RECENT_MS * MS;
}

bool ubx_evidence_is_echo(const struct ubx_evidence *e, uint64_t since_ns, uint64_t now)
{
	return is_recent(e->echo_ns, since_ns, now);
}

enum ubx_silence ubx_evidence_judge(const struct ubx_evidence *e, uint64_t since_ns, uint64_t now)
{
	if (is_recent(e->echo_ns, since_ns, now)) {
		return UBX_SILENCE_ECHO;
	}
	if (is_recent(e->nak_ns, since_ns, now)) {
		return UBX_SILENCE_REFUSED;
	}
	if (is_recent(e->frame_ns, since_ns, now)) {
		return UBX_SILENCE_UNANSWERED;
	}
	if (is_recent(e->nmea_ns, since_ns, now)) {
		return UBX_SILENCE_NMEA_ONLY;
	}
	return is_recent(e->rx_ns, since_ns, now) ? UBX_SILENCE_UNREADABLE : UBX_SILENCE_TOTAL;
}

uint64_t ubx_evidence_decided_ns(enum ubx_silence silence)
{
	return (silence == UBX_SILENCE_UNREADABLE ? UNREADABLE_DECIDED_MS : DECIDED_MS) * MS;
}
