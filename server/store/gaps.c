// SPDX-License-Identifier: BSD-2-Clause
#include "gaps.h"

#include <string.h>

void gaps_init(struct gaps *g, uint64_t complete)
{
	memset(g, 0, sizeof(*g));
	g->complete = complete;
	g->forgotten = UINT64_MAX;
}

static void cut(struct gaps *g, unsigned at, unsigned n)
{
	memmove(&g->above[at], &g->above[at + n], (g->n - at - n) * sizeof(g->above[0]));
	g->n -= n;
}

void gaps_add(struct gaps *g, uint64_t first, uint64_t last)
{
	unsigned at = 0, end;

	if (last >= g->forgotten) {
		last = g->forgotten - 1;
	}
	if (last <= g->complete || first > last) {
		return;
	}
	if (first <= g->complete) {
		first = g->complete + 1;
	}
	/* above[at..end) overlap or touch the new range and become one with it. */
	while (at < g->n && g->above[at].last < first - 1) {
		at++;
	}
	for (end = at; end < g->n && g->above[end].first <= last + 1; end++) {
		if (g->above[end].first < first) {
			first = g->above[end].first;
		}
		if (g->above[end].last > last) {
			last = g->above[end].last;
		}
	}
	if (first == g->complete + 1) {
		g->complete = last;
		cut(g, at, end - at);
		return;
	}
	if (end > at) {
		cut(g, at + 1, end - at - 1);
	} else {
		if (g->n == GAPS_RANGES) {
			if (at == g->n) {
				g->forgotten = first;
				return;
			}
			g->forgotten = g->above[--g->n].first;
		}
		memmove(&g->above[at + 1], &g->above[at], (g->n - at) * sizeof(g->above[0]));
		g->n++;
	}
	g->above[at] = (struct gaps_range){ .first = first, .last = last };
}

bool gaps_is_accounted(const struct gaps *g, uint64_t seq)
{
	if (seq <= g->complete) {
		return seq > 0;
	}
	for (unsigned i = 0; i < g->n; i++) {
		if (seq >= g->above[i].first && seq <= g->above[i].last) {
			return true;
		}
	}
	return false;
}

bool gaps_stale(const struct gaps *g)
{
	return g->forgotten != UINT64_MAX && g->complete == g->forgotten - 1;
}
