// SPDX-License-Identifier: BSD-2-Clause
/*
 * geotherm doctor: the running system from the 1-Wire slot to the stored row, up to the first link
 * that failed.
 *
 * The node's part comes from its status file; the rest is requested from the server with the node's
 * own certificate. A link that is pending (a session just begun, a reading just sent) is checked
 * again for a while.
 */
#define _GNU_SOURCE /* nanosleep() */
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "node_status.h"
#include "time/now.h"
#include "userspace/coaps/coaps_request.h"
#include "userspace/daemon/log.h"
#include "userspace/daemon/options.h"
#include "userspace/node/node_config.h"
#include "userspace/reading/printable.h"

#define UNIT "geotherm-node"
#define SLACK_S 5 /* on top of three periods */
#define PROBE_S 15 /* a u-blox 7 is found and set in 3 s */
#define CHECK_EVERY_MS 200
#define REQUEST_MS 15000
#define CONTENT 0x45 /* 2.05 */
#define NOT_FOUND 0x84 /* 4.04 */

enum state { OK, PENDING, FAILED, UNKNOWN };

struct doctor {
	struct node_config config;
	struct node_status status; /* the newest */
	char no_status[600]; /* why there is none */
	struct coaps_client *client;
	char seen[1200]; /* of the link that is checked */
	const char *next; /* what to try if it failed */
	char warning[1200]; /* of a link that works: what will end that; "" */

	/* the newest answer of the server */
	enum coaps_cause cause;
	uint8_t code;
	char reason[700];
};

