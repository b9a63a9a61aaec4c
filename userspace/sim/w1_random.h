/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_random: the random numbers of the simulated 1-Wire world; all follow from a seed. xorshift64*,
 * no division, pure.
 */
#ifndef W1_RANDOM_H
#define W1_RANDOM_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
#endif

struct w1_random {
	uint64_t state; /* never 0 */
};

static inline uint64_t w1_random_next(struct w1_random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545F4914F6CDD1DULL;
}

/* Any seed works, also 0 and consecutive ones: splitmix64 spreads them. */
static inline void w1_random_init(struct w1_random *r, uint64_t seed)
{
	seed += 0x9E3779B97F4A7C15ULL;
	seed = (seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9ULL;
	seed = (seed ^ (seed >> 27)) * 0x94D049BB133111EBULL;
	r->state = (seed ^ (seed >> 31)) | 1;
}

/* lo <= result <= hi, lo <= hi. */
static inline uint32_t w1_random_between(struct w1_random *r, uint32_t lo, uint32_t hi)
{
	uint64_t span = (uint64_t)hi - lo + 1;

	return lo + (uint32_t)(((w1_random_next(r) >> 32) * span) >> 32);
}

#endif
