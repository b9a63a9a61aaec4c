// SPDX-License-Identifier: BSD-2-Clause
/*
 * store_mariadb: MariaDB or a Galera cluster through Connector/C.
 *
 * One text protocol for all: numbers in decimal, texts and bytes in hexadecimal, so that nothing
 * needs escaping. A batch is one multi-row INSERT with a no-op ON DUPLICATE KEY UPDATE: bulk arrays
 * acknowledge rows that Galera then drops, and IGNORE swallows errors. MYSQL_OPT_RECONNECT stays
 * off: it continues a broken transaction on a new connection.
 */
#define _GNU_SOURCE /* explicit_bzero */
#include "store_sql.h"

#include <errmsg.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/daemon/log.h"
#include "userspace/reading/hex.h"

#define CONNECT_TIMEOUT_S 2
#define IO_TIMEOUT_S 10 /* longer than a Galera failover, shorter than a client's retries */
#define PORT 3306
#define VARIABLE_SIZE 16 /* of the variables that are checked */
#define PACKET_MAX (12 << 20) /* below max_allowed_packet's default of 16 MB */
#define PACKET_MIN (256 << 10)

struct mariadb {
	MYSQL mysql;
	char *sql; /* the statement being built */
	size_t length, size;
	bool broken; /* no memory for it */
	size_t packet_max;
	char server[128]; /* as errors name it */
};

/* --- errors -------------------------------------------------------------- */

static int class_of(unsigned code)
{
	switch (code) {
	case ER_LOCK_DEADLOCK:
	case ER_LOCK_WAIT_TIMEOUT:
	case ER_CHECKREAD: /* row changed since read: a Galera conflict */
		return STORE_BUSY;
	case ER_WARN_DATA_OUT_OF_RANGE:
	case ER_TRUNCATED_WRONG_VALUE:
	case ER_TRUNCATED_WRONG_VALUE_FOR_FIELD:
	case ER_DATA_TOO_LONG:
	case ER_INVALID_CHARACTER_STRING:
	case ER_NO_PARTITION_FOR_GIVEN_VALUE:
		return STORE_REFUSED;
	case ER_BAD_NULL_ERROR: /* put_first_stream(): nothing else is NULL where it may not be */
		return STORE_REPLACED;
	case ER_ACCESS_DENIED_ERROR:
	case ER_DBACCESS_DENIED_ERROR:
	case ER_TABLEACCESS_DENIED_ERROR:
	case ER_BAD_DB_ERROR:
	case ER_HOST_NOT_PRIVILEGED:
		return STORE_UNUSABLE;
	default: /* lost, refusing, read-only, full: all mean that the batch must be retried */
		return STORE_DOWN;
	}
}

static int failed(struct store *s)
{
	struct mariadb *m = s->db;
	unsigned code = mysql_errno(&m->mysql);

	return store_fail(s, class_of(code), "%s: %s (%u)", m->server, mysql_error(&m->mysql),
			  code);
}

/* --- text ---------------------------------------------------------------- */

static void put(struct mariadb *m, const char *bytes, size_t n)
{
	if (m->length + n > m->size) {
		size_t size = (m->length + n) * 2;
		char *grown = m->broken ? NULL : realloc(m->sql, size);

		if (grown == NULL) {
			m->broken = true;
			return;
		}
		m->sql = grown;
		m->size = size;
	}
	memcpy(m->sql + m->length, bytes, n);
	m->length += n;
}

static void put_string(struct mariadb *m, const char *string)
{
	put(m, string, strlen(string));
}

