// SPDX-License-Identifier: BSD-2-Clause
#include "uplink_plan.h"

#define NS_PER_MS UINT64_C(1000000)

void uplink_plan_init(struct uplink_plan *p, const struct uplink_plan_config *config)
{
	*p = (struct uplink_plan){
		.batch = config->batch,
		.limit = config->batch,
		.window_max = config->window,
		.window = 1,
		.servers = config->servers,
		.backoff_max_ms = config->backoff_max_ms,
		.random = config->seed | 1,
	};
}

bool uplink_plan_may_send(struct uplink_plan *p, unsigned in_flight, uint64_t now_ns)
{
	if (now_ns < p->not_before_ns || in_flight >= (p->draining ? 1 : p->window)) {
		return false;
	}
	if (p->server != 0 && now_ns >= p->return_ns) { /* the two servers must not share requests
							 * in flight
							 */
		p->draining = true;
	}
	if (in_flight > 0) {
		return !p->draining;
	}
	if (p->server != 0 && now_ns >= p->return_ns) {
		p->return_ns =
			now_ns + (uint64_t)p->backoff_max_ms * UPLINK_RETURN_MAXIMA * NS_PER_MS;
		p->server = 0;
		p->window = 1;
	}
	return true;
}

struct uplink_attempt uplink_plan_sent(struct uplink_plan *p, unsigned n, uint64_t now_ns)
{
	p->draining = false;
	return (struct uplink_attempt){ .at_ns = now_ns, .round = p->round, .n = n };
}

/* xorshift64 (Marsaglia 2003): enough to spread nodes */
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

/*
 * The next server, or, when all have failed, true: wait and begin with the first. Requests in
 * flight together fail together: that is one failure.
 */
static bool server_failed(struct uplink_plan *p, struct uplink_attempt attempt, uint64_t now_ns)
{
	p->draining = true;
	if (attempt.round != p->round) {
		return false;
	}
	p->round++;
	p->window = 1;
	p->failed++;
	if (p->failed >= p->servers) {
		p->failed = 0;
		p->server = 0;
		return true;
	}
	p->server = (p->server + 1) % p->servers;
	p->return_ns = now_ns + (uint64_t)p->backoff_max_ms * UPLINK_RETURN_MAXIMA * NS_PER_MS;
	return false;
}

/* The content is wrong, not the sender or the resource. */
static bool is_about_content(unsigned code)
{
	switch (code) {
	case UPLINK_CODE(4, 0): /* Bad Request */
	case UPLINK_CODE(4, 6): /* Not Acceptable */
	case UPLINK_CODE(4, 9): /* Conflict (RFC 8132) */
	case UPLINK_CODE(4, 13): /* Request Entity Too Large */
	case UPLINK_CODE(4, 22): /* Unprocessable Entity (RFC 8132) */
		return true;
	default:
		return false;
	}
}

static void confirmed(struct uplink_plan *p, struct uplink_attempt attempt, uint64_t now_ns)
{
	p->limit = p->limit > p->batch / 2 ? p->batch : p->limit * 2;
	if (attempt.round != p->round) { /* sent before a failure: no evidence about the time after
					    it */
		return;
	}
	p->backoff_ms = 0;
	p->not_before_ns = now_ns;
	p->failed = 0;
	if (now_ns - attempt.at_ns <= UPLINK_SLOW_MS * NS_PER_MS) {
		p->window += p->window < p->window_max;
	} else if (attempt.at_ns >= p->shrunk_ns) {
		p->window = p->window > 1 ? p->window / 2 : 1;
		p->shrunk_ns = now_ns;
	}
}

enum uplink_verdict uplink_plan_answer(struct uplink_plan *p, struct uplink_attempt attempt,
				       unsigned code, int64_t max_age_s, uint64_t now_ns)
{
	if (code == UPLINK_CODE(2, 4)) {
		confirmed(p, attempt, now_ns);
		return UPLINK_CONFIRM;
	}
	if (is_about_content(code)) {
		p->draining = true;
		if (attempt.n <= 1) {
			return code == UPLINK_CODE(4, 9) ? UPLINK_RENUMBER : UPLINK_REFUSE;
		}
		p->limit = attempt.n / 2;
		return UPLINK_HALVE;
	}
	if (server_failed(p, attempt, now_ns)) {
		if (code == UPLINK_CODE(5, 3)) {
			int64_t wait_s = max_age_s < 0 ? UPLINK_MAX_AGE_DEFAULT_S : max_age_s;

			wait_s = wait_s < 1			   ? 1
				 : wait_s > UPLINK_MAX_AGE_LIMIT_S ? UPLINK_MAX_AGE_LIMIT_S
								   : wait_s;
			p->not_before_ns = now_ns + (uint64_t)wait_s * 1000 * NS_PER_MS;
		} else {
			back_off(p, now_ns);
		}
	}
	return UPLINK_KEEP;
}

void uplink_plan_no_record(struct uplink_plan *p, struct uplink_attempt attempt, uint64_t now_ns)
{
	p->draining = true;
	if (attempt.round == p->round) {
		p->round++;
		p->window = 1;
		back_off(p, now_ns);
	}
}

void uplink_plan_no_answer(struct uplink_plan *p, struct uplink_attempt attempt, uint64_t now_ns)
{
	if (server_failed(p, attempt, now_ns)) {
		back_off(p, now_ns);
	}
}
