// SPDX-License-Identifier: BSD-2-Clause
/* geotherm-node: measures, keeps, sends. Here: the command line. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "node.h"
#include "node_check.h"
#include "node_config.h"
#include "userspace/coaps/coaps_credentials.h"
#include "userspace/daemon/log.h"
#include "userspace/daemon/options.h"
#include "userspace/daemon/reload_request.h"
#include "userspace/daemon/unit_user.h"

#define USER "geotherm-node" /* of the unit */

enum option_key { CHECK = 256, LEVEL, RELOAD };

static const struct manual_option options_of_node[] = {
	{ 'c', "config", "FILE", "The configuration; default " NODE_CONFIG_FILE "." },
	{ 'o', NULL, "SECTION.KEY=VALUE", "Overrides the file; may be repeated." },
	{ CHECK, "check-config", NULL,
	  "Checks the configuration and the credentials, shows what it has checked, and exits. Root checks with the rights "
	  "of the user " USER ", if there is one." },
	{ RELOAD, "reload", "PID",
	  "Reloads the node with that process number: exits with 0 once the new configuration is applied, with 1 if it "
	  "keeps the old one (systemctl reload)." },
	{ LEVEL, "log-level", "error|warning|notice|info|debug", "Overrides the key log_level." },
};

static const struct manual_command command = {
	.options = options_of_node,
	.n_options = sizeof(options_of_node) / sizeof(options_of_node[0]),
};

static const struct manual_exit exits[] = {
	{ NODE_OK, "after SIGTERM or SIGINT" },
	{ NODE_RUNTIME, "a fault while running; --reload: refused" },
	{ NODE_CONFIG, "a wrong option or configuration" },
	{ NODE_CREDENTIAL, "--check-config: a credential that cannot be used" },
	{ NODE_OUTBOX, "an outbox that cannot be opened" },
};

static const struct manual manual = {
	.name = "geotherm-node",
	.section = 8,
	.brief = "measures, keeps and sends temperature and position",
	.about =
		"Reads DS18B20 thermometers and a u-blox receiver, keeps every reading on disk until the server has it, and "
		"sends them by CoAP over DTLS. On SIGHUP it loads configuration and credentials again; if anything in them is "
		"wrong, the log names it and the old ones stay in use.",
	.commands = &command,
	.n_commands = 1,
	.exits = exits,
	.n_exits = sizeof(exits) / sizeof(exits[0]),
	.see_also = "geotherm(1), geotherm-node.conf(5), geotherm-selftest(8), geotherm-server(8)",
	.config_file = NODE_CONFIG_FILE,
	.config = &node_config_table,
};

struct options {
	struct options_config config;
	const char *level;
	char assignment[64]; /* --log-level is one too */
	const char *reload; /* a process number */
	bool check;
};

/* An exit code if the options are already handled, else -1. */
static int read_options(int argc, char **argv, struct options *o)
{
	const struct options_value values[] = {
		{ 'c', .text = &o->config.path },
		{ 'o', .accept = options_assign, .arg = &o->config },
		{ CHECK, .flag = &o->check },
		{ RELOAD, .text = &o->reload },
		{ LEVEL, .text = &o->level },
	};
	int code = options_read(&manual, &command, argc, argv, values, 5, 0);

	if (code < 0 && o->level != NULL) {
		snprintf(o->assignment, sizeof(o->assignment), "node.log_level=%s", o->level);
		code = options_assign(&o->config, o->assignment) ? -1 : NODE_CONFIG;
	}
	return code;
}

/* What was checked, for a person. */
static void show_checked(const struct node_config *c, const char *device)
{
	const struct coaps_credentials files = { .certificate = c->server_certificate,
						 .key = c->server_key,
						 .ca = c->server_ca };
	struct coaps_certificate_info info;
	char err[512], day[11];

	printf("device       %s\n", device);
	printf("server       %s\n",
	       c->server_uri != NULL ? c->server_uri : "none: readings stay in the outbox");
	if (c->n_servers > 0 && strncmp(c->servers[0], "coaps://", 8) == 0 &&
	    coaps_credentials_check(&files, COAPS_CLIENT, 0, &info, err, sizeof(err)) == 0) {
		printf("certificate  %s, until %s\n", files.certificate,
		       coaps_certificate_end(&info, day));
	}
	if (coaps_credentials_exposed(&files, err, sizeof(err))) {
		log_warning("%s", err);
	}
}

static int check(const struct node_config *config)
{
	char device[READING_DEVICE_SIZE], err[512];
	int code;

	if (node_check_device(config, device) != 0) {
		return NODE_CONFIG;
	}
	code = node_exit_of(
		node_check_server(config, device, node_check_utc_s(config), err, sizeof(err)));
	if (code != NODE_OK) {
		log_error("%s", err);
		return code;
	}
	show_checked(config, device);
	return code;
}

int main(int argc, char **argv)
{
	struct options options = { .check = false };
	struct config_source source;
	struct node_config config;
	char err[512];
	int code;

	log_init("geotherm-node", LOG_LEVEL_INFO);
	code = read_options(argc, argv, &options);
	if (code >= 0) {
		return code;
	}
	if (options.reload != NULL) {
		return reload_request_send(options.reload) ? NODE_OK : NODE_RUNTIME;
	}
	if (options.check && !unit_user_become(USER)) {
		return NODE_RUNTIME;
	}
	source = options_source(&options.config, NODE_CONFIG_FILE);
	if (node_config_load(&config, &source, err, sizeof(err)) != 0) {
		log_error("%s", err);
		return NODE_CONFIG;
	}
	log_set_level(config.log_level);
	code = options.check ? check(&config) : node_run(&config, &source);
	node_config_free(&config);
	return code;
}
