// SPDX-License-Identifier: BSD-2-Clause
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define CONFIG_PATH "/etc/geotherm/server.conf"

enum option_key { CHECK = 256, LEVEL, SHOW, READY, RELOAD };

static const struct manual_option table[] = {
	{ 'c', "config", "FILE", "The configuration; default " CONFIG_PATH "." },
	{ 'o', NULL, "SECTION.KEY=VALUE", "Replaces what the file has; may be given again." },
	{ CHECK, "check-config", NULL,
	  "Checks the configuration and the credentials, shows what it has checked, starts nothing. Root checks with the rights "
	  "of the user " SERVER_USER ", if there is one." },
	{ RELOAD, "reload", "PID",
	  "Reloads the server with that process number: exits with 0 once the new configuration is applied, with 1 if it "
	  "keeps the old one (systemctl reload)." },
	{ LEVEL, "log-level", "error|warning|notice|info|debug", "Replaces the key log_level." },
	{ SHOW, "show-readings", NULL, "Prints each reading on stdout once it is stored." },
	{ READY, "ready-file", "FILE", "Writes the address into FILE once requests are served." },
};

static const struct manual_command command = {
	.operands = "[verify | backup FILE | restore FILE]",
	.options = table,
	.n_options = sizeof(table) / sizeof(table[0]),
};

static const struct manual_exit exits[] = {
	{ EXIT_OK, "after SIGTERM or SIGINT" },
	{ EXIT_RUNTIME, "a failure at run time; --reload: refused" },
	{ EXIT_USAGE, "a wrong option or configuration" },
	{ EXIT_CREDENTIAL, "a credential that cannot be used" },
	{ EXIT_ADDRESS, "an address that cannot be listened on" },
	{ EXIT_STORE, "a store that cannot be opened" },
	{ EXIT_WRONG, "verify: a stored temperature does not follow from the sensor's bytes" },
	{ EXIT_INCOMPLETE, "verify: readings are missing that nothing explains" },
};

static const struct manual manual = {
	.name = "geotherm-server",
	.section = 8,
	.brief = "stores readings of nodes before it acknowledges them",
	.about =
		"Receives readings by CoAP over DTLS, stores them in SQLite or MariaDB, and answers each request only when its "
		"readings are on disk. It also answers requests for what is stored: the newest reading of each device, tracks, gaps. "
		"With verify it serves nothing, but reads the whole store (a server may run meanwhile), computes each "
		"temperature again from the sensor's nine bytes, finds sequence numbers that are missing, and names the first "
		"flaw of each kind. backup copies a SQLite store, as it is at one moment, into a new file; restore puts such a file back; "
		"both while a server runs, too: nodes then send again what they still have. A service manager may pass the sockets "
		"to listen on (systemd: geotherm-server@.socket); then "
		"[server] listen is not used.",
	.commands = &command,
	.n_commands = 1,
	.exits = exits,
	.n_exits = sizeof(exits) / sizeof(exits[0]),
	.see_also = "geotherm(1), geotherm-node(8), geotherm-server.conf(5)",
	.config_file = CONFIG_PATH,
	.config = &server_config_table,
};

int server_options_read(struct server_options *o, int argc, char **argv)
{
	const char *level = NULL;
	const struct options_value values[] = {
		{ 'c', .text = &o->config.path },
		{ 'o', .accept = options_assign, .arg = &o->config },
		{ CHECK, .flag = &o->check },
		{ RELOAD, .text = &o->reload },
		{ LEVEL, .text = &level },
		{ SHOW, .flag = &o->show },
		{ READY, .text = &o->ready_file },
	};
	int code;

	*o = (struct server_options){ .config.path = CONFIG_PATH };
	code = options_read(&manual, &command, argc, argv, values,
			    sizeof(values) / sizeof(values[0]), 2);
	if (code < 0 && level != NULL) {
		snprintf(o->level, sizeof(o->level), "server.log_level=%s", level);
		code = options_assign(&o->config, o->level) ? -1 : EXIT_USAGE;
	}
	if (code >= 0) {
		return code;
	}
	if (optind < argc) {
		static const char *const names[] = { "verify", "backup", "restore" };

		for (int i = 0; i < 3; i++) { /* all but the first have a FILE */
			if (strcmp(argv[optind], names[i]) == 0 && optind + 1 + (i > 0) == argc) {
				o->command = names[i];
				o->file = i > 0 ? argv[optind + 1] : NULL;
				return -1;
			}
		}
		log_error("%s: not a command with its FILE; try --help", argv[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

int server_options_load(const struct server_options *o, struct server_config *config, char *err,
			size_t err_size)
{
	const struct config_source source = options_source(&o->config, CONFIG_PATH);

	return server_config_load(config, &source, err, err_size);
}
