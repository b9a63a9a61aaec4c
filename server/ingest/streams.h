/* SPDX-License-Identifier: BSD-2-Clause */
/* streams: the streams in memory, by (device, epoch), with their ids in the store and their gaps.
 * Threads: one, ingest's. */
#ifndef STREAMS_H
#define STREAMS_H

#include <stdint.h>

#include "server/store/gaps.h"
#include "userspace/reading/reading.h"

struct stream {
	struct stream *next; /* in its bucket */
	char device[READING_DEVICE_SIZE];
	uint64_t epoch;
	uint64_t id; /* in the store */
	uint64_t newest; /* committed last, since it was looked up; 0: nothing, or not counted */
	uint64_t saved; /* `complete` as the store has it at least */
	struct gaps gaps;
};

struct streams {
	struct stream **buckets;
	unsigned n, size; /* size: a power of two */
};

struct stream *streams_find(const struct streams *s, const char *device, uint64_t epoch);
/* A new one, id 0. NULL without memory. Never moves. */
struct stream *streams_add(struct streams *s, const char *device, uint64_t epoch);
void streams_free(struct streams *s); /* all of them; a zeroed struct is empty */

#endif
