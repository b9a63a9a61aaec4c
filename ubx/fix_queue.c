// SPDX-License-Identifier: BSD-2-Clause
#include "fix_queue.h"

void fix_queue_put(struct fix_queue *q, const struct gnss_fix *fix)
{
	if (q->count == FIX_QUEUE_SIZE) {
		q->first = (q->first + 1) % FIX_QUEUE_SIZE;
		q->count--;
	}
	q->fixes[(q->first + q->count++) % FIX_QUEUE_SIZE] = *fix;
}

bool fix_queue_take(struct fix_queue *q, struct gnss_fix *fix)
{
	if (q->count == 0) {
		return false;
	}
	*fix = q->fixes[q->first];
	q->first = (q->first + 1) % FIX_QUEUE_SIZE;
	q->count--;
	return true;
}

bool fix_queue_has_room(const struct fix_queue *q)
{
	return q->count + FIX_QUEUE_READ / 92 + 1 < FIX_QUEUE_SIZE;
}
