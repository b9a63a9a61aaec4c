/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uplink_plan: when to send how much, and what an answer means for the outbox. Pure.
 *
 * One pack is on its way at a time. What the server has is deleted, what it refuses for what it is
 * is set aside, all else stays and is sent again:
 *
 *   answer                              the pack          next
 *   2.xx                                confirmed         at once; packs grow up to the batch
 *   4.00 4.06 4.13 4.22: its content    halved            at once; a pack of one: set aside
 *   5.03 with Max-Age                   kept              after Max-Age
 *   other 4.xx, 5.xx: who and where     kept              after the back-off
 *   none, no session                    kept              new session after the back-off
 *
 * The back-off doubles from 1 s to its maximum; each wait is drawn from its upper half, so that
 * nodes that lost the same server don't come back as one.
 */
#ifndef NODE_UPLINK_PLAN_H
#define NODE_UPLINK_PLAN_H

#include <stdbool.h>
#include <stdint.h>

/* 4.08 is not among the codes of content: blocks were lost on the way (RFC 7959 2.9.2). */
#define UPLINK_CODE(class, detail) ((class) * 32 + (detail))	/* RFC 7252 3 */

#define UPLINK_BACKOFF_MIN_MS 1000
#define UPLINK_MAX_AGE_DEFAULT_S 60	/* RFC 7252 5.10.5 */
#define UPLINK_MAX_AGE_LIMIT_S 600	/* a server's slip must not silence a node for days */

enum uplink_verdict {
	UPLINK_KEEP,	/* all stays in the outbox */
	UPLINK_CONFIRM,	/* the server has the pack */
	UPLINK_REFUSE,	/* the pack, of one reading, is to be set aside */
	UPLINK_HALVE,	/* kept; a smaller one goes at once */
};

struct uplink_plan {
	unsigned batch;		/* readings in a pack at most */
	unsigned limit;		/* at most, now; <= batch */
	unsigned backoff_max_ms, backoff_ms;
	uint64_t not_before_ns;	/* nothing is sent before */
	uint64_t random;	/* state of the jitter */
};

/* seed: any number that differs from node to node. */
void uplink_plan_init(struct uplink_plan *p, unsigned batch, unsigned backoff_max_ms, uint64_t seed);

/* May something be sent now? */
bool uplink_plan_may_send(const struct uplink_plan *p, uint64_t now_ns);

/* An answer to a pack of n: its code; max_age_s is -1 if it had none. */
enum uplink_verdict uplink_plan_answer(struct uplink_plan *p, unsigned code, int64_t max_age_s,
				       unsigned n, uint64_t now_ns);
/* No answer, or no session. */
void uplink_plan_no_answer(struct uplink_plan *p, uint64_t now_ns);

#endif