/* A row has twenty numbers: printf would take a tenth of the commit. */
static void put_integer(struct mariadb *m, int64_t integer)
{
	uint64_t left = integer < 0 ? -(uint64_t)integer : (uint64_t)integer;
	char digits[20], *first = digits + sizeof(digits);

	do {
		*--first = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	put(m, "-", integer < 0);
	put(m, first, (size_t)(digits + sizeof(digits) - first));
}

static void put_hex(struct mariadb *m, const uint8_t *bytes, size_t n)
{
	char pair[3];

	put(m, "x'", 2);
	for (size_t i = 0; i < n; i++) {
		put(m, hex_format(pair, &bytes[i], 1), 2);
	}
	put(m, "'", 1);
}

/* Characters of host names, versions and URNs: the same in every character set, none to escape. */
static bool is_plain(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z') ||
		      (text[i] >= '0' && text[i] <= '9') || strchr(":.-_", text[i]) != NULL) ||
		    text[i] == '\0') {
			return false;
		}
	}
	return true;
}

static void put_value(struct mariadb *m, const struct sql_value *v)
{
	switch (v->type) {
	case SQL_NULL:
		put(m, "NULL", 4);
		break;
	case SQL_INTEGER:
		put_integer(m, v->integer);
		break;
	case SQL_TEXT:
		if (is_plain(v->data, v->size)) {
			put(m, "'", 1);
			put(m, v->data, v->size);
			put(m, "'", 1);
		} else {
			put_string(m, "_utf8mb4 ");
			put_hex(m, v->data, v->size);
		}
		break;
	case SQL_BLOB:
		put_hex(m, v->data, v->size);
		break;
	}
}

static int send_sql(struct store *s)
{
	struct mariadb *m = s->db;

	if (m->broken) {
		m->broken = false;
		return store_fail(s, STORE_DOWN, "out of memory for a statement");
	}
	return mysql_real_query(&m->mysql, m->sql, m->length) == 0 ? 0 : failed(s);
}

/* --- queries ------------------------------------------------------------- */

static struct sql_value value_of(const MYSQL_FIELD *field, const char *data, unsigned long size)
{
	if (data == NULL) {
		return (struct sql_value){ .type = SQL_NULL };
	}
	switch (field->type) {
	case MYSQL_TYPE_TINY:
	case MYSQL_TYPE_SHORT:
	case MYSQL_TYPE_INT24:
	case MYSQL_TYPE_LONG:
	case MYSQL_TYPE_LONGLONG:
		return (struct sql_value){ .type = SQL_INTEGER,
					   .integer = strtoll(data, NULL, 10) };
	default:
		return (struct sql_value){ .type = field->charsetnr == 63 ? SQL_BLOB
									  : SQL_TEXT, /* 63: binary
										       */
					   .data = data,
					   .size = size };
	}
}

static int walk_rows(MYSQL_RES *result, sql_row_fn each, void *arg)
{
	struct sql_value values[STORE_COLUMNS + 2];
	const MYSQL_FIELD *fields = mysql_fetch_fields(result);
	unsigned n = mysql_num_fields(result);
	MYSQL_ROW row;
	int rc = 0;

	while (rc == 0 && (row = mysql_fetch_row(result)) != NULL) {
		const unsigned long *sizes = mysql_fetch_lengths(result);

		for (unsigned i = 0; i < n && i < sizeof(values) / sizeof(values[0]); i++) {
			values[i] = value_of(&fields[i], row[i], sizes[i]);
		}
		rc = each == NULL ? 0 : each(arg, values, n);
	}
	return rc;
}

/* Appends the SQL with its parameters in place of "?". */
static void put_sql(struct mariadb *m, const char *sql, const struct sql_value *params, size_t n)
{
	size_t param = 0;

	for (const char *mark; param < n && (mark = strchr(sql, '?')) != NULL; sql = mark + 1) {
		put(m, sql, (size_t)(mark - sql));
		put_value(m, &params[param++]);
	}
	put_string(m, sql);
}