static void note(struct doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(struct doctor *d, const char *format, ...)
{
	size_t used = strlen(d->seen);
	va_list args;

	va_start(args, format);
	vsnprintf(d->seen + used, sizeof(d->seen) - used, format, args);
	va_end(args);
}

/* --- the status --- */

static const char *text(const struct doctor *d, const char *section, const char *key)
{
	return node_status_text(&d->status, section, key);
}

static double number(const struct doctor *d, const char *section, const char *key)
{
	return node_status_number_or(&d->status, section, key, 0);
}

static double max_age_s(const struct doctor *d)
{
	return 3 * node_status_interval_s(&d->status) + SLACK_S;
}

/* --- the links --- */

/* A service that was stopped looks like one that was never started: systemd knows better. */
static void note_unit(struct doctor *d)
{
	FILE *out =
		popen("systemctl show -p ActiveState -p UnitFileState " UNIT " 2>/dev/null", "re");
	char line[128], active[32] = "", enabled[32] = "";

	while (out != NULL && fgets(line, sizeof(line), out) != NULL) {
		sscanf(line, "ActiveState=%31s", active);
		sscanf(line, "UnitFileState=%31s", enabled);
	}
	if (out != NULL) {
		pclose(out);
	}
	if (strcmp(active, "active") == 0 || *active == '\0' || *enabled == '\0') {
		return;
	}
	note(d, "; " UNIT " is %s (%s)", active, enabled);
	d->next = strcmp(active, "failed") == 0 ? "journalctl -u " UNIT
						  " has the cause; then systemctl restart " UNIT
		  : strcmp(enabled, "enabled") == 0
			  ? "it was stopped (an upgrade, a person): systemctl start " UNIT
			  : "systemctl enable --now " UNIT;
}

/* What works now, but not after the next restart or reload. */
static void warn_node(struct doctor *d)
{
	double age;

	if (strcmp(text(d, NULL, "version"), GEOTHERM_VERSION) != 0) {
		snprintf(d->warning, sizeof(d->warning),
			 "version %s runs, %s is installed\n        -> systemctl restart " UNIT,
			 text(d, NULL, "version"), GEOTHERM_VERSION);
	} else if (*text(d, "reload", "refused") != '\0' &&
		   node_status_number(&d->status, "reload", "age_s", &age)) {
		snprintf(
			d->warning, sizeof(d->warning),
			"%.0f s ago a reload was refused: %s\n        -> geotherm-node --check-config, then "
			"systemctl reload " UNIT,
			age + d->status.age_s, text(d, "reload", "refused"));
	}
}

static enum state check_node(struct doctor *d)
{
	int pid = (int)number(d, NULL, "pid");

	d->next = "is it running? systemctl status geotherm-node; journalctl -u geotherm-node";
	if (d->status.json == NULL) {
		note(d, "%s", d->no_status);
		note_unit(d);
		return FAILED;
	}
	if (!d->status.running) {
		note(d, "process %d has ended; its status is %.0f s old", pid, d->status.age_s);
		note_unit(d);
		return FAILED;
	}
	note(d, "process %d, version %s, a reading each %g s", pid, text(d, NULL, "version"),
	     number(d, NULL, "period_s"));
	if (d->status.age_s > max_age_s(d)) {
		note(d, "; its status is %.0f s old", d->status.age_s);
		d->next =
			"it hangs, or cannot write there (disk full?): journalctl -u geotherm-node";
		return FAILED;
	}
	warn_node(d);
	return OK;
}

/* What does not keep temperatures from being measured. */
static void warn_bus(struct doctor *d)
{
	const json_t *known = json_object_get(json_object_get(d->status.json, "w1"), "known"),
		     *sensor;
	const char *reason = text(d, "w1", "reason");
	size_t i;

	if (*reason != '\0' && strcmp(text(d, "w1", "bus"), "kernel") != 0) {
		snprintf(d->warning, sizeof(d->warning), "%s", reason);
	}
	json_array_foreach(known, i, sensor)
	{
		if (*node_status_word(sensor, "former_make") != '\0') {
			snprintf(d->warning, sizeof(d->warning), "%s was a %s and is a %s now",
				 node_status_word(sensor, "rom"),
				 node_status_word(sensor, "former_make"),
				 node_status_word(sensor, "make"));
		}
	}
	if (*text(d, "w1", "refused") != '\0') {
		snprintf(d->warning, sizeof(d->warning), "%s", text(d, "w1", "refused"));
	}
}

static enum state check_bus(struct doctor *d)
{
	const json_t *sensors = json_object_get(json_object_get(d->status.json, "w1"), "sensors"),
		     *sensor;
	const char *reason = text(d, "w1", "reason");
	enum state state = OK;
	size_t i;

	d->next = "stop the node and run: geotherm-selftest --only gpio,bus,sensors";
	if (d->config.w1_bus == NODE_W1_NONE) {
		note(d, "off by [w1] bus = none");
		return OK;
	}
	note(d, "%s", text(d, "w1", "bus"));
	json_array_foreach(sensors, i, sensor)
	{
		const json_t *celsius = json_object_get(sensor, "celsius");

		note(d, ", %s ", json_string_value(json_object_get(sensor, "rom")));
		if (json_is_number(celsius)) {
			note(d, "%.2f C", json_number_value(celsius));
		} else {
			const char *quality = node_status_word(sensor, "quality");

			note(d, "%s", quality);
			if (strcmp(quality, "absent") == 0) {
				d->next =
					"check its wire and plug; if it is gone for good: geotherm sensor forget";
			}
			state = FAILED;
		}
	}
	if (*reason != '\0') {
		note(d, ": %s", reason);
	}
	warn_bus(d);
	if (json_array_size(sensors) > 0) {
		return state;
	}
	/* With a period shorter than a conversion some readings have none. */
	note(d, *reason != '\0' ? "" : ", no temperature in the newest reading");
	return *reason != '\0' ? FAILED : PENDING;
}

static enum state check_receiver(struct doctor *d)
{
	const char *state = text(d, "gnss", "state");
	double lat;

	d->next = "stop the node and run: geotherm-selftest --only uart,receiver";
	if (strcmp(d->config.gnss_port, "none") == 0) {
		note(d, "off by [gnss] port = none");
		return OK;
	}
	note(d, "%s on %s", state, text(d, "gnss", "port"));
	if (strcmp(state, "limited") == 0) {
		note(d, ": %s", text(d, "gnss", "reason"));
	} else if (strcmp(state, "ready") != 0) {
		note(d, ": %s", text(d, "gnss", "reason"));
		return strcmp(state, "no-port") != 0 && number(d, NULL, "running_s") < PROBE_S
			       ? PENDING
			       : FAILED;
	}
	if (node_status_number(&d->status, "gnss", "lat", &lat)) {
		note(d, ", fix with %.0f satellites", number(d, "gnss", "satellites"));
	} else {
		note(d, ", no fix (readings go without a position: open sky?)");
	}
	return OK;
}

static enum state check_clock(struct doctor *d)
{
	note(d, "source %s", text(d, "clock", "source"));
	d->next =
		"no time from receiver, NTP or server: readings wait to be dated; timedatectl, and the "
		"receiver's fix";
	/* Without credentials the server's time cannot be had: the link of the session has the
	 * cause. */
	return strcmp(text(d, "clock", "source"), "none") == 0 &&
			       strcmp(text(d, "uplink", "state"), "no-credentials") != 0
		       ? PENDING
		       : OK;
}

static enum state check_outbox(struct doctor *d)
{
	double age = number(d, "reading", "age_s"), lost;

	note(d, "reading %.0f, %.1f s old; %.0f wait", number(d, "reading", "seq"),
	     age + d->status.age_s, number(d, "outbox", "waiting"));
	if (number(d, "outbox", "refused") > 0) {
		note(d, ", %.0f that the server refused", number(d, "outbox", "refused"));
	}
	if (number(d, "outbox", "not_written") > 0) {
		note(d, ", %.0f could not be written", number(d, "outbox", "not_written"));
	}
	if (number(d, "outbox", "not_written") > 0 &&
	    node_status_number(&d->status, "outbox", "lost_s", &lost) && lost <= max_age_s(d)) {
		note(d, ": %s", text(d, "last_error", "text"));
		d->next =
			"make room on the disk of [outbox] path, or mend it (dmesg); geotherm-selftest --only system";
		return FAILED;
	}
	d->next = "the node makes no readings: see its log (journalctl -u geotherm-node)";
	return number(d, "reading", "seq") < 1 || age > max_age_s(d) ? PENDING : OK;
}

static enum state check_session(struct doctor *d)
{
	const char *state = text(d, "uplink", "state"), *error = text(d, "last_error", "text");

	d->next = "geotherm-selftest --only uplink names the cause";
	if (strcmp(state, "off") == 0) {
		note(d, "no server");
		d->next = "set [server] uri in the node's configuration";
		return FAILED;
	}
	if (strcmp(state, "no-credentials") == 0) {
		note(d, "%s", text(d, "uplink", "error"));
		d->next =
			"put usable files there (geotherm-node --check-config), readable by the user geotherm-node: "
			"the node finds them without a restart, or at once by systemctl reload " UNIT;
		return FAILED;
	}
	note(d, "%s, %s", state, text(d, "uplink", "server"));
	if (*text(d, "uplink", "error") != '\0') {
		snprintf(
			d->warning, sizeof(d->warning),
			"the new certificate, key or CA cannot be used: %s\n        -> geotherm-node "
			"--check-config",
			text(d, "uplink", "error"));
	} else if (*text(d, "uplink", "exposed") != '\0') {
		snprintf(d->warning, sizeof(d->warning),
			 "%s\n        -> and issue another key if a stranger "
			 "may have read it",
			 text(d, "uplink", "exposed"));
	}
	if (strcmp(state, "connected") == 0) {
		return OK;
	}
	if (strcmp(state, "closed") == 0 && number(d, "outbox", "waiting") == 0) {
		note(d, " until the next reading");
		return OK;
	}
	note(d, "%s%s", *error != '\0' ? ": " : "", error);
	return PENDING;
}

static void on_answer(void *arg, const struct coaps_response *r)
{
	struct doctor *d = arg;

	d->cause = r->cause;
	d->code = r->code;
	if (r->cause != COAPS_ANSWERED) {
		snprintf(d->reason, sizeof(d->reason), "%s", r->reason);
	} else {
		char text[200];

		printable(text, sizeof(text), r->payload, r->code >= 0x80 ? r->payload_size : 0,
			  PRINTABLE_LINE);
		snprintf(d->reason, sizeof(d->reason), "%d.%02d %s", r->code >> 5, r->code & 31,
			 text);
	}
}

/* The server's code, or 0 without an answer; reason has either as text. */
static uint8_t get(struct doctor *d, const char *path)
{
	const struct coaps_request request = {
		.method = COAPS_GET, .path = path, .content_format = -1, .accept = -1
	};

	snprintf(d->reason, sizeof(d->reason), "GET %s failed", path);
	if (coaps_request_wait(d->client, &request, on_answer, d, NULL) != 0) {
		return 0;
	}
	return d->cause == COAPS_ANSWERED ? d->code : 0;
}

static enum state check_server(struct doctor *d)
{
	const struct node_config *c = &d->config;
	const struct coaps_client_config config = {
		.uri = text(d, "uplink", "server"),
		.server_name = c->server_name,
		.ciphers = c->server_ciphers,
		.credentials = { .certificate = c->server_certificate,
				 .key = c->server_key,
				 .ca = c->server_ca },
		.ack_timeout_ms = 1000,
		.deadline_ms = REQUEST_MS,
	};
	int code = 0;

	d->next = "geotherm-selftest --only uplink names the cause";
	if (d->client == NULL) {
		d->client = coaps_client_new(&config, &code, d->reason, sizeof(d->reason));
	}
	if (d->client == NULL) {
		note(d, "no request as the node: %s", d->reason);
		d->next = "run it as root, or as the node's user";
		return UNKNOWN;
	}
	if (c->server_format == NODE_FORMAT_LEGACY) {
		note(d, "a legacy server (CoAPthon, Python 2.7), which has no /time");
		d->next = "query its database";
		return UNKNOWN;
	}
	code = get(d, "/time");
	note(d, "%s: %s", config.uri, code == CONTENT ? "answers" : d->reason);
	return code == CONTENT ? OK : FAILED;
}

static enum state check_row(struct doctor *d)
{
	uint64_t epoch = strtoull(text(d, "outbox", "epoch"), NULL, 10);
	char path[256];
	uint8_t code;

	snprintf(path, sizeof(path), "/gpsflowtemp/%s/%016" PRIx64 ".%.0f", text(d, NULL, "device"),
		 epoch, number(d, "reading", "seq"));
	code = get(d, path);
	note(d, "%s: ", path);
	if (code == CONTENT) {
		note(d, "stored");
		return OK;
	}
	note(d, "%s; %.0f readings wait, the last was confirmed %.0f s ago", d->reason,
	     number(d, "outbox", "waiting"), number(d, "uplink", "last_sent_s") + d->status.age_s);
	d->next =
		code == NOT_FOUND && number(d, "outbox", "waiting") > 1
			? "a backlog goes first, oldest first: check again later; if it does not shrink, see the server's log"
			: "geotherm-selftest --only uplink; the server's log; GET /gaps of this device names "
			  "what is missing";
	return code == NOT_FOUND ? PENDING : FAILED;
}

static const struct link {
	const char *name;
	enum state (*check)(struct doctor *d);
} links[] = {
	{ "node", check_node },	    { "bus", check_bus },	{ "receiver", check_receiver },
	{ "clock", check_clock },   { "outbox", check_outbox }, { "session", check_session },
	{ "server", check_server }, { "row", check_row },
};

/* Checks again while the link is pending. */
static enum state check_link(struct doctor *d, const struct link *link, uint64_t end_ms)
{
	const struct timespec pause = { 0, CHECK_EVERY_MS * 1000000L };
	enum state state;

	for (;;) {
		node_status_free(&d->status);
		node_status_read(d->config.status, CONTROL_STATUS, &d->status, d->no_status,
				 sizeof(d->no_status));
		d->seen[0] = d->warning[0] = '\0';
		state = link->check(d);
		if (state != PENDING || now_ms() >= end_ms) {
			return state;
		}
		nanosleep(&pause, NULL);
	}
}

static int walk(struct doctor *d, unsigned long wait_s)
{
	uint64_t end_ms = now_ms() + wait_s * 1000;
	bool warned = false;

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		enum state state = check_link(d, &links[i], end_ms);

		printf("%-7s %-9s %s\n",
		       state == OK	  ? "ok"
		       : state == UNKNOWN ? "unknown"
					  : "BROKEN",
		       links[i].name, d->seen);
		if (state != OK) {
			printf("        -> %s\n", d->next);
			return state == UNKNOWN ? CLI_UNREACHABLE : CLI_FAILED;
		}
		if (d->warning[0] != '\0') {
			printf("warning %-9s %s\n", links[i].name, d->warning);
			warned = true;
		}
		fflush(stdout);
	}
	puts("\nwhole, from the slot to the row");
	return warned ? CLI_FAILED : CLI_OK;
}

int cmd_doctor(const struct manual_command *self, int argc, char **argv)
{
	struct options_config config = { .path = NULL };
	struct config_source source;
	struct doctor d = { .client = NULL };
	unsigned long wait_s = 20;
	const struct options_value values[] = {
		{ 'c', .text = &config.path },
		{ 'o', .accept = options_assign, .arg = &config },
		{ CLI_OWN, .number = &wait_s, .max = 3600 },
	};
	char err[512];
	int code = options_read(&cli_manual, self, argc, argv, values, 3, 0);

	if (code >= 0) {
		return code;
	}
	source = options_source(&config, NODE_CONFIG_FILE);
	if (node_config_load(&d.config, &source, err, sizeof(err)) != 0) {
		log_error("%s", err);
		return CLI_USAGE;
	}
	log_set_level(LOG_LEVEL_ERROR); /* the link has libcoap's reason */
	code = walk(&d, wait_s);
	coaps_client_free(d.client);
	node_status_free(&d.status);
	node_config_free(&d.config);
	return code;
}
