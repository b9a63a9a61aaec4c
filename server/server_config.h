/* SPDX-License-Identifier: BSD-2-Clause */
/* server_config: the configuration of geotherm-server, from its file and -o options. The keys stand
 * in the .c's table. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "server/store/store.h"
#include "userspace/daemon/config.h"
#include "userspace/daemon/log.h"

struct server_config {
	char *listen;
	char *certificate, *key, *ca, *crl;
	char *ciphers;
	int client_auth; /* enum coaps_client_auth */
	unsigned session_timeout_ms;
	unsigned queue, batch;
	enum log_level log_level;
	char *metrics, *secret_file;

	int store_backend; /* enum store_kind */
	char *store_path;
	char *store_hosts, *store_socket, *store_user, *store_password_file, *store_database,
		*store_tls_ca;
	bool store_tls;
	unsigned retention_days;
};

/* As config_load(). */
int server_config_load(struct server_config *config, const struct config_source *source, char *err,
		       size_t err_size);
void server_config_free(struct server_config *config);
/* Every key with its meaning. */
extern const struct config_table server_config_table;

/* Borrows the config's strings. */
struct store_config server_config_store(const struct server_config *config);

#endif
