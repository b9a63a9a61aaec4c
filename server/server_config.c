// SPDX-License-Identifier: BSD-2-Clause
#include "server_config.h"

#include <errno.h>
#include <string.h>

static const char *const backend_words[] = { "sqlite", "mariadb", NULL }; /* enum store_kind */
/* enum coaps_client_auth */
static const char *const client_auth_words[] = { "required", "optional", "none", NULL };

#define AT(member) offsetof(struct server_config, member)

static const struct config_key table[] = {
	{ "server", "listen", CONFIG_STRING, AT(listen), "[::]:5684",
	  .help = "Addresses with their ports, such as 192.0.2.1:5684,[2001:db8::1]:5684. The default is every address, of IPv4 too. "
		  "The port is 5684 where none is given. Not used where a service manager passes the sockets." },
	{ "server", "certificate", CONFIG_STRING, AT(certificate), "/etc/geotherm/pki/server.pem",
	  .live = true,
	  .help = "PEM file with the server's certificate and chain, and its key unless that has its own file." },
	{ "server", "key", CONFIG_STRING, AT(key), NULL, .live = true,
	  .help = "PEM file with the server's private key. Default: the file of the certificate." },
	{ "server", "ca", CONFIG_STRING, AT(ca), "/etc/geotherm/pki/ca.pem", .live = true,
	  .help = "PEM file with the certificates that may sign those of nodes and operators." },
	{ "server", "crl", CONFIG_STRING, AT(crl), NULL, .live = true,
	  .help = "PEM file with the revocation lists of these." },
	{ "server", "client_auth", CONFIG_CHOICE, AT(client_auth), "required",
	  .choices = client_auth_words,
	  .help = "required: every client shows a certificate. optional: one without may only send the legacy client's text. "
		  "none: no certificate is requested, so nothing else is allowed to any client." },
	{ "server", "ciphers", CONFIG_STRING, AT(ciphers), NULL,
	  .help = "Cipher policy: OpenSSL-style tokens such as ECDHE+AESGCM, or mbedTLS suite names." },
	{ "server", "session_timeout", CONFIG_SECONDS, AT(session_timeout_ms), "24h", .min = 10000,
	  .max = 604800000,
	  .help = "A session without any datagram for so long is forgotten. Legacy clients never open a new one: keep it longer "
		  "than their longest pause." },
	{ "server", "queue", CONFIG_UINT, AT(queue), "4096", .min = 256, .max = 65536,
	  .help = "Maximum of readings that wait for the database; further ones are answered 5.03. One takes about 3.5 KB." },
	{ "server", "batch", CONFIG_UINT, AT(batch), "1000", .min = 256, .max = 10000,
	  .help = "Readings in one commit at most." },
	{ "server", "secret_file", CONFIG_STRING, AT(secret_file), NULL, .live = true,
	  .help = "File with the keys of session tickets, the same for all instances behind one port: one key a line, 64 hex digits "
		  "(openssl rand -hex 32). The first makes tickets, a second one is still accepted. Mode 0600, or owned by root. Default: a "
		  "key of this process, so that clients need a full handshake after a restart." },
	{ "server", "workers", CONFIG_REMOVED,
	  .help = "several processes are instances of geotherm-server@.service (docs/operation.md)" },
	{ "server", "log_level", CONFIG_LOG_LEVEL, AT(log_level), "info", .live = true,
	  .help = "The lowest level that is logged." },
	{ "server", "metrics", CONFIG_STRING, AT(metrics), NULL,
	  .help = "Loopback address and port, such as 127.0.0.1:9684, for /metrics (OpenMetrics) and /health by HTTP. Default: none. "
		  "Each instance behind one port has its own (geotherm-server@.service gives it)." },

	{ "store", "backend", CONFIG_CHOICE, AT(store_backend), "sqlite", .choices = backend_words,
	  .help = "sqlite: a file on this machine. mariadb: a MariaDB server or a Galera cluster." },
	{ "store", "path", CONFIG_STRING, AT(store_path), "/var/lib/geotherm-server/readings.db",
	  .help = "sqlite: the database file; its directory must be writable." },
	{ "store", "socket", CONFIG_STRING, AT(store_socket), NULL,
	  .help = "mariadb: unix socket of a server on this machine, such as /run/mysqld/mysqld.sock; then hosts is ignored." },
	{ "store", "hosts", CONFIG_STRING, AT(store_hosts), "127.0.0.1:3306",
	  .help = "mariadb: HOST[:PORT], or several with commas, tried in turn. All is written to one of them at a time." },
	{ "store", "user", CONFIG_STRING, AT(store_user), "geotherm",
	  .help = "mariadb: the account." },
	{ "store", "password_file", CONFIG_STRING, AT(store_password_file), NULL,
	  .help = "mariadb: file whose first line is the password. Without it none is sent." },
	{ "store", "database", CONFIG_STRING, AT(store_database), "geotherm",
	  .help = "mariadb: the database; it must exist, the tables in it are made." },
	{ "store", "tls", CONFIG_BOOL, AT(store_tls), "yes",
	  .help = "mariadb over TCP to another machine: encrypted and verified against tls_ca. no: in the clear, password and all." },
	{ "store", "tls_ca", CONFIG_STRING, AT(store_tls_ca), NULL,
	  .help = "mariadb over TCP: PEM file with the CA of the database's certificate." },
	{ "store", "retention_days", CONFIG_UINT, AT(retention_days), "0", .live = true,
	  .max = 36500,
	  .help = "Readings older than so many days are removed, hour by hour; 0 keeps them for ever. An operator may set it for a "
		  "device (docs/protocol.md 5). /gaps still explains removed readings." },
};

/* What holds between keys. */
static int validate(void *target, size_t *blamed, char *err, size_t err_size)
{
	const struct server_config *c = target;

	if (c->batch > c->queue) {
		*blamed = AT(batch);
		snprintf(err, err_size,
			 "[server] batch = %u: must not be more than queue, which is %u", c->batch,
			 c->queue);
		return -EINVAL;
	}
	return 0;
}

const struct config_table server_config_table = { table, sizeof(table) / sizeof(table[0]),
						  validate };

int server_config_load(struct server_config *config, const struct config_source *source, char *err,
		       size_t err_size)
{
	memset(config, 0, sizeof(*config));
	return config_load(&server_config_table, config, source, err, err_size);
}

void server_config_free(struct server_config *config)
{
	config_free(&server_config_table, config);
}

struct store_config server_config_store(const struct server_config *c)
{
	return (struct store_config){
		.kind = c->store_backend,
		.path = c->store_path,
		.hosts = c->store_hosts,
		.socket = c->store_socket,
		.user = c->store_user,
		.password_file = c->store_password_file,
		.database = c->store_database,
		.tls_ca = c->store_tls_ca,
		.tls = c->store_tls,
	};
}
