// SPDX-License-Identifier: BSD-2-Clause
#include "userspace/daemon/refusals.h"

#include <string.h>

/* The slot of the source, or a free one. */
static struct refusals_source *place_of(struct refusals *r, const char *name)
{
	struct refusals_source *oldest = &r->source[0];

	for (unsigned i = 0; i < REFUSALS_SOURCES; i++) {
		struct refusals_source *s = &r->source[i];

		if (strncmp(s->name, name, REFUSALS_SOURCE_SIZE - 1) == 0) {
			return s;
		}
		if (oldest->name[0] != '\0' &&
		    (s->name[0] == '\0' || s->last_ms < oldest->last_ms)) {
			oldest = s;
		}
	}
	memset(oldest, 0, sizeof(*oldest));
	return oldest;
}

bool refusals_should_log(struct refusals *r, const char *source, uint64_t now_ms,
			 unsigned *suppressed)
{
	struct refusals_source *s = place_of(r, source);
	bool fresh = s->name[0] == '\0';

	s->last_ms = now_ms;
	if (!fresh && now_ms - s->logged_ms < REFUSALS_PAUSE_MS) {
		s->suppressed++;
		return false;
	}
	if (fresh) {
		size_t length = strlen(source);

		memcpy(s->name, source,
		       length < REFUSALS_SOURCE_SIZE ? length : REFUSALS_SOURCE_SIZE - 1);
	}
	*suppressed = s->suppressed;
	s->suppressed = 0;
	s->logged_ms = now_ms;
	return true;
}
