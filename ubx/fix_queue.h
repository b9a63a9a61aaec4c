/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fix_queue: fixes that were received and not yet given to the owner, in order. When it is full the
 * oldest is lost. Pure; zero-initialised is empty.
 */
#ifndef FIX_QUEUE_H
#define FIX_QUEUE_H

#include <stdbool.h>

#include "gnss_fix.h"

#define FIX_QUEUE_SIZE 32
#define FIX_QUEUE_READ 512 /* bytes that its owner may read at once */

struct fix_queue {
	struct gnss_fix fixes[FIX_QUEUE_SIZE];
	unsigned first, count;
};

void fix_queue_put(struct fix_queue *q, const struct gnss_fix *fix);
/* The oldest; false: there is none. */
bool fix_queue_take(struct fix_queue *q, struct gnss_fix *fix);
/* Is there room for those of another FIX_QUEUE_READ bytes (NAV-PVT has at least 92)? */
bool fix_queue_has_room(const struct fix_queue *q);

#endif
