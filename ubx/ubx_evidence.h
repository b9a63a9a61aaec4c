/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ubx_evidence: why a receiver does not become ready, as far as its bytes show. Pure.
 */
#ifndef UBX_EVIDENCE_H
#define UBX_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

enum ubx_silence {
	UBX_SILENCE_NONE, /* ready, or not decided yet */
	UBX_SILENCE_TOTAL, /* not a byte */
	UBX_SILENCE_UNREADABLE, /* bytes, at no rate anything readable */
	UBX_SILENCE_NMEA_ONLY, /* NMEA sentences, and no answer to UBX at any rate */
	UBX_SILENCE_UNANSWERED, /* UBX, but no poll is answered */
	UBX_SILENCE_REFUSED, /* polls and settings that are needed get NAK */
	UBX_SILENCE_ECHO, /* what was sent comes back */
};

/* When each kind of byte was last received; 0: never. answer: ACK, NAK or CFG. */
struct ubx_evidence {
	uint64_t rx_ns, nmea_ns, frame_ns, answer_ns, nak_ns, echo_ns;
};

/* What was received since since_ns, and not too long ago, shows. Never NONE. */
enum ubx_silence ubx_evidence_judge(const struct ubx_evidence *e, uint64_t since_ns,
				    uint64_t now_ns);
bool ubx_evidence_is_echo(const struct ubx_evidence *e, uint64_t since_ns, uint64_t now_ns);
/* How long it takes until that can be relied on. */
uint64_t ubx_evidence_decided_ns(enum ubx_silence silence);

#endif
