// SPDX-License-Identifier: BSD-2-Clause
#include "retention.h"

#include "userspace/daemon/log.h"

#define PERIOD_MS (3600 * 1000)

static void on_chunk_done(struct job *job)
{
	struct retention *r = (struct retention *)job;
	struct query *query = &r->query;

	if (query->result > 0) {
		log_info("retention: removed %d readings", query->result);
	}
	r->running = query->result >= 0 && !query->expiry.done &&
		     queries_submit(r->queries, query) == 0;
}

void retention_init(struct retention *r, struct queries *queries, int64_t days)
{
	*r = (struct retention){ .queries = queries, .days = days };
}

void retention_set_days(struct retention *r, int64_t days)
{
	r->days = days;
	r->due_ms = 0;
}

int retention_tick(struct retention *r, uint64_t now_ms)
{
	if (now_ms < r->due_ms) {
		return (int)(r->due_ms - now_ms);
	}
	r->due_ms = now_ms + PERIOD_MS;
	if (!r->running) {
		r->query = (struct query){ .job.done = on_chunk_done,
					   .kind = QUERY_EXPIRE,
					   .expiry.days = r->days };
		r->running = queries_submit(r->queries, &r->query) == 0;
	}
	return PERIOD_MS;
}
