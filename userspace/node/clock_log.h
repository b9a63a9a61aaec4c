/* SPDX-License-Identifier: BSD-2-Clause */
/* clock_log: what sources of time do to the clock, for the log. */
#ifndef NODE_CLOCK_LOG_H
#define NODE_CLOCK_LOG_H

#include "clock.h"

/*
 * Feeds the clock and logs what came of it; the same rejection once in turn. Returns clock_feed()'s
 * event. *rejected: bit n: the newest time of source n was rejected; the caller keeps it.
 */
int clock_log_feed(struct clock *c, const struct clock_stamp *stamp, unsigned *rejected);

#endif
