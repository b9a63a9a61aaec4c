// SPDX-License-Identifier: BSD-2-Clause
/* geotherm-server: stores readings before it answers for them. */
#include "options.h"
#include "server.h"
#include "server/store/cmd_backup.h"
#include "server/store/cmd_verify.h"
#include "userspace/daemon/reload_request.h"
#include "userspace/daemon/unit_user.h"

static int verify(const struct server_config *config)
{
	const struct store_config store = server_config_store(config);

	switch (cmd_verify(&store)) {
	case VERIFY_GOOD:
		return EXIT_OK;
	case VERIFY_WRONG:
		return EXIT_WRONG;
	case VERIFY_INCOMPLETE:
		return EXIT_INCOMPLETE;
	case VERIFY_NO_STORE:
		break;
	}
	return EXIT_STORE;
}

static int run_command(const struct server_options *options, const struct server_config *config)
{
	const struct store_config store = server_config_store(config);

	if (options->file == NULL) {
		return verify(config);
	}
	return (options->command[0] == 'b' ? cmd_backup(&store, options->file)
					   : cmd_restore(&store, options->file))
		       ? EXIT_OK
		       : EXIT_STORE;
}

static int serve(const struct server_options *options, struct server_config *config)
{
	struct server server;
	int rc = server_start(&server, options, config);

	if (rc == EXIT_OK) {
		rc = server_run(&server);
	}
	server_stop(&server);
	return rc;
}

int main(int argc, char **argv)
{
	struct server_options options;
	struct server_config config;
	char err[512];
	int rc;

	log_init("geotherm-server", LOG_LEVEL_INFO);
	rc = server_options_read(&options, argc, argv);
	if (rc >= 0) {
		return rc;
	}
	if (options.reload != NULL) {
		return reload_request_send(options.reload) ? EXIT_OK : EXIT_RUNTIME;
	}
	if (options.check && !unit_user_become(SERVER_USER)) {
		return EXIT_RUNTIME;
	}
	if (server_options_load(&options, &config, err, sizeof(err)) < 0) {
		log_error("%s", err);
		return EXIT_USAGE;
	}
	log_set_level(config.log_level);
	if (options.command != NULL) {
		rc = run_command(&options, &config);
	} else if (options.check) {
		rc = server_check(&config);
	} else {
		rc = serve(&options, &config);
	}
	server_config_free(&config);
	return rc;
}
