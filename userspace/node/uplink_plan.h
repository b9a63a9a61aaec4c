/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uplink_plan: when to send how much to which server, and what an answer means for the outbox.
 * Pure.
 *
 * What the server has is deleted, what it refuses for its content is set aside, all else stays and
 * is sent again:
 *
 *   answer                              pack        next
 *   2.04                                confirmed   at once; packs grow up to the batch
 *   4.00 4.06 4.13 4.22: its content    halved      at once; a pack of one: set aside
 *   4.09: other content by its number   halved      at once; a pack of one: renumbered
 *   5.03 with Max-Age                   kept        the next server; if none, after Max-Age
 *   any other, no answer, no session    kept        the next server; if none, after the back-off
 *
 * Servers are tried in their order, each once; then comes a wait, and the first again. The back-off
 * doubles from 1 s to its maximum; each wait is drawn from its upper half, so that nodes that lost
 * the same server do not return at once. With a server other than the first, the first is tried
 * again after five such maxima, with one request.
 *
 * The window: one request in flight, and one more for each quick answer, up to a maximum. A slow
 * answer is a sign of lost or queued datagrams, and halves it (RFC 7252 4.7 wants congestion
 * control where more than one is in flight); a failure makes it one. After anything but 2.04 the
 * requests in flight are drained before more is sent: what stays is sent again from the start.
 */
#ifndef NODE_UPLINK_PLAN_H
#define NODE_UPLINK_PLAN_H

#include <stdbool.h>
#include <stdint.h>

/* 4.08 is not among the codes of content: blocks were lost on the way (RFC 7959 2.9.2). */
#define UPLINK_CODE(class, detail) ((class) * 32 + (detail)) /* RFC 7252 3 */

#define UPLINK_BACKOFF_MIN_MS 1000
#define UPLINK_MAX_AGE_DEFAULT_S 60 /* RFC 7252 5.10.5 */
#define UPLINK_MAX_AGE_LIMIT_S 600 /* a wrong Max-Age must not silence a node for days */
/* The first server is tried again after so many maximum back-offs. */
#define UPLINK_RETURN_MAXIMA 5
/* Slow: below ACK_TIMEOUT (1 s), so that queues shrink before they cause retransmissions. */
#define UPLINK_SLOW_MS 750

enum uplink_verdict {
	UPLINK_KEEP, /* all stays in the outbox */
	UPLINK_CONFIRM, /* the server has the pack */
	UPLINK_REFUSE, /* the pack is one reading: set it aside */
	UPLINK_HALVE, /* kept; a smaller one is sent at once */
	UPLINK_RENUMBER, /* the pack, of one reading, is sent again under another number */
};

struct uplink_plan {
	unsigned batch; /* readings in a pack at most */
	unsigned limit; /* at most, now; <= batch */
	unsigned window_max, window; /* requests in flight at most; at most, now */
	uint64_t shrunk_ns; /* requests sent before this have been counted as slow */
	unsigned servers, server; /* how many; the one in use */
	unsigned failed; /* in turn, since the last success */
	uint64_t return_ns; /* not at the first: when to try it again */
	unsigned round; /* counts failures; those of requests in flight together are one */
	bool draining; /* nothing is sent until none is in flight */
	unsigned backoff_max_ms, backoff_ms;
	uint64_t not_before_ns; /* nothing is sent before */
	uint64_t random; /* state of the jitter's generator */
};

struct uplink_plan_config {
	unsigned batch, window, servers, backoff_max_ms; /* each 1 or more */
	uint64_t seed; /* any number that differs from node to node */
};

/* One request */
struct uplink_attempt {
	uint64_t at_ns;
	unsigned round, n;
};

void uplink_plan_init(struct uplink_plan *p, const struct uplink_plan_config *config);

/* Whether another request may be sent to p->server now. */
bool uplink_plan_may_send(struct uplink_plan *p, unsigned in_flight, uint64_t now_ns);
/* To be called when it is sent. n: readings in it, 0 if it is not a pack. */
struct uplink_attempt uplink_plan_sent(struct uplink_plan *p, unsigned n, uint64_t now_ns);

/* Its answer: a code; max_age_s is -1: it had none. */
enum uplink_verdict uplink_plan_answer(struct uplink_plan *p, struct uplink_attempt attempt,
				       unsigned code, int64_t max_age_s, uint64_t now_ns);
/* No answer, or no session. */
void uplink_plan_no_answer(struct uplink_plan *p, struct uplink_attempt attempt, uint64_t now_ns);
/*
 * Replaces uplink_plan_answer() when the outbox could not be updated: the same pack will be sent
 * again, after the back-off of a failed server.
 */
void uplink_plan_no_record(struct uplink_plan *p, struct uplink_attempt attempt, uint64_t now_ns);

#endif
