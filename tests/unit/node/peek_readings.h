/* SPDX-License-Identifier: BSD-2-Clause */
/* peek_readings: what outbox_peek() gives, decoded as a server would. */
#ifndef PEEK_READINGS_H
#define PEEK_READINGS_H

#include "userspace/node/outbox.h"
#include "userspace/reading/senml.h"

/* Up to max readings in readings[]: how many, or the error of outbox_peek(). */
static inline int peek_readings(struct outbox *o, enum outbox_order order,
				struct outbox_range except, struct reading *readings, size_t max)
{
	static uint8_t buffer[1 << 24];
	struct outbox_pack pack;
	struct senml_error error;
	const struct outbox_sent sent = { .disk = except };
	int n = outbox_peek(o, order, &sent, (unsigned)max, buffer, sizeof(buffer), &pack);

	if (n <= 0) {
		return n;
	}
	if (senml_decode(SENML_CBOR, buffer, pack.size, readings, max, &error) != n) {
		fail_msg("no pack of %d: %s", n, error.text);
	}
	for (int i = 0; i < n; i++) {
		assert_true(readings[i].epoch == pack.epoch);
		assert_in_range(readings[i].seq, pack.first, pack.last);
	}
	return n;
}

#endif
