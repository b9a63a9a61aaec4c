/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status: how the node is, as a small JSON file that anybody may read (`geotherm status`).
 *
 * It is replaced whole, by rename: a reader never sees half of it. It is not synced: it is of this
 * boot only. Times of the past are ages in seconds, so that a reader needs no clock of the node.
 */
#ifndef NODE_STATUS_H
#define NODE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "outbox.h"
#include "userspace/reading/reading.h"

struct status {
	uint64_t boot_ns;	/* now */
	uint64_t started_ns;
	const char *device;
	const struct reading *last;	/* NULL: none yet */
	const char *w1_bus, *w1_reason;	/* "userspace", "kernel", "simulated", "none"; why it is not better, or "" */
	const char *gnss_state, *gnss_reason, *gnss_port, *gnss_identity;
	struct clock_stamp now;	/* of the clock */
	const struct outbox_stats *outbox;
	const char *uplink_state, *uplink_uri;
	uint64_t sent, failures;	/* readings confirmed, requests failed, since the start */
	uint64_t last_sent_ns;	/* 0: never */
	int certificate_days;	/* INT_MIN: not known */
	const char *last_error;	/* "" none */
	uint64_t last_error_ns;
};

/* Writes path (and path.new on the way): 0 or a negative errno. */
int status_write(const char *path, const struct status *s);

#endif