static int mariadb_query(struct store *s, const char *sql, const struct sql_value *params, size_t n,
			 sql_row_fn each, void *arg)
{
	struct mariadb *m = s->db;
	MYSQL_RES *result;
	int rc;

	m->length = 0;
	put_sql(m, sql, params, n);
	rc = send_sql(s);
	if (rc < 0) {
		return rc;
	}
	/* All rows at once: a callback may take its time, and the server holds no locks for it. */
	result = mysql_store_result(&m->mysql);
	if (result == NULL) {
		return mysql_field_count(&m->mysql) > 0 ? failed(s)
							: (int)mysql_affected_rows(&m->mysql);
	}
	rc = walk_rows(result, each, arg);
	mysql_free_result(result);
	return rc;
}

/* --- the batch ----------------------------------------------------------- */

static int send_rows(struct store *s)
{
	struct mariadb *m = s->db;
	int rc;

	put_string(m, " ON DUPLICATE KEY UPDATE stream = stream");
	rc = send_sql(s);
	return rc < 0 ? rc : (int)mysql_affected_rows(&m->mysql);
}

/*
 * The columns that at least one row of the batch knows: most readings leave half of them NULL, and
 * the server would parse each NULL.
 */
static uint64_t known_columns(struct store *s, const struct store_item *items, size_t n)
{
	uint64_t known = 0;

	_Static_assert(STORE_COLUMNS <= 64, "a bit each");
	for (size_t i = 0; i < n; i++) {
		store_row_make(&s->row, items[i].stream, items[i].reading, items[i].received_us);
		for (unsigned c = 0; c < STORE_COLUMNS; c++) {
			known |= (uint64_t)(s->row.value[c].type != SQL_NULL) << c;
		}
	}
	return known;
}

static void put_names(struct mariadb *m, uint64_t columns)
{
	const char *name = store_row_names;

	put_string(m, "INSERT INTO readings (");
	for (unsigned c = 0; c < STORE_COLUMNS; c++) {
		size_t length = strcspn(name, ",");

		if (columns >> c & 1) {
			put(m, ",", c == 0 ? 0 : 1); /* the first column, the stream, is always
							known */
			put(m, name, length);
		}
		name += length + strspn(name + length, ", ");
	}
	put_string(m, ") VALUES ");
}

/*
 * The stream of the first row: NULL, which no row may have, unless each stream is that of its
 * readings and has `after`. A join with a table of values: 6 us for each of 1000 streams, where a
 * condition for each takes 60.
 */
static void put_first_stream(struct mariadb *m, const struct store_item *items, size_t n)
{
	int64_t streams = 0;

	put_string(m, "IF((WITH batch (i, d, e, a) AS (VALUES ");
	for (size_t i = 0; i < n; i++) {
		struct epoch_text text = { "" };

		if (i > 0 && items[i - 1].stream == items[i].stream) {
			continue;
		}
		put_sql(m, streams++ > 0 ? ",(?,?,?,?)" : "(?,?,?,?)",
			SQL_PARAMS(sql_integer((int64_t)items[i].stream),
				   sql_text(items[i].reading->device),
				   sql_epoch(items[i].reading->epoch, &text),
				   sql_integer((int64_t)items[i].after)));
	}
	put_sql(m,
		") SELECT COUNT(*) FROM batch STRAIGHT_JOIN streams FORCE INDEX (PRIMARY) ON id = i "
		"LEFT JOIN readings FORCE INDEX (PRIMARY) ON stream = i AND seq = a "
		"WHERE device = d AND epoch = e AND (a = 0 OR seq IS NOT NULL)) = ?, ?, NULL)",
		SQL_PARAMS(sql_integer(streams), sql_integer((int64_t)items->stream)));
}

