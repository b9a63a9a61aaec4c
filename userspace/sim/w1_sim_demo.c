// SPDX-License-Identifier: BSD-2-Clause
#include <stddef.h>

#include "w1_random.h"
#include "w1_sim_line.h"

/* The temperature trend changes every five minutes. */
#define TURN_NS 300000000000ull

/* A value per seed and turn, -spread to spread. */
static int64_t weather(uint64_t seed, uint64_t turn, int32_t spread)
{
	struct w1_random r;

	w1_random_init(&r, seed ^ (turn * 0x9E3779B97F4A7C15ull));
	return (int64_t)w1_random_between(&r, 0, (uint32_t)spread * 2) - spread;
}

/* Smooth interpolation between two turns: 3x^2 - 2x^3 in 1/1024. The ROM is the seed. */
static int32_t wandering(void *ctx, uint64_t now_ns)
{
	const struct w1_slave *s = ctx;
	uint64_t seed = (uint64_t)s->rom[1] << 24 | (uint64_t)s->rom[2] << 16 |
			(uint64_t)s->rom[3] << 8 | s->rom[4];
	uint64_t turn = now_ns / TURN_NS;
	int64_t x = (int64_t)((now_ns % TURN_NS) * 1024 / TURN_NS);
	int64_t weight = x * x * (3 * 1024 - 2 * x) / (1024 * 1024);
	int64_t from = weather(seed, turn, 2500), to = weather(seed, turn + 1, 2500);

	return s->temp_mc + (int32_t)(from + (to - from) * weight / 1024);
}

struct w1_sim *w1_sim_new_demo(uint64_t seed)
{
	static const int32_t around_mc[] = { 21500, 4250 }; /* a room, a cold store */
	struct w1_sim *sim = w1_sim_new(&(struct w1_sim_config){ .seed = seed });

	if (!sim) {
		return NULL;
	}
	for (size_t i = 0; i < sizeof(around_mc) / sizeof(around_mc[0]); i++) {
		struct w1_slave *s =
			w1_sim_slave(sim, (unsigned)w1_sim_add(sim, W1_MODEL_A1, false));

		s->temp_mc = around_mc[i];
		s->temp = wandering;
		s->temp_ctx = s;
	}
	return sim;
}
