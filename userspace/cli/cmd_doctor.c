// SPDX-License-Identifier: BSD-2-Clause
/*
 * geotherm doctor: along the running system from the 1-Wire slot to the stored row, to the first
 * link that is broken.
 *
 * What the node knows it tells in its status file; the rest is asked of the server with the node's
 * own certificate. A link that may only be on its way (a session just begun, a reading just sent)
 * is looked at again for a while.
 */
#define _GNU_SOURCE /* nanosleep() */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "node_status.h"
#include "userspace/coaps/coaps_client.h"
#include "userspace/daemon/log.h"
#include "userspace/daemon/options.h"
#include "userspace/node/node_config.h"

#define DEFAULT_CONFIG "/etc/geotherm/node.conf"
#define ASSIGNMENTS_MAX 64
#define SLACK_S 5 /* on top of three periods */
#define PROBE_S 15 /* a u-blox 7 is found and set in 3 s */
#define LOOK_EVERY_MS 200
#define REQUEST_MS 15000
#define CONTENT 0x45 /* 2.05 */
#define NOT_FOUND 0x84 /* 4.04 */

enum state { WHOLE, ON_ITS_WAY, BROKEN, UNKNOWN };

struct doctor {
	struct node_config config;
	struct node_status status; /* the newest */
	char no_status[600]; /* why there is none */
	struct coaps_client *client;
	char seen[1200]; /* of the link that is looked at */
	const char *next; /* what to try if it is broken */

	/* the newest answer of the server */
	bool done;
	enum coaps_cause cause;
	uint8_t code;
	char reason[700];
};

static void say(struct doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct doctor *d, const char *format, ...)
{
	size_t used = strlen(d->seen);
	va_list args;

	va_start(args, format);
	vsnprintf(d->seen + used, sizeof(d->seen) - used, format, args);
	va_end(args);
}

/* --- what the status says --- */

static const char *text(const struct doctor *d, const char *section, const char *key)
{
	return node_status_text(&d->status, section, key);
}

static double number(const struct doctor *d, const char *section, const char *key)
{
	double value;

	node_status_number(&d->status, section, key, &value);
	return value; /* 0 if it is not known */
}

static double patience_of_a_period(const struct doctor *d)
{
	return 3 * node_status_interval_s(&d->status) + SLACK_S;
}

/* --- the links --- */

static enum state look_at_node(struct doctor *d)
{
	int pid = (int)number(d, NULL, "pid");

	d->next = "is it running? systemctl status geotherm-node; journalctl -u geotherm-node";
	if (d->status.json == NULL) {
		say(d, "%s", d->no_status);
		return BROKEN;
	}
	if (!d->status.running) {
		say(d, "process %d has ended; its status is %.0f s old", pid, d->status.age_s);
		return BROKEN;
	}
	say(d, "process %d, version %s, a reading each %g s", pid, text(d, NULL, "version"),
	    number(d, NULL, "period_s"));
	if (d->status.age_s > patience_of_a_period(d)) {
		say(d, "; its status is %.0f s old", d->status.age_s);
		d->next =
			"it hangs, or cannot write there (disk full?): journalctl -u geotherm-node";
		return BROKEN;
	}
	return WHOLE;
}

static enum state look_at_bus(struct doctor *d)
{
	const json_t *sensors = json_object_get(json_object_get(d->status.json, "w1"), "sensors"),
		     *sensor;
	const char *reason = text(d, "w1", "reason");
	enum state state = WHOLE;
	size_t i;

	d->next = "stop the node and run: geotherm-selftest --only gpio,bus,sensors";
	if (d->config.w1_bus == NODE_W1_NONE) {
		say(d, "off by [w1] bus = none");
		return WHOLE;
	}
	say(d, "%s", text(d, "w1", "bus"));
	json_array_foreach(sensors, i, sensor)
	{
		const json_t *celsius = json_object_get(sensor, "celsius");

		say(d, ", %s ", json_string_value(json_object_get(sensor, "rom")));
		if (json_is_number(celsius)) {
			say(d, "%.2f C", json_number_value(celsius));
		} else {
			say(d, "%s", json_string_value(json_object_get(sensor, "quality")));
			state = BROKEN;
		}
	}
	if (*reason != '\0') {
		say(d, ": %s", reason);
	}
	if (json_array_size(sensors) > 0) {
		return state;
	}
	/* With a period shorter than a conversion some readings have none. */
	say(d, *reason != '\0' ? "" : ", no temperature in the newest reading");
	return *reason != '\0' ? BROKEN : ON_ITS_WAY;
}

