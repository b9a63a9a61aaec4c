// SPDX-License-Identifier: BSD-2-Clause
#include "retention.h"

#include <inttypes.h>
#include <sys/random.h>

#include "userspace/daemon/log.h"

#define PERIOD_MS (3600 * 1000)
#define CLOCK_MS (10 * 1000) /* until the clock is checked again */

static void on_chunk_done(struct job *job);

static void run(struct retention *r, bool count_only)
{
	r->query = (struct query){ .job.done = on_chunk_done,
				   .kind = QUERY_EXPIRE,
				   .owner = r->owner,
				   .expiry = { .days = r->days, .count_only = count_only } };
	r->counted = 0;
	r->running = queries_submit(r->queries, &r->query) == 0;
}

/* First all that will go is counted, and logged. */
static void on_chunk_done(struct job *job)
{
	struct retention *r = (struct retention *)job;
	struct query *query = &r->query;
	bool count_only = query->expiry.count_only;

	r->running = false;
	if (query->result > 0) {
		r->counted += (uint64_t)query->result;
	}
	if (query->result >= 0 && !query->expiry.done) {
		r->running = queries_submit(r->queries, query) == 0;
	} else if (query->result >= 0 && r->counted > 0) {
		log_notice("retention: %s %" PRIu64 " readings%s",
			   count_only ? "removing" : "removed", r->counted,
			   count_only ? " that are too old, at most a day's of each stream" : "");
		if (count_only) {
			run(r, false);
		}
	}
}

void retention_init(struct retention *r, struct queries *queries, int64_t days)
{
	*r = (struct retention){ .queries = queries, .days = days };
	(void)!getrandom(&r->owner, sizeof(r->owner), 0);
}

void retention_set_days(struct retention *r, int64_t days)
{
	r->days = days;
	r->due_ms = 0;
}

int retention_tick(struct retention *r, uint64_t now_ms, bool is_clock_trusted)
{
	if (now_ms < r->due_ms) {
		return (int)(r->due_ms - now_ms);
	}
	if (!is_clock_trusted) {
		if (!r->distrust_logged && r->days > 0) {
			r->distrust_logged = true;
			log_notice(
				"retention: waiting, as the clock of this machine is not synchronised and no "
				"reading with a time by GNSS or NTP agrees with it");
		}
		r->due_ms = now_ms + CLOCK_MS;
		return CLOCK_MS;
	}
	r->distrust_logged = false;
	r->due_ms = now_ms + PERIOD_MS;
	if (!r->running) {
		run(r, true);
	}
	return PERIOD_MS;
}
