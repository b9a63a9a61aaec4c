// SPDX-License-Identifier: BSD-2-Clause
#include <inttypes.h>
#include <stdio.h>

#include "uplink_own.h"
#include "userspace/daemon/log.h"

/* Readings that the server has lost go again so many at once, so often: new ones go between them.
 */
#define RESEND_MAX 100
#define RESEND_NS NS_PER_S

void uplink_note_complete(const struct request *r, const struct coaps_response *answer,
			  uint64_t now_ns)
{
	struct server *server = r->server;
	struct reading_ack acks[4];
	struct senml_error error;
	int n = answer->content_format == SENML_CBOR
			? senml_decode_acks(SENML_CBOR, answer->payload, answer->payload_size, acks,
					    4, &error)
			: 0;

	for (int i = 0; i < n; i++) {
		if (acks[i].epoch != r->epoch) {
			continue;
		}
		if (server->epoch == r->epoch && acks[i].complete < server->complete) {
			server->checked &= r->attempt.at_ns <= server->complete_ns;
		}
		if (server->epoch != r->epoch || acks[i].complete > server->complete ||
		    !server->checked) {
			server->epoch = r->epoch;
			server->complete = acks[i].complete;
			server->complete_ns = now_ns;
		}
	}
}

static void find_missing(struct uplink *u, const struct gap_report *report)
{
	unsigned n = 0;

	for (unsigned i = 0; i < report->n; i++) {
		n += outbox_find_kept(u->outbox, report->holes[i].first, report->holes[i].last,
				      u->missing + n, GAP_LIST_MAX - n);
	}
	n += outbox_find_kept(u->outbox, report->last + 1, INT64_MAX, u->missing + n,
			      GAP_LIST_MAX - n);
	u->n_missing = n;
	u->missing_at = 0;
	u->resent = 0;
}

/* Numbers that were never given here are those of the file that this one was copied from. */
void uplink_on_check_answer(struct uplink *u, const struct request *r,
			    const struct coaps_response *answer)
{
	struct outbox_stats stats;
	struct gap_report report;
	int rc = 0;

	if (answer->code >> 5 == 5) {
		uplink_is_confirmed(u, r, answer);
		return;
	}
	if (answer->code != UPLINK_CODE(2, 5) ||
	    gap_report_decode(answer->payload, answer->payload_size, r->epoch, &report) != 0) {
		u->check_not_before_ns = u->now_ns + RETRY_NS; /* an older server */
		return;
	}
	r->server->checked = true;
	rc = outbox_stats(u->outbox, &stats);
	if (rc == 0 && r->server == &u->servers[0]) { /* others may have a database of their own */
		find_missing(u, &report);
	}
	if (rc == 0 && stats.epoch == r->epoch && report.last >= stats.next_seq) {
		rc = outbox_begin_epoch(u->outbox, r->epoch);
		if (rc == 0) {
			log_warning("%s has readings up to %" PRIu64
				    ", this outbox has given %" PRIu64
				    " (restored, or copied?): a new epoch begins",
				    r->server->uri, report.last, stats.next_seq - 1);
		}
	}
	uplink_keep_error(u, rc);
}

int uplink_send_check(struct uplink *u)
{
	struct outbox_stats stats;
	char path[sizeof(u->device) + 32];
	struct request *slot;
	int rc = outbox_stats(u->outbox, &stats);

	if (rc < 0 || stats.rows - stats.refused + stats.unprotected + stats.gaps == 0) {
		return rc;
	}
	snprintf(path, sizeof(path), "/gaps/%s?epoch=%016" PRIx64, u->device, stats.epoch);
	slot = uplink_free_slot(u);
	*slot = (struct request){ .kind = KIND_CHECK, .epoch = stats.epoch };
	u->check_pending = true;
	uplink_send_get(u, slot, path);
	return 1;
}

int uplink_resend(struct uplink *u)
{
	int n = 0;

	if (u->missing_at == u->n_missing || u->in_flight > 0 ||
	    u->now_ns < u->resend_not_before_ns) {
		return 0;
	}
	while (n == 0 && u->missing_at < u->n_missing) {
		struct outbox_range *range = &u->missing[u->missing_at];
		uint64_t to;

		n = outbox_resend(u->outbox, range->first, range->last, RESEND_MAX, &to);
		range->first = to + 1;
		u->missing_at += to >= range->last;
	}
	u->resend_not_before_ns = u->now_ns + RESEND_NS;
	u->resent += n > 0 ? (uint64_t)n : 0;
	if (n >= 0 && u->missing_at == u->n_missing && u->resent > 0) {
		log_notice(
			"%s: %" PRIu64
			" readings that it had confirmed are missing there (a backup restored?): "
			"they are sent again",
			u->servers[0].uri, u->resent);
		u->servers[0].checked = u->n_missing < GAP_LIST_MAX; /* there may be more */
	}
	return n > 0 ? 1 : n;
}