/* One statement as a rule; a batch beyond the packet limit takes more, in one transaction. */
static int insert_all(struct store *s, const struct store_item *items, size_t n, bool *transaction)
{
	struct mariadb *m = s->db;
	const uint64_t columns = known_columns(s, items, n);
	int fresh = 0, rc;

	m->length = 0;
	for (size_t i = 0; i < n; i++) {
		if (m->length > m->packet_max - 3 * sizeof(s->row)) {
			if (!*transaction && mysql_query(&m->mysql, "START TRANSACTION") != 0) {
				return failed(s);
			}
			*transaction = true;
			rc = send_rows(s);
			if (rc < 0) {
				return rc;
			}
			fresh += rc;
			m->length = 0;
		}
		if (m->length == 0) {
			put_names(m, columns);
		} else {
			put(m, ",", 1);
		}
		store_row_make(&s->row, items[i].stream, items[i].reading, items[i].received_us);
		put(m, "(", 1);
		if (i == 0) {
			put_first_stream(m, items, n);
		} else {
			put_value(m, &s->row.value[0]);
		}
		for (unsigned c = 1; c < STORE_COLUMNS; c++) {
			if (columns >> c & 1) {
				put(m, ",", 1);
				put_value(m, &s->row.value[c]);
			}
		}
		put(m, ")", 1);
	}
	rc = send_rows(s);
	return rc < 0 ? rc : fresh + rc;
}

static int mariadb_insert(struct store *s, const struct store_item *items, size_t n)
{
	struct mariadb *m = s->db;
	bool transaction = false;
	int fresh = insert_all(s, items, n, &transaction);

	if (transaction && fresh >= 0 && mysql_query(&m->mysql, "COMMIT") != 0) {
		fresh = failed(s);
	}
	if (transaction && fresh < 0 && fresh != STORE_DOWN) {
		mysql_query(&m->mysql, "ROLLBACK");
	}
	return fresh;
}

/* --- connecting ---------------------------------------------------------- */

static int read_password(struct store *s, char *password, size_t size)
{
	const char *path = s->config.password_file;
	FILE *file;
	char *line;

	password[0] = '\0';
	if (path == NULL) {
		return 0;
	}
	file = fopen(path, "re");
	line = file == NULL ? NULL : fgets(password, (int)size, file);
	if (file == NULL || line == NULL) {
		int rc = store_fail(s, STORE_UNUSABLE, "%s: cannot read the database password: %s",
				    path, file == NULL ? strerror(errno) : "the file is empty");

		if (file != NULL) {
			fclose(file);
		}
		return rc;
	}
	password[strcspn(password, "\r\n")] = '\0';
	fclose(file);
	return 0;
}

/* The n-th of "db1, db2:3307, [2001:db8::1]:3306"; how many there are. */
static unsigned pick_host(const char *hosts, unsigned n, char *host, size_t size, unsigned *port)
{
	unsigned count = 0;

	while (*(hosts += strspn(hosts, ", ")) != '\0') {
		size_t length = strcspn(hosts, ", ");

		if (count++ == n && length < size) {
			char *colon;

			memcpy(host, hosts, length);
			host[length] = '\0';
			*port = PORT;
			colon = strrchr(host, ':');
			if (host[0] == '[' && strchr(host, ']') != NULL) {
				char *end = strchr(host, ']');

				colon = end[1] == ':' ? end + 1 : NULL;
				*end = '\0';
				memmove(host, host + 1, (size_t)(end - host));
			} else if (colon != strchr(host, ':')) {
				colon = NULL; /* a bare IPv6 address */
			}
			if (colon != NULL) {
				*colon = '\0';
				*port = (unsigned)strtoul(colon + 1, NULL, 10);
			}
		}
		hosts += length;
	}
	return count;
}

static bool is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
	       strcmp(host, "::1") == 0;
}

/* A connection over the network is verified against tls_ca, or configured to be in the clear, or
 * refused. */
