// SPDX-License-Identifier: BSD-2-Clause
#include "outbox_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "outbox_file.h"
#include "userspace/reading/senml.h"

int outbox_memory_init(struct outbox_memory *m, unsigned max)
{
	*m = (struct outbox_memory){
		.epoch = (uint64_t)outbox_file_epoch(),
		.next_seq = 1,
		.max = max,
		.rows = calloc(max > 0 ? max : 1, sizeof(*m->rows)),
	};
	return m->rows != NULL ? 0 : -ENOMEM;
}

/* Rows from..to-1 of them. */
static void delete_rows(struct outbox_memory *m, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		free((uint8_t *)m->rows[i].body);
	}
	memmove(&m->rows[from], &m->rows[to], (m->n - to) * sizeof(*m->rows));
	m->n -= to - from;
}

void outbox_memory_free(struct outbox_memory *m)
{
	if (m->rows != NULL) {
		delete_rows(m, 0, m->n);
	}
	free(m->rows);
	m->rows = NULL;
}

int outbox_memory_put(struct outbox_memory *m, struct reading *r, uint64_t boot, unsigned *dropped)
{
	uint8_t encoded[SENML_READING_MAX], *body;
	int length;

	*dropped = 0;
	r->epoch = m->epoch;
	r->seq = m->next_seq;
	length = senml_encode(SENML_CBOR, r, 1, encoded, sizeof(encoded), NULL);
	if (length < 0) {
		return length;
	}
	body = malloc((size_t)length);
	if (body == NULL || m->max == 0) {
		free(body);
		return -ENOMEM;
	}
	memcpy(body, encoded, (size_t)length);
	if (m->n == m->max) {
		delete_rows(m, 0, 1);
		*dropped = 1;
	}
	m->rows[m->n] = (struct outbox_row){ .seq = (int64_t)m->next_seq,
					     .boot = (int64_t)boot,
					     .boot_ns = (int64_t)r->boot_ns,
					     .body = body,
					     .length = length };
	outbox_row_set_time(&m->rows[m->n],
			    &(const struct clock_stamp){ .utc_us = r->utc_us,
							 .source = r->time_source,
							 .acc_ns = r->time_acc_ns });
	m->n++;
	m->next_seq++;
	return 0;
}

int outbox_memory_confirm(struct outbox_memory *m, uint64_t first, uint64_t last)
{
	unsigned from = 0, to;

	while (from < m->n && (uint64_t)m->rows[from].seq < first) {
		from++;
	}
	for (to = from; to < m->n && (uint64_t)m->rows[to].seq <= last; to++) {
	}
	delete_rows(m, from, to);
	return (int)(to - from);
}
