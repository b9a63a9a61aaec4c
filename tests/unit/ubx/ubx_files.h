/* SPDX-License-Identifier: BSD-2-Clause */
/* ubx_files: recordings for tests, and a scanner so simple that it can be trusted. */
#ifndef UBX_FILES_H
#define UBX_FILES_H

#include <stddef.h>
#include <stdint.h>

struct ubx_file {
	uint8_t bytes[40960];
	size_t len;
};

#define UBX_FILE_COUNT 15
extern const char *const ubx_file_names[UBX_FILE_COUNT];

void ubx_file_read(struct ubx_file *file, const char *name);

/* The first frame at or behind *at; *at is moved to it. */
size_t ubx_next_frame(const uint8_t *p, size_t len, size_t *at);

/* xorshift64*: seeded, the same everywhere. */
uint32_t ubx_random(uint64_t *state);

#endif
