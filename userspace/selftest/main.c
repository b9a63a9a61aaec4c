// SPDX-License-Identifier: BSD-2-Clause
/* geotherm-selftest: the command line. */
#define _GNU_SOURCE /* isatty(), sigaction() */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle.h"
#include "report.h"
#include "selftest.h"
#include "userspace/daemon/log.h"
#include "userspace/daemon/options.h"

enum exit_code { EXIT_PASSED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NOT_RUN = 3 };

enum option_key { ONLY = 256, FIX_WAIT, LIST, TAP, JSON, LOOP, BUNDLE, POSITION };

static const struct manual_option options_of_selftest[] = {
	{ 'c', "config", "FILE", "The node's configuration; default " NODE_CONFIG_FILE "." },
	{ 'o', NULL, "SECTION.KEY=VALUE", "Overrides the file; may be repeated." },
	{ ONLY, "only", "LIST",
	  "Groups (bus) or checks (bus/rise), with commas between; --list shows all." },
	{ LIST, "list", NULL, "Shows every check, what it examines and what passes." },
	{ TAP, "tap", NULL, "Test Anything Protocol, for programs instead of people." },
	{ JSON, "json", NULL, "One JSON object, likewise." },
	{ LOOP, "loop", "[N]", "N times, or until interrupted or a check fails." },
	{ BUNDLE, "bundle", "FILE",
	  "Also writes a report to show to others: no keys, addresses, names or position." },
	{ FIX_WAIT, "fix-wait", "S", "How long to wait for a fix, in s (60)." },
	{ POSITION, "position", NULL, "Shows the position too." },
};

static const struct manual_command command = {
	.options = options_of_selftest,
	.n_options = sizeof(options_of_selftest) / sizeof(options_of_selftest[0]),
};

static const struct manual_exit exits[] = {
	{ EXIT_PASSED, "no check failed (there may be warnings)" },
	{ EXIT_FAILED, "a check failed" },
	{ EXIT_USAGE, "a wrong option or configuration" },
	{ EXIT_NOT_RUN,
	  "it could not run: the node uses the hardware to be tested, or no check applied" },
};

static const struct manual manual = {
	.name = "geotherm-selftest",
	.section = 8,
	.brief = "checks a node's hardware, machine and server",
	.about =
		"Checks the pin, the port, the certificates and the server that geotherm-node would use by the same "
		"configuration, and names the next step where something is wrong. It changes nothing: no EEPROM is "
		"written, no setting saved. While the node runs, stop it first, or test what it does not hold.",
	.commands = &command,
	.n_commands = 1,
	.exits = exits,
	.n_exits = sizeof(exits) / sizeof(exits[0]),
	.see_also = "geotherm(1), geotherm-node(8), geotherm-node.conf(5)",
};

struct options {
	struct options_config config;
	const char *only, *bundle;
	bool tap, json, list, position;
	unsigned long rounds; /* 0: without end */
	unsigned long fix_wait_s;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void list(void)
{
	for (size_t i = 0; i < selftest_checks_count; i++) {
		const struct selftest_check *c = &selftest_checks[i];
		char name[48];

		snprintf(name, sizeof(name), "%s/%s", c->group, c->name);
		printf("%-22s %s%s%s%s\n", name, c->what, c->limit != NULL ? " (limit: " : "",
		       c->limit != NULL ? c->limit : "", c->limit != NULL ? ")" : "");
	}
}

static bool set_rounds(void *rounds, const char *text)
{
	*(unsigned long *)rounds = 0;
	return text == NULL || options_number("--loop", text, 1, 1000000, rounds);
}

/* An exit code if the options are already handled, else -1. */
static int read_options(int argc, char **argv, struct options *o)
{
	const struct options_value values[] = {
		{ 'c', .text = &o->config.path },
		{ 'o', .accept = options_assign, .arg = &o->config },
		{ ONLY, .text = &o->only },
		{ LIST, .flag = &o->list },
		{ TAP, .flag = &o->tap },
		{ JSON, .flag = &o->json },
		{ LOOP, .accept = set_rounds, .arg = &o->rounds },
		{ FIX_WAIT, .number = &o->fix_wait_s, .max = 3600 },
		{ BUNDLE, .text = &o->bundle },
		{ POSITION, .flag = &o->position },
	};
	char word[64];
	int code = options_read(&manual, &command, argc, argv, values,
				sizeof(values) / sizeof(values[0]), 0);

	if (code >= 0) {
		return code;
	}
	if (selftest_unknown(o->only, word, sizeof(word)) != NULL) {
		log_error("--only %s: no such group or check; --list shows them", word);
		return EXIT_USAGE;
	}
	if (o->list) {
		list();
		return EXIT_PASSED;
	}
	return -1;
}

static void show_progress(const struct selftest_check *check)
{
	if (check->seconds > 0 && isatty(STDERR_FILENO)) {
		fprintf(stderr, "  ...  %s/%s: may take %u s\r", check->group, check->name,
			check->seconds);
	}
}

static void end_progress(const struct selftest_check *check)
{
	if (check->seconds > 0 && isatty(STDERR_FILENO)) {
		fputs("\033[K", stderr);
	}
}

/* no-color.org: present and not empty, whatever its value. */
static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR");

