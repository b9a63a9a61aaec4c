// SPDX-License-Identifier: BSD-2-Clause
#include "clock_log.h"

#include <errno.h>

#include "userspace/daemon/log.h"

int clock_log_feed(struct clock *c, const struct clock_stamp *stamp, unsigned *rejected)
{
	enum reading_time_source disagreed = c->disagrees;
	unsigned source = 1u << stamp->source;
	int event = clock_feed(c, stamp);

	if (event == -ERANGE && (*rejected & source) == 0) {
		log_warning(
			"clock: ignoring implausible time from %s: %.0f s since 1970, expected from [gnss] not_before to 2106",
			reading_time_source_name(stamp->source), (double)stamp->utc_us / 1e6);
	}
	*rejected = event == -ERANGE ? *rejected | source : *rejected & ~source;
	switch (event) {
	case CLOCK_FIRST:
		log_notice("clock: set by %s", reading_time_source_name(stamp->source));
		break;
	case CLOCK_STEPPED:
		log_notice("clock: stepped by %+.3f s by %s", (double)c->step_us / 1e6,
			   reading_time_source_name(stamp->source));
		break;
	case CLOCK_DISAGREES:
		if (disagreed != stamp->source) {
			log_warning("clock: %s differs by %+.3f s from %s, which is more certain: "
				    "keeping %s",
				    reading_time_source_name(stamp->source),
				    (double)c->disagrees_us / 1e6,
				    reading_time_source_name(c->best.source),
				    reading_time_source_name(c->best.source));
		}
		break;
	default:
		break;
	}
	if (disagreed == stamp->source && c->disagrees != disagreed && event != CLOCK_STEPPED) {
		log_notice("clock: %s agrees with the other sources again",
			   reading_time_source_name(stamp->source));
	}
	return event;
}
