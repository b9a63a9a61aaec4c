// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L /* PATH_MAX */
#include "node_report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "last_fix.h"
#include "node_state.h"
#include "status.h"
#include "userspace/daemon/file_replace.h"
#include "userspace/daemon/log.h"
#include "userspace/daemon/notify.h"
#include "userspace/reading/rom.h"

/* Less than a client waits */
#define SATELLITES_NS UINT64_C(1500000000)

/* For `systemctl status`. */
static void notify_status(struct node *n)
{
	char text[sizeof(n->notified)];

	snprintf(text, sizeof(text), "STATUS=measuring%s%s%s%s%s",
		 n->uplink.error[0] != '\0' ? "; " : "", n->uplink.error,
		 n->uplink.error[0] != '\0' && n->uplink.uplink == NULL
			 ? ": readings wait in the outbox"
			 : "",
		 n->reload_refused[0] != '\0' ? "; last reload refused: " : "", n->reload_refused);
	if (strcmp(text, n->notified) != 0) {
		snprintf(n->notified, sizeof(n->notified), "%s", text);
		notify_send(text);
	}
}

/* malloc'ed; NULL without memory. */
static char *status(struct node *n, bool satellites, uint64_t now_ns)
{
	struct uplink_stats uplink;
	struct outbox_stats outbox;
	struct status status = {
		.boot = n->boot,
		.boot_ns = now_ns,
		.started_ns = n->started_ns,
		.period_ms = n->config->period_ms,
		.device = n->device,
		.last = n->has_last ? &n->last : NULL,
		.w1_bus = sensors_bus_name(n->sensors),
		.w1_reason = sensors_bus_reason(n->sensors),
		.sensors = sensors_list(n->sensors),
		.gnss_state = sensors_receiver_state(n->sensors),
		.gnss_reason = sensors_receiver_reason(n->sensors),
		.gnss_port = sensors_receiver_name(n->sensors),
		.gnss_identity = sensors_receiver_identity(n->sensors),
		.gnss_health = sensors_receiver_health(n->sensors),
		.gnss_signals = satellites && sensors_has_satellites(n->sensors),
		.gnss_pulse = sensors_receiver_pulse(n->sensors),
		.now = clock_at(&n->clock, now_ns),
		.clock = &n->clock,
		.outbox = &outbox,
		.uplink = &uplink,
		.reload_refused = n->reload_refused,
		.reload_ns = n->reload_ns,
	};
	uint64_t lost;
	bool ours;

	sensors_receiver_events(n->sensors, &status.gnss_events);
	outbox_stats(n->outbox, &outbox);
	lost = outbox.dropped + outbox.not_written + outbox.refused;
	n->lost_ns = lost > n->lost ? now_ns : n->lost_ns;
	n->lost = lost;
	status.lost_ns = n->lost_ns;
	node_uplink_stats(&n->uplink, &uplink);
	status.certificate_days = node_uplink_days(&n->uplink, &status.now);
	/* A disk that still fails matters more than a server that is away. */
	ours = n->outbox_failed || n->sync_failed || n->last_error_ns > uplink.last_error_ns;
	status.last_error = ours ? n->last_error : uplink.last_error;
	status.last_error_ns = ours ? n->last_error_ns : uplink.last_error_ns;
	return status_text(&status);
}

void node_report_status(struct node *n, uint64_t now_ns)
{
	char *text = status(n, false, now_ns);
	int rc = text != NULL ? file_replace(n->config->status, 0644, false, text, strlen(text))
			      : -ENOMEM;

	free(text);
	if (rc != 0 && !n->status_failed) {
		log_warning(
			"status %s: write failed: %s: `geotherm status` shows the last one ([node] status)",
			n->config->status, strerror(-rc));
	}
	n->status_failed = rc != 0;
	if (n->sampler.has_fix && n->sampler.fix.position_known) {
		last_fix_write(n->last_fix_path, n->boot, &n->sampler.fix);
	}
	notify_status(n);
	n->status_due = false;
	n->status_ns = now_ns;
}

/* --- the socket ------------------------------------------------------------------ */

static void forget(struct node *n, const char *name, char *answer, size_t size)
{
	char why[200], shown[ROM_NAME_SIZE];
	uint8_t rom[8];
	int rc;

	if (!node_config_parse_rom(name, rom, why, sizeof(why))) {
		control_error(answer, size, why);
		return;
	}
	rc = sensors_forget(n->sensors, rom);
	if (rc == 0) {
		log_notice("sensor %s: forgotten by request; those behind it move up",
			   rom_format(shown, rom));
		snprintf(answer, size, "{\"forgotten\": \"%s\"}", shown);
		return;
	}
	control_error(
		answer, size,
		rc == -ENOENT ? "this node knows no such sensor: see geotherm sensor list"
		: rc == -EPERM
			? "[w1] sensors in the configuration has it: remove it there, and restart the node"
			: strerror(-rc));
}

static void answer_status(struct node *n, const struct control_peer *peer, bool satellites,
			  uint64_t now_ns)
{
	char *text = status(n, satellites, now_ns);

	control_answer(n->control, peer, text != NULL ? text : "{\"error\": \"out of memory\"}");
	free(text);
}

/* One client at a time waits for the satellites; another has the status without them. */
static void answer_waiting(struct node *n, uint64_t now_ns)
{
	if (n->waiting.length != 0 &&
	    (sensors_has_satellites(n->sensors) || now_ns >= n->waiting_due_ns)) {
		answer_status(n, &n->waiting, true, now_ns);
		n->waiting.length = 0;
	}
}

void node_report_answer(struct node *n, uint64_t now_ns)
{
	char request[CONTROL_REQUEST_SIZE], answer[512];
	struct control_peer peer;

	answer_waiting(n, now_ns);
	if (control_receive(n->control, request, &peer) <= 0) {
		return;
	}
	if (strcmp(request, CONTROL_SATELLITES) == 0 && n->waiting.length == 0 &&
	    sensors_poll_satellites(n->sensors)) {
		n->waiting = peer;
		n->waiting_due_ns = now_ns + SATELLITES_NS;
		return;
	}
	if (strcmp(request, CONTROL_STATUS) == 0 || strcmp(request, CONTROL_SATELLITES) == 0) {
		answer_status(n, &peer, false, now_ns);
		return;
	}
	if (strncmp(request, "forget ", 7) == 0) {
		forget(n, request + 7, answer, sizeof(answer));
		n->status_due = true;
	} else {
		control_error(answer, sizeof(answer),
			      "expected a request: status, status satellites, or forget SENSOR");
	}
	control_answer(n->control, &peer, answer);
}