static enum state look_at_receiver(struct doctor *d)
{
	const char *state = text(d, "gnss", "state");
	double lat;

	d->next = "stop the node and run: geotherm-selftest --only uart,receiver";
	if (strcmp(d->config.gnss_port, "none") == 0) {
		say(d, "off by [gnss] port = none");
		return WHOLE;
	}
	say(d, "%s on %s", state, text(d, "gnss", "port"));
	if (strcmp(state, "ready") != 0) {
		say(d, ": %s", text(d, "gnss", "reason"));
		return strcmp(state, "no-port") != 0 && number(d, NULL, "running_s") < PROBE_S
			       ? ON_ITS_WAY
			       : BROKEN;
	}
	if (node_status_number(&d->status, "gnss", "lat", &lat)) {
		say(d, ", fix with %.0f satellites", number(d, "gnss", "satellites"));
	} else {
		say(d, ", no fix (readings go without a position: open sky?)");
	}
	return WHOLE;
}

static enum state look_at_clock(struct doctor *d)
{
	say(d, "source %s", text(d, "clock", "source"));
	d->next =
		"no time from receiver, NTP or server: readings wait to be dated; timedatectl, and the "
		"receiver's fix";
	return strcmp(text(d, "clock", "source"), "none") == 0 ? ON_ITS_WAY : WHOLE;
}

static enum state look_at_outbox(struct doctor *d)
{
	double age = number(d, "reading", "age_s"), lost;

	say(d, "reading %.0f, %.1f s old; %.0f wait", number(d, "reading", "seq"),
	    age + d->status.age_s, number(d, "outbox", "waiting"));
	if (number(d, "outbox", "refused") > 0) {
		say(d, ", %.0f that the server refused", number(d, "outbox", "refused"));
	}
	if (number(d, "outbox", "not_written") > 0) {
		say(d, ", %.0f could not be written", number(d, "outbox", "not_written"));
	}
	if (number(d, "outbox", "not_written") > 0 &&
	    node_status_number(&d->status, "outbox", "lost_s", &lost) &&
	    lost <= patience_of_a_period(d)) {
		say(d, ": %s", text(d, "last_error", "text"));
		d->next =
			"make room on the disk of [outbox] path, or mend it (dmesg); geotherm-selftest --only system";
		return BROKEN;
	}
	d->next = "the node makes no readings: its log says why (journalctl -u geotherm-node)";
	return number(d, "reading", "seq") < 1 || age > patience_of_a_period(d) ? ON_ITS_WAY
										: WHOLE;
}

static enum state look_at_session(struct doctor *d)
{
	const char *state = text(d, "uplink", "state"), *error = text(d, "last_error", "text");

	d->next = "geotherm-selftest --only uplink names the cause";
	if (strcmp(state, "off") == 0) {
		say(d, "no server");
		d->next = "set [server] uri in the node's configuration";
		return BROKEN;
	}
	say(d, "%s, %s", state, text(d, "uplink", "server"));
	if (strcmp(state, "connected") == 0) {
		return WHOLE;
	}
	say(d, "%s%s", *error != '\0' ? ": " : "", error);
	return ON_ITS_WAY;
}

static void on_answer(void *arg, const struct coaps_response *r)
{
	struct doctor *d = arg;

	d->done = true;
	d->cause = r->cause;
	d->code = r->code;
	if (r->cause != COAPS_ANSWERED) {
		snprintf(d->reason, sizeof(d->reason), "%s", r->reason);
	} else {
		snprintf(d->reason, sizeof(d->reason), "%d.%02d %.*s", r->code >> 5, r->code & 31,
			 r->code >= 0x80 ? (int)r->payload_size : 0, (const char *)r->payload);
	}
}

/* The server's code, or 0 without an answer; reason says it. */
static uint8_t get(struct doctor *d, const char *path)
{
	const struct coaps_request request = {
		.method = COAPS_GET, .path = path, .content_format = -1, .accept = -1
	};

	d->done = false;
	snprintf(d->reason, sizeof(d->reason), "%s cannot be asked for", path);
	if (coaps_client_request(d->client, &request, on_answer, d) != 0) {
		return 0;
	}
	while (!d->done) {
		struct pollfd wait = { .fd = coaps_client_fd(d->client), .events = POLLIN };

		if (poll(&wait, 1, -1) < 0 && errno != EINTR) {
			return 0;
		}
		coaps_client_process(d->client);
	}
	return d->cause == COAPS_ANSWERED ? d->code : 0;
}