	return no == NULL || *no == '\0';
}

/* Runs the selected checks once. */
static int run_checks(struct selftest *t, const struct options *o,
		      struct selftest_outcome *outcomes, size_t *n)
{
	enum report_format format = o->json ? REPORT_JSON : o->tap ? REPORT_TAP : REPORT_HUMAN;
	bool colour = format == REPORT_HUMAN && isatty(STDOUT_FILENO) && wants_colour();
	struct selftest counted = *t;
	unsigned planned = 0;
	struct report report;
	size_t i = SIZE_MAX;

	while ((i = selftest_next(&counted, o->only, i)) < selftest_checks_count) {
		planned++;
	}
	*n = 0;
	i = SIZE_MAX;
	report_begin(&report, stdout, format, colour, planned);
	while (!interrupted && (i = selftest_next(t, o->only, i)) < selftest_checks_count) {
		show_progress(&selftest_checks[i]);
		selftest_run(t, &selftest_checks[i], &outcomes[*n]);
		end_progress(&selftest_checks[i]);
		if (!interrupted) { /* the result of an interrupted check means nothing */
			report_add(&report, &outcomes[(*n)++]);
		}
	}
	if (interrupted && format == REPORT_TAP) {
		puts("Bail out! interrupted");
	}
	report_end(&report);
	selftest_close(t);
	return report.count[SELFTEST_FAIL] > 0					? EXIT_FAILED
	       : report.count[SELFTEST_PASS] + report.count[SELFTEST_WARN] == 0 ? EXIT_NOT_RUN
										: EXIT_PASSED;
}

static int run(const struct options *o, const struct node_config *config,
	       const struct config_source *source)
{
	struct selftest_outcome *outcomes =
		calloc(selftest_checks_count * THERMOMETERS_BUSES, sizeof(*outcomes));
	char what[64];
	size_t n = 0;
	struct selftest start = { .config = config,
				  .root = "",
				  .show_position = o->position,
				  .fix_wait_s = (unsigned)o->fix_wait_s,
				  .stop = &interrupted };
	struct selftest t = start;
	int pid = selftest_node(&t, o->only, what, sizeof(what)), code = EXIT_NOT_RUN;

	if (outcomes == NULL) {
		log_error("out of memory");
		return EXIT_NOT_RUN;
	}
	if (what[0] != '\0') {
		log_error(
			"geotherm-node (process %d) holds %s: stop it first (systemctl stop geotherm-node), or test the rest "
			"with --only board,system,uplink",
			pid, what);
		free(outcomes);
		return EXIT_NOT_RUN;
	}
	for (unsigned round = 0; (o->rounds == 0 || round < o->rounds) && !interrupted; round++) {
		t = start;
		t.round = round;
		code = run_checks(&t, o, outcomes, &n);
		if (code != EXIT_PASSED) {
			break;
		}
	}
	if (o->bundle != NULL && bundle_write(o->bundle, config, source, outcomes, n) != 0) {
		log_error("%s: %s", o->bundle, strerror(errno));
		code = code == EXIT_PASSED ? EXIT_NOT_RUN : code;
	}
	free(outcomes);
	return interrupted ? EXIT_NOT_RUN : code;
}

int main(int argc, char **argv)
{
	struct options options = { .rounds = 1, .fix_wait_s = 60 };
	struct config_source source;
	struct sigaction action = { .sa_handler = on_signal };
	struct node_config config;
	char err[512];
	int code;

	log_init("geotherm-selftest", LOG_LEVEL_ERROR);
	code = read_options(argc, argv, &options);
	if (code >= 0) {
		return code;
	}
	source = options_source(&options.config, NODE_CONFIG_FILE);
	if (node_config_load(&config, &source, err, sizeof(err)) != 0) {
		log_error("%s", err);
		return EXIT_USAGE;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	code = run(&options, &config, &source);
	node_config_free(&config);
	return code;
}
