/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outbox_memory: readings that the disk did not take, until the server has them. Used by outbox.c
 * only.
 *
 * They have an epoch of their own, random and as long as the process lives: on the disk nothing
 * could show the next process which of their numbers were sent.
 */
#ifndef NODE_OUTBOX_MEMORY_H
#define NODE_OUTBOX_MEMORY_H

#include "outbox.h"
#include "outbox_row.h"

struct outbox_memory {
	uint64_t epoch, next_seq;
	unsigned n, max;
	struct outbox_row *rows; /* n of max, by seq; each owns its body */
};

/* max 0: it keeps nothing. 0 or -ENOMEM. */
int outbox_memory_init(struct outbox_memory *m, unsigned max);
void outbox_memory_free(struct outbox_memory *m);

/*
 * Gives the reading its epoch and seq and keeps it, in place of the oldest if it is full: then
 * *dropped is 1, else 0. 0, or an error.
 */
int outbox_memory_put(struct outbox_memory *m, struct reading *r, uint64_t boot, unsigned *dropped);

/* Deletes first..last. Returns how many there were. */
int outbox_memory_confirm(struct outbox_memory *m, uint64_t first, uint64_t last);

#endif
