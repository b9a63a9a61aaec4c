/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node_state: the state of a running node, for node.c and node_report.c only.
 */
#ifndef NODE_NODE_STATE_H
#define NODE_NODE_STATE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "control.h"
#include "node_config.h"
#include "node_uplink.h"
#include "outbox.h"
#include "sampler.h"
#include "sensor_list.h"
#include "sensors.h"

struct node {
	struct node_config *config;
	const struct config_source *source;
	uint64_t started_ns, ntp_due_ns, date_due_ns, last_reading_ns, watchdog_due_ns, watchdog_ns,
		status_ns;
	int epoll, signals, control; /* control: -1 without a socket */
	struct control_peer waiting; /* for the satellites; length 0: none */
	uint64_t waiting_due_ns;
	struct clock clock;
	struct sampler sampler;
	struct sensors *sensors;
	struct sensor_list list;
	uint64_t sensors_saved_ns;
	struct outbox *outbox;
	struct node_uplink uplink;
	struct reading last;
	bool has_last, outbox_failed, sync_failed, status_failed, status_due;
	unsigned time_rejected; /* bits of the sources whose newest time was; logged */
	uint64_t failures_reported; /* of the uplink, already in a reading */
	uint64_t uplink_reported; /* answers and failures already in the status */
	char device[READING_DEVICE_SIZE];
	char last_run[64]; /* for the note of the first reading; then "" */
	enum reading_start start; /* for the same */
	uint64_t boot;
	uint64_t lost, lost_ns; /* readings that will never be sent, and when that last became more
				 */
	char last_fix_path[PATH_MAX]; /* beside the status */
	char last_error[1024]; /* not the uplink's */
	uint64_t last_error_ns;
	char reload_refused[512]; /* why the newest was; "": it was not */
	uint64_t reload_ns; /* 0: none */
	char notified[1200]; /* the newest STATUS= */
};

#endif