static int set_tls(struct store *s, const char *host)
{
	struct mariadb *m = s->db;
	my_bool verify = s->config.tls && s->config.tls_ca != NULL;

	if (s->config.tls && !verify && !is_loopback(host)) {
		return store_fail(s, STORE_UNUSABLE,
				  "%s: set store.tls_ca to the CA of the database's certificate, "
				  "or store.tls = no to send readings and password in the clear",
				  host);
	}
	if (verify) {
		mysql_ssl_set(&m->mysql, NULL, NULL, s->config.tls_ca, NULL, NULL);
	}
	/* Set in both cases: Connector/C 3.4 verifies by default, 3.3 does not. */
	mysql_options(&m->mysql, MYSQL_OPT_SSL_ENFORCE, &verify);
	mysql_options(&m->mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
	return 0;
}

static int take_packet(void *arg, const struct sql_value *v, size_t n)
{
	*(int64_t *)arg = n == 1 ? v[0].integer : 0;
	return 0;
}

/* The second column of the last row, as SHOW has it. */
static int take_variable(void *arg, const struct sql_value *v, size_t n)
{
	char *value = arg;

	if (n == 2 && v[1].type == SQL_TEXT && v[1].size < VARIABLE_SIZE) {
		memcpy(value, v[1].data, v[1].size);
		value[v[1].size] = '\0';
	}
	return 0;
}

/* Required and recommended settings of the server. */
static int check_server(struct store *s)
{
	static atomic_bool is_logged;
	struct mariadb *m = s->db;
	char on[VARIABLE_SIZE] = "", ready[VARIABLE_SIZE] = "", flush[VARIABLE_SIZE] = "";
	int rc = mariadb_query(s, "SHOW VARIABLES LIKE 'wsrep_on'", NULL, 0, take_variable, on);

	if (rc >= 0 && strcmp(on, "ON") == 0) {
		rc = mariadb_query(s, "SHOW STATUS LIKE 'wsrep_ready'", NULL, 0, take_variable,
				   ready);
		if (rc >= 0 && strcmp(ready, "ON") != 0) {
			return store_fail(
				s, STORE_DOWN,
				"%s: this node of the cluster is not ready (wsrep_ready=%s)",
				m->server, ready);
		}
		/* What was acknowledged over another node of the cluster is visible from here on.
		 */
		rc = rc < 0 ? rc
			    : mariadb_query(s, "SET SESSION wsrep_sync_wait = 1", NULL, 0, NULL,
					    NULL);
		rc = rc < 0 ? rc : mariadb_query(s, "SELECT 1", NULL, 0, NULL, NULL);
		rc = rc < 0 ? rc
			    : mariadb_query(s, "SET SESSION wsrep_sync_wait = 0", NULL, 0, NULL,
					    NULL);
	}
	if (rc >= 0) {
		rc = mariadb_query(s, "SHOW VARIABLES LIKE 'innodb_flush_log_at_trx_commit'", NULL,
				   0, take_variable, flush);
	}
	if (rc >= 0 && strcmp(flush, "1") != 0 && !atomic_exchange(&is_logged, true)) {
		log_warning(
			"store: %s: innodb_flush_log_at_trx_commit = %s: acknowledged readings can be lost when the "
			"power fails; set it to 1",
			m->server, flush);
	}
	return rc;
}

static int set_session(struct store *s)
{
	struct mariadb *m = s->db;
	int64_t packet = 0;
	int rc = mariadb_query(s,
			       "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
			       "time_zone = '+00:00', autocommit = 1, innodb_lock_wait_timeout = 3",
			       NULL, 0, NULL, NULL);

	if (rc >= 0) {
		rc = mariadb_query(s, "SELECT @@max_allowed_packet", NULL, 0, take_packet, &packet);
	}
	if (rc >= 0) {
		rc = check_server(s);
	}
	if (rc < 0) {
		return rc;
	}
	if (packet < PACKET_MIN) {
		return store_fail(s, STORE_UNUSABLE,
				  "%s: max_allowed_packet is %" PRId64 ": set it to 16M", m->server,
				  packet);
	}
	m->packet_max = packet > PACKET_MAX ? PACKET_MAX : (size_t)packet - 1024;
	return 0;
}

static int connect_to(struct store *s, const char *host, unsigned port)
{
	const unsigned connect_s = CONNECT_TIMEOUT_S, io_s = IO_TIMEOUT_S;
	const unsigned protocol = host != NULL ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
	const struct store_config *c = &s->config;
	struct mariadb *m = calloc(1, sizeof(*m));
	char password[256];
	int rc = read_password(s, password, sizeof(password));

	if (m == NULL || rc < 0) {
		free(m);
		return rc < 0 ? rc : store_fail(s, STORE_DOWN, "out of memory");
	}
	s->db = m;
	mysql_init(&m->mysql);
	mysql_options(&m->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_options(&m->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	mysql_options(&m->mysql, MYSQL_OPT_READ_TIMEOUT, &io_s);
	mysql_options(&m->mysql, MYSQL_OPT_WRITE_TIMEOUT, &io_s);
	mysql_options(&m->mysql, MYSQL_OPT_PROTOCOL, &protocol);
	if (host != NULL) {
		snprintf(m->server, sizeof(m->server), "%s:%u", host, port);
		rc = set_tls(s, host);
	} else {
		snprintf(m->server, sizeof(m->server), "%s", c->socket);
	}
	if (rc >= 0 && mysql_real_connect(&m->mysql, host, c->user, password, c->database, port,
					  c->socket, 0) == NULL) {
		rc = failed(s);
	}
	explicit_bzero(password, sizeof(password));
	if (rc >= 0 && host != NULL && c->tls && c->tls_ca != NULL &&
	    mysql_get_ssl_cipher(&m->mysql) == NULL) {
		rc = store_fail(s, STORE_UNUSABLE,
				"%s: the database did not encrypt the connection", m->server);
	}
	return rc < 0 ? rc : set_session(s);
}

static void mariadb_close(struct store *s)
{
	struct mariadb *m = s->db;

	mysql_close(&m->mysql);
	free(m->sql);
	free(m);
	s->db = NULL;
	s->host++; /* whatever the failure was, the next host may not have it */
}

static int mariadb_open(struct store *s)
{
	char host[128] = "";
	unsigned port = PORT, n;
	int rc = STORE_DOWN;

	if (s->config.socket != NULL) {
		return connect_to(s, NULL, 0);
	}
	n = s->config.hosts == NULL
		    ? 0
		    : pick_host(s->config.hosts, UINT_MAX, host, sizeof(host), &port);
	if (n == 0) {
		return store_fail(s, STORE_UNUSABLE,
				  "no database is named: set store.socket or store.hosts");
	}
	for (unsigned tried = 0; tried < n; tried++) {
		pick_host(s->config.hosts, s->host % n, host, sizeof(host), &port);
		rc = connect_to(s, host, port);
		if (rc >= 0 || rc == STORE_UNUSABLE) {
			break;
		}
		if (s->db != NULL) {
			mariadb_close(s);
		}
	}
	return rc;
}

const struct store_backend store_mariadb = {
	.keep = "ON DUPLICATE KEY UPDATE created_us = created_us",
	.keep_lease = "ON DUPLICATE KEY UPDATE until_us = until_us",
	.has_schema = "SELECT COUNT(*) FROM information_schema.tables WHERE "
		      "table_schema = DATABASE() AND table_name = 'schema_migrations'",
	/* GET_LOCK does not span Galera nodes; there idempotent statements must suffice. */
	.lock = "SELECT GET_LOCK('geotherm schema', 5)",
	.unlock = "DO RELEASE_LOCK('geotherm schema')",
	.abandon = "DO RELEASE_LOCK('geotherm schema')",
	.begin = "START TRANSACTION",
	.lock_row = "FOR UPDATE",
	.by_key = "FORCE INDEX (PRIMARY)",
	.migrations = migrations_mariadb,
	.migrations_count = &migrations_mariadb_count,
	.open = mariadb_open,
	.close = mariadb_close,
	.query = mariadb_query,
	.insert = mariadb_insert,
};
