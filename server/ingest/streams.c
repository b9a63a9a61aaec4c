// SPDX-License-Identifier: BSD-2-Clause
#include "streams.h"

#include <stdlib.h>
#include <string.h>

#include "server/store/hash.h"

#define BUCKETS_MIN 64

static uint64_t hash(const char *device, uint64_t epoch)
{
	uint64_t h = hash_bytes(HASH_START ^ epoch, device, strlen(device));

	return h ^ h >> 32;
}

struct stream *streams_find(const struct streams *s, const char *device, uint64_t epoch)
{
	struct stream *stream = s->size == 0 ? NULL
					     : s->buckets[hash(device, epoch) & (s->size - 1)];

	while (stream != NULL && (stream->epoch != epoch || strcmp(stream->device, device) != 0)) {
		stream = stream->next;
	}
	return stream;
}

static void link_in(struct stream **buckets, unsigned size, struct stream *stream)
{
	struct stream **bucket = &buckets[hash(stream->device, stream->epoch) & (size - 1)];

	stream->next = *bucket;
	*bucket = stream;
}

static int grow(struct streams *s)
{
	unsigned size = s->size == 0 ? BUCKETS_MIN : s->size * 2;
	struct stream **buckets = calloc(size, sizeof(struct stream *));

	if (buckets == NULL) {
		return -1;
	}
	for (unsigned i = 0; i < s->size; i++) {
		for (struct stream *stream = s->buckets[i], *next; stream != NULL; stream = next) {
			next = stream->next;
			link_in(buckets, size, stream);
		}
	}
	free(s->buckets);
	s->buckets = buckets;
	s->size = size;
	return 0;
}

struct stream *streams_add(struct streams *s, const char *device, uint64_t epoch)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL || (s->n == s->size && grow(s) < 0)) {
		free(stream);
		return NULL;
	}
	memcpy(stream->device, device, strlen(device) + 1);
	stream->epoch = epoch;
	link_in(s->buckets, s->size, stream);
	s->n++;
	return stream;
}

void streams_free(struct streams *s)
{
	for (unsigned i = 0; i < s->size; i++) {
		for (struct stream *stream = s->buckets[i], *next; stream != NULL; stream = next) {
			next = stream->next;
			free(stream);
		}
	}
	free(s->buckets);
	memset(s, 0, sizeof(*s));
}