static enum state look_at_server(struct doctor *d)
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
		say(d, "cannot be asked as the node: %s", d->reason);
		d->next = "run it as root, or as the node's user";
		return UNKNOWN;
	}
	if (c->server_format == NODE_FORMAT_LEGACY) {
		say(d, "the older program's, which cannot be asked");
		d->next = "look into its database";
		return UNKNOWN;
	}
	code = get(d, "/time");
	say(d, "%s: %s", config.uri, code == CONTENT ? "answers" : d->reason);
	return code == CONTENT ? WHOLE : BROKEN;
}

static enum state look_at_row(struct doctor *d)
{
	uint64_t epoch = strtoull(text(d, "outbox", "epoch"), NULL, 10);
	char path[256];
	uint8_t code;

	snprintf(path, sizeof(path), "/gpsflowtemp/%s/%016" PRIx64 ".%.0f", text(d, NULL, "device"),
		 epoch, number(d, "reading", "seq"));
	code = get(d, path);
	say(d, "%s: ", path);
	if (code == CONTENT) {
		say(d, "stored");
		return WHOLE;
	}
	say(d, "%s; %.0f readings wait, the last was confirmed %.0f s ago", d->reason,
	    number(d, "outbox", "waiting"), number(d, "uplink", "last_sent_s") + d->status.age_s);
	d->next =
		code == NOT_FOUND && number(d, "outbox", "waiting") > 1
			? "a backlog goes first, oldest first: look again later; if it does not shrink, the "
			  "server's log says why"
			: "geotherm-selftest --only uplink; the server's log; GET /gaps of this device names "
			  "what is missing";
	return code == NOT_FOUND ? ON_ITS_WAY : BROKEN;
}

static const struct link {
	const char *name;
	enum state (*look)(struct doctor *d);
} links[] = {
	{ "node", look_at_node },	  { "bus", look_at_bus },
	{ "receiver", look_at_receiver }, { "clock", look_at_clock },
	{ "outbox", look_at_outbox },	  { "session", look_at_session },
	{ "server", look_at_server },	  { "row", look_at_row },
};

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Looks again while the link may be on its way. */
static enum state look(struct doctor *d, const struct link *link, double until_s)
{
	const struct timespec pause = { 0, LOOK_EVERY_MS * 1000000L };
	enum state state;

	for (;;) {
		node_status_free(&d->status);
		node_status_read(d->config.status, &d->status, d->no_status, sizeof(d->no_status));
		d->seen[0] = '\0';
		state = link->look(d);
		if (state != ON_ITS_WAY || now_s() >= until_s) {
			return state;
		}
		nanosleep(&pause, NULL);
	}
}

static int walk(struct doctor *d, unsigned long wait_s)
{
	double until_s = now_s() + (double)wait_s;

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		enum state state = look(d, &links[i], until_s);

		printf("%-7s %-9s %s\n",
		       state == WHOLE	  ? "ok"
		       : state == UNKNOWN ? "unknown"
					  : "BROKEN",
		       links[i].name, d->seen);
		if (state != WHOLE) {
			printf("        -> %s\n", d->next);
			return state == UNKNOWN ? CLI_UNREACHABLE : CLI_FAILED;
		}
		fflush(stdout);
	}
	puts("\nwhole, from the slot to the row");
	return CLI_OK;
}

int cmd_doctor(const struct manual_command *self, int argc, char **argv)
{
	const char *assignments[ASSIGNMENTS_MAX];
	struct config_source source = { .assignments = assignments };
	struct doctor d = { .client = NULL };
	unsigned long wait_s = 20;
	char err[512];
	int c, code;

	while ((c = options_next(&cli_manual, self, argc, argv)) != OPTIONS_END) {
		if (c == 'c') {
			source.path = optarg;
		} else if (c == 'o' && source.n < ASSIGNMENTS_MAX) {
			assignments[source.n++] = optarg;
		} else if (c == CLI_OWN) {
			if (!options_number("--wait", optarg, 0, 3600, &wait_s)) {
				return CLI_USAGE;
			}
		} else {
			return c == OPTIONS_DONE ? CLI_OK : CLI_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "geotherm doctor: %s: no argument is expected\n", argv[optind]);
		return CLI_USAGE;
	}
	if (source.path == NULL && access(DEFAULT_CONFIG, F_OK) == 0) {
		source.path = DEFAULT_CONFIG;
	}
	if (node_config_load(&d.config, &source, err, sizeof(err)) != 0) {
		log_error("%s", err);
		return CLI_USAGE;
	}
	log_set_level(LOG_LEVEL_ERROR); /* what libcoap warns of is in the link's reason */
	code = walk(&d, wait_s);
	coaps_client_free(d.client);
	node_status_free(&d.status);
	node_config_free(&d.config);
	return code;
}
