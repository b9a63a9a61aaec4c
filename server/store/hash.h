/* SPDX-License-Identifier: BSD-2-Clause */
/* hash: FNV-1a, for hash tables, for marks of change, and for entity tags. Pure. */
#ifndef HASH_H
#define HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* Continues `hash`, HASH_START at first, with n bytes. */
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
	const uint8_t *data = bytes;

	for (size_t i = 0; i < n; i++) {
		hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
	}
	return hash;
}

/* The ETag of a representation: the same bytes have the same one. Never 0, which stands for none.
 */
static inline uint64_t hash_etag(const void *data, size_t size)
{
	uint64_t hash = hash_bytes(HASH_START, data, size);

	return hash != 0 ? hash : 1;
}

#endif
