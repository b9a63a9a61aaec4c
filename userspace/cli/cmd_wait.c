// SPDX-License-Identifier: BSD-2-Clause
/* geotherm wait */
#define _GNU_SOURCE /* nanosleep() */
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "cli.h"
#include "node_status.h"
#include "time/now.h"
#include "userspace/daemon/options.h"

struct wait {
	const char *path;
	bool wants_fix, wants_sent;
	unsigned long limit_s;

	bool seen, has_fix, has_sent; /* of a running node */
	double sent_before;
	char err[512]; /* why the newest status could not be read */
};

static void check(struct wait *w)
{
	struct node_status s;
	double fix, sent;

	w->err[0] = '\0';
	if (node_status_read(w->path, CONTROL_STATUS, &s, w->err, sizeof(w->err)) != 0) {
		return;
	}
	if (s.running) {
		w->has_fix = node_status_number(&s, "gnss", "fix", &fix) && fix >= 2 && fix <= 4;
		sent = node_status_number_or(&s, "uplink", "sent", 0);
		/* A node that was started again counts from 0. */
		if (!w->seen || sent < w->sent_before) {
			w->sent_before = sent;
		}
		w->has_sent = sent > w->sent_before;
		w->seen = true;
	}
	node_status_free(&s);
}

static bool wait_until(struct wait *w)
{
	const struct timespec pause = { 0, 100 * 1000000L };
	uint64_t end_ms = now_ms() + w->limit_s * 1000;

	for (;;) {
		check(w);
		if ((!w->wants_fix || w->has_fix) && (!w->wants_sent || w->has_sent)) {
			return true;
		}
		if (now_ms() >= end_ms) {
			return false;
		}
		nanosleep(&pause, NULL);
	}
}

static int report(const struct wait *w)
{
	bool no_fix = w->wants_fix && !w->has_fix, not_sent = w->wants_sent && !w->has_sent;
	const char *why = w->seen ? "" : w->err[0] != '\0' ? w->err : "the node does not run";

	fprintf(stderr, "geotherm wait: after %lu s %s%s%s%s%s\n", w->limit_s,
		no_fix ? "there is no fix" : "", no_fix && not_sent ? " and " : "",
		not_sent ? "nothing was sent" : "", *why != '\0' ? ": " : "", why);
	return w->seen ? CLI_FAILED : CLI_UNREACHABLE;
}

static int parse(const struct manual_command *self, int argc, char **argv, struct wait *w)
{
	const struct options_value values[] = {
		{ CLI_FILE, .text = &w->path },
		{ CLI_FIX, .flag = &w->wants_fix },
		{ CLI_SENT, .flag = &w->wants_sent },
	};
	int code = options_read(&cli_manual, self, argc, argv, values, 3, 1);

	if (code < 0 && !w->wants_fix && !w->wants_sent) {
		fputs("geotherm wait: expected --fix or --sent\n", stderr);
		return CLI_USAGE;
	}
	return code >= 0 || optind == argc ||
			       options_number("geotherm wait", argv[optind], 0, 1000000,
					      &w->limit_s)
		       ? code
		       : CLI_USAGE;
}

int cmd_wait(const struct manual_command *self, int argc, char **argv)
{
	struct wait w = { .path = NODE_STATUS_FILE, .limit_s = 60 };
	int code = parse(self, argc, argv, &w);

	if (code >= 0) {
		return code;
	}
	return wait_until(&w) ? CLI_OK : report(&w);
}
