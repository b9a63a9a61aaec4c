// SPDX-License-Identifier: BSD-2-Clause
/* geotherm-node: measures, keeps, sends. Here: the command line. */
#define _GNU_SOURCE	/* getopt_long() */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "node.h"
#include "node_check.h"
#include "node_config.h"
#include "userspace/daemon/log.h"

#define DEFAULT_CONFIG "/etc/geotherm/node.conf"
#define ASSIGNMENTS_MAX 64

static const char usage[] =
"usage: geotherm-node [--config FILE] [-o SECTION.KEY=VALUE] [--check-config] [--print-config]\n"
"                     [--log-level LEVEL] [--version] [--help]\n"
"\n"
"Reads DS18B20 thermometers and a u-blox receiver, keeps every reading on disk until the\n"
"server has it, and sends them by CoAP over DTLS. SIGHUP reads configuration and\n"
"credentials again.\n"
"\n"
"  -c, --config FILE   default " DEFAULT_CONFIG "\n"
"  -o SECTION.KEY=VALUE  over what the file says; may be given again\n"
"      --check-config  checks the configuration and the credentials, starts nothing\n"
"      --print-config  shows every key with its meaning and default\n"
"      --log-level L   error, warning, notice, info, debug\n"
"\n"
"Ends with 0 after SIGTERM or SIGINT, 1 after a fault while running, 2 for a wrong option or\n"
"configuration, 3 for a credential that cannot be used, 5 for an outbox that cannot be opened.\n";

struct options {
	const char *config;	/* NULL: the default, which need not exist */
	const char *assignments[ASSIGNMENTS_MAX];
	size_t n;
	char level[64];		/* --log-level is an assignment too */
	bool check;
};

static int assign(struct options *o, const char *assignment)
{
	if (o->n == ASSIGNMENTS_MAX) {
		log_error("more than %d options -o", ASSIGNMENTS_MAX);
		return NODE_CONFIG;
	}
	o->assignments[o->n++] = assignment;
	return -1;
}

/* An exit code if that was all there was to do, else -1. */
static int take_options(int argc, char **argv, struct options *o)
{
	enum { CHECK = 256, PRINT, LEVEL, VERSION, HELP };
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' }, { "check-config", no_argument, NULL, CHECK },
		{ "print-config", no_argument, NULL, PRINT }, { "log-level", required_argument, NULL, LEVEL },
		{ "version", no_argument, NULL, VERSION }, { "help", no_argument, NULL, HELP },
		{ NULL, 0, NULL, 0 },
	};
	int c, code = -1;

	while (code < 0 && (c = getopt_long(argc, argv, "c:o:h", known, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'o':
			code = assign(o, optarg);
			break;
		case CHECK:
			o->check = true;
			break;
		case PRINT:
			node_config_print(stdout);
			return NODE_OK;
		case LEVEL:
			snprintf(o->level, sizeof(o->level), "node.log_level=%s", optarg);
			code = assign(o, o->level);
			break;
		case VERSION:
			puts("geotherm-node " GEOTHERM_VERSION);
			return NODE_OK;
		case 'h':
		case HELP:
			fputs(usage, stdout);
			return NODE_OK;
		default:
			return NODE_CONFIG;	/* getopt has said which */
		}
	}
	if (code < 0 && optind < argc) {
		log_error("%s: no argument is expected; see --help", argv[optind]);
		code = NODE_CONFIG;
	}
	return code;
}

static int check(const struct node_config *config)
{
	char device[READING_DEVICE_SIZE];

	return node_check_device(config, device) != 0 ? NODE_CONFIG : node_exit_of(node_check_server(config, device));
}

int main(int argc, char **argv)
{
	struct options options = { .config = NULL };
	struct node_config_source source;
	struct node_config config;
	char err[512];
	int code;

	log_init("geotherm-node", LOG_LEVEL_INFO);
	code = take_options(argc, argv, &options);
	if (code >= 0) {
		return code;
	}
	if (options.config == NULL && access(DEFAULT_CONFIG, F_OK) == 0) {
		options.config = DEFAULT_CONFIG;
	}
	source = (struct node_config_source){ options.config, options.assignments, options.n };
	if (node_config_load(&config, &source, err, sizeof(err)) != 0) {
		log_error("%s", err);
		return NODE_CONFIG;
	}
	log_set_level(config.log_level);
	code = options.check ? check(&config) : node_run(&config, &source);
	node_config_free(&config);
	return code;
}
