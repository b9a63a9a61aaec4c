// SPDX-License-Identifier: BSD-2-Clause
#include "uplink_pack.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/reading/legacy_reading.h"
#include "userspace/reading/senml.h"

/* A block of CoAP (RFC 7959): fits a datagram with everything around it. */
#define DATAGRAM_MAX 1024

struct uplink_packer {
	enum node_format format;
	unsigned batch;
	unsigned try; /* readings to look at: what fitted last, and one more */
	struct reading *readings; /* batch of them */
	uint8_t body[SENML_READING_MAX];
};

struct uplink_packer *uplink_packer_new(enum node_format format, unsigned batch)
{
	struct uplink_packer *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		return NULL;
	}
	p->format = format;
	p->batch = format == NODE_FORMAT_LEGACY ? 1 : batch;
	p->try = p->batch;
	p->readings = malloc(p->batch * sizeof(*p->readings));
	if (p->readings == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

void uplink_packer_free(struct uplink_packer *p)
{
	if (p != NULL) {
		free(p->readings);
		free(p);
	}
}

/* As senml_encode(): the size, or an error. */
static int encode(struct uplink_packer *p, size_t found, size_t *n)
{
	struct legacy_record record;
	int size;

	if (p->format == NODE_FORMAT_LEGACY) {
		*n = 1;
		size = legacy_from_reading(&p->readings[0], &record);
		return size == 0 ? legacy_text_format(&record, (char *)p->body, sizeof(p->body))
				 : size;
	}
	size = senml_encode(SENML_CBOR, p->readings, found, p->body, DATAGRAM_MAX, n);
	if (size == -ENOSPC) {
		*n = 1;
		size = senml_encode(SENML_CBOR, p->readings, 1, p->body, sizeof(p->body), NULL);
	}
	return size;
}

int uplink_packer_next(struct uplink_packer *p, struct outbox *outbox, enum outbox_order order,
		       struct outbox_range except, unsigned max, struct uplink_pack *pack)
{
	for (;;) {
		unsigned try = p->try < max ? p->
		try : max
			;
		int found = outbox_peek(outbox, order, except, p->readings, try), size, rc;
		size_t n;

		if (found <= 0) {
			return found;
		}
		size = encode(p, (size_t)found, &n);
		if (size >= 0) {
			const struct reading *first = &p->readings[0], *last = &p->readings[n - 1];

			p->try = n == try ? 2 *
			try:
				(unsigned)n + 1;
			p->try = p->try < p->batch ? p->
			try : p
				->batch;
			*pack = (struct uplink_pack){
				.epoch = first->epoch,
				.first = first->seq < last->seq ? first->seq : last->seq,
				.last = first->seq < last->seq ? last->seq : first->seq,
				.n = (unsigned)n,
				.dated = first->time_source != READING_TIME_NONE,
				.payload = p->body,
				.size = (size_t)size,
				.content_format = p->format == NODE_FORMAT_LEGACY ? -1 : SENML_CBOR,
			};
			return 1;
		}
		/* It could be encoded when it was put: its like is damaged, or of a device without
		 * a MAC. */
		rc = outbox_refuse(outbox, p->readings[0].epoch, p->readings[0].seq,
				   "cannot be encoded");
		if (rc < 0) {
			return rc;
		}
	}
}

int uplink_pack_gaps(uint64_t epoch, const struct outbox_gap *gaps, unsigned n, char *text,
		     size_t size)
{
	int used = snprintf(text, size, "{\"epoch\":\"%016" PRIx64 "\",\"gaps\":[", epoch);

	for (unsigned i = 0; i < n; i++) {
		used += snprintf(text + used, size - (size_t)used,
				 "%s{\"first\":%" PRIu64 ",\"last\":%" PRIu64 ",\"cause\":\"%s\"}",
				 i > 0 ? "," : "", gaps[i].first, gaps[i].last,
				 outbox_gap_reason_name(gaps[i].reason));
	}
	return used + snprintf(text + used, size - (size_t)used, "]}");
}
