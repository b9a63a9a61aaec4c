// SPDX-License-Identifier: BSD-2-Clause
#include "uplink_plan.h"

#define NS_PER_MS UINT64_C(1000000)

void uplink_plan_init(struct uplink_plan *p, unsigned batch, unsigned backoff_max_ms, uint64_t seed)
{
	p->batch = batch;
	p->limit = batch;
	p->backoff_max_ms = backoff_max_ms;
	p->backoff_ms = 0;
	p->not_before_ns = 0;
	p->random = seed | 1;
}

bool uplink_plan_may_send(const struct uplink_plan *p, uint64_t now_ns)
{
	return now_ns >= p->not_before_ns;
}

/* xorshift64 (Marsaglia 2003): spreads, which is all that is asked of it. */
static uint64_t draw(struct uplink_plan *p)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return p->random;
}

static void back_off(struct uplink_plan *p, uint64_t now_ns)
{
	unsigned wait_ms = p->backoff_ms == 0 ? UPLINK_BACKOFF_MIN_MS : p->backoff_ms * 2;

	p->backoff_ms = wait_ms < p->backoff_max_ms ? wait_ms : p->backoff_max_ms;
	wait_ms = p->backoff_ms / 2 + (unsigned)(draw(p) % (p->backoff_ms / 2 + 1));
	p->not_before_ns = now_ns + wait_ms * NS_PER_MS;
}

/* The server says that what was sent is wrong, not who sent it or where it went. */
static bool is_about_content(unsigned code)
{
	switch (code) {
	case UPLINK_CODE(4, 0):		/* Bad Request */
	case UPLINK_CODE(4, 6):		/* Not Acceptable */
	case UPLINK_CODE(4, 13):	/* Request Entity Too Large */
	case UPLINK_CODE(4, 22):	/* Unprocessable Entity (RFC 8132) */
		return true;
	default:
		return false;
	}
}

enum uplink_verdict uplink_plan_answer(struct uplink_plan *p, unsigned code, int64_t max_age_s,
				       unsigned n, uint64_t now_ns)
{
	if (code / 32 == 2) {
		p->backoff_ms = 0;
		p->not_before_ns = now_ns;
		p->limit = p->limit > p->batch / 2 ? p->batch : p->limit * 2;
		return UPLINK_CONFIRM;
	}
	if (is_about_content(code)) {
		p->not_before_ns = now_ns;
		if (n <= 1) {
			return UPLINK_REFUSE;
		}
		p->limit = n / 2;
		return UPLINK_HALVE;
	}
	if (code == UPLINK_CODE(5, 3)) {
		int64_t wait_s = max_age_s < 0 ? UPLINK_MAX_AGE_DEFAULT_S : max_age_s;

		wait_s = wait_s < 1			   ? 1
			 : wait_s > UPLINK_MAX_AGE_LIMIT_S ? UPLINK_MAX_AGE_LIMIT_S
							   : wait_s;
		p->not_before_ns = now_ns + (uint64_t)wait_s * 1000 * NS_PER_MS;
		return UPLINK_KEEP;
	}
	back_off(p, now_ns);
	return UPLINK_KEEP;
}

void uplink_plan_no_answer(struct uplink_plan *p, uint64_t now_ns)
{
	back_off(p, now_ns);
}
