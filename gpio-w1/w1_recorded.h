/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * w1_recorded: a line that writes down what another line did, and one that plays it back. Pure.
 *
 * A bus in the field that misbehaves is recorded once and looked at again at a desk: the master
 * asks for the same operations in the same order as long as it is the same program, and gets the
 * same levels and times.
 *
 * Ownership: entries are the caller's, and so is the line that is recorded; both must outlive the
 * use.
 */
#ifndef W1_RECORDED_H
#define W1_RECORDED_H

#include <stddef.h>

#include "w1_line.h"

enum w1_recorded_op {
	W1_RECORDED_LOW,
	W1_RECORDED_RELEASE,
	W1_RECORDED_SAMPLE,
	W1_RECORDED_PULLUP_ON,
	W1_RECORDED_PULLUP_OFF,
	W1_RECORDED_NOW,
	W1_RECORDED_SPIN,
	W1_RECORDED_SLEEP,
};

struct w1_recorded_entry {
	uint64_t ns; /* the reading of the clock, or until when was waited */
	int32_t result; /* of the others */
	uint32_t op;
};

struct w1_recorded {
	struct w1_recorded_entry *entry;
	size_t n, capacity; /* n: written, or played so far */
	bool incomplete; /* recording: there was no room; playing: the master asked for something
			    else, or for more */
	struct w1_line of; /* recording only */
	uint64_t last_ns;
};

/* A line that does what `of` does and writes it to entries until they are full. */
struct w1_line w1_recorded_record(struct w1_recorded *r, struct w1_line of,
				  struct w1_recorded_entry *entries, size_t capacity);

/* A line that plays n entries. Beyond them, or where they don't fit, every operation fails with
 * -EPROTO; time goes on. */
struct w1_line w1_recorded_play(struct w1_recorded *r, struct w1_recorded_entry *entries, size_t n);

#endif
