// SPDX-License-Identifier: BSD-2-Clause
#include "uplink_pack.h"

#include <errno.h>
#include <stdio.h>

#include "userspace/reading/gap_list.h"
#include "userspace/reading/legacy_reading.h"

/* A block of CoAP (RFC 7959): fits a datagram with its headers. */
#define DATAGRAM_MAX 1024

/* The legacy server takes one record, and any of them as dated. */
static int next_record(struct uplink_pack *p, struct outbox *outbox, enum outbox_order order,
		       const struct outbox_sent *except)
{
	struct legacy_record record;
	struct senml_error error;
	struct reading r;
	int n, rc;

	while ((n = outbox_peek(outbox, order, except, 1, p->payload, sizeof(p->payload),
				&p->readings)) > 0) {
		rc = senml_decode(SENML_CBOR, p->payload, p->readings.size, &r, 1, &error);
		rc = rc == 1 ? legacy_from_reading(&r, &record) : rc;
		rc = rc == 0 ? legacy_text_format(&record, (char *)p->payload, sizeof(p->payload))
			     : rc;
		if (rc >= 0) {
			p->dated = r.time_source != READING_TIME_NONE;
			p->content_format = -1;
			p->size = (size_t)rc;
			return 1;
		}
		rc = outbox_refuse(outbox, p->readings.epoch, p->readings.first,
				   "not in the legacy format: its device is not named by a MAC");
		if (rc < 0) {
			return rc;
		}
	}
	return n;
}

int uplink_pack_next(struct uplink_pack *p, enum node_format format, struct outbox *outbox,
		     enum outbox_order order, const struct outbox_sent *except, unsigned max)
{
	int n;

	if (format == NODE_FORMAT_LEGACY) {
		return next_record(p, outbox, order, except);
	}
	n = outbox_peek(outbox, order, except, max, p->payload, DATAGRAM_MAX, &p->readings);
	if (n == -EMSGSIZE) {
		n = outbox_peek(outbox, order, except, 1, p->payload, sizeof(p->payload),
				&p->readings);
	}
	p->content_format = SENML_CBOR;
	p->size = p->readings.size;
	return n > 0 ? 1 : n;
}

int uplink_pack_gaps(uint64_t epoch, const struct outbox_gap *gaps, unsigned n, char *text,
		     size_t size)
{
	struct gap_list list = { .epoch = epoch, .n = n };

	for (unsigned i = 0; i < n; i++) {
		list.gaps[i].first = gaps[i].first;
		list.gaps[i].last = gaps[i].last;
		snprintf(list.gaps[i].cause, sizeof(list.gaps[i].cause), "%s",
			 outbox_gap_reason_name(gaps[i].reason));
	}
	return gap_list_encode(&list, text, size);
}
