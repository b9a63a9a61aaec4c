/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_resolutions: what the sensors of a bus are set to: one resolution for all, and others for
 * single sensors. It lives in their RAM only.
 *
 * Pure data; copied by value.
 */
#ifndef W1_RESOLUTIONS_H
#define W1_RESOLUTIONS_H

#include <stdint.h>
#include <string.h>

#define W1_RESOLUTIONS_OWN 64 /* as many as a bus has sensors */

struct w1_resolutions {
	uint8_t all_bits; /* 9 to 12; 0: as it is */
	unsigned n_own;
	struct {
		uint8_t rom[8];
		uint8_t bits;
	} own[W1_RESOLUTIONS_OWN];
};

static inline uint8_t w1_resolution_bits(const struct w1_resolutions *r, const uint8_t rom[8])
{
	for (unsigned i = 0; i < r->n_own; i++) {
		if (memcmp(r->own[i].rom, rom, 8) == 0) {
			return r->own[i].bits;
		}
	}
	return r->all_bits;
}

#endif
