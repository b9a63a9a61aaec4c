// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* open_memstream */
#include "metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 16
#define IDLE_S 10

struct metrics {
	struct MHD_Daemon *daemon;
	struct metrics_config config;
};

/* --- metrics -------------------------------------------------------------- */

static void put(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	/* A counter's sample ends in _total, its family's name does not. */
	fprintf(out, "# HELP geotherm_%s %s\n# TYPE geotherm_%s %s\ngeotherm_%s%s %" PRIu64 "\n",
		name, help, name, type, name, strcmp(type, "counter") == 0 ? "_total" : "", value);
}

static char *metrics_text(const struct metrics *m)
{
	struct ingest_counts c = ingest_counts(m->config.ingest);
	struct coaps_server_counts s = coaps_server_counts(m->config.coaps);
	struct routes_counts r = routes_counts(m->config.routes);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL) {
		return NULL;
	}
	fprintf(out,
		"# HELP geotherm_build The program that is running.\n# TYPE geotherm_build info\n"
		"geotherm_build_info{version=\"" GEOTHERM_VERSION "\"} 1\n");
	put(out, "store_up", "gauge", "Whether the last attempt to store readings succeeded.",
	    !c.down);
	put(out, "readings_received", "counter", "Readings in answered requests.", c.readings);
	put(out, "readings_stored", "counter", "Readings that were new.", c.stored);
	put(out, "readings_duplicate", "counter", "Readings that were there already.",
	    c.duplicates);
	put(out, "readings_conflict", "counter",
	    "Readings refused: their number already has other content.", c.conflicts);
	put(out, "requests_refused", "counter",
	    "Requests whose content the database always refuses.", c.refused);
	put(out, "requests_unstored", "counter", "Requests answered 5.03, as the store was down.",
	    c.failures);
	put(out, "commits", "counter", "Transactions on disk.", c.batches);
	put(out, "gaps_reported", "counter", "Ranges that nodes reported as lost.", c.gaps);
	put(out, "queue_readings", "gauge", "Readings that wait for their commit or are in it.",
	    ingest_queued(m->config.ingest));
	put(out, "sessions", "gauge", "Clients' DTLS sessions.", s.sessions);
	put(out, "sessions_displaced", "counter",
	    "Sessions that ended for a further one of the same client.", s.displaced);
	put(out, "handshakes_unfinished", "counter",
	    "Handshakes that gave way to others, or took too long.", s.unfinished);
	put(out, "bodies_displaced", "counter",
	    "Transfers in blocks that ended for a limit of bytes or number.", r.bodies_displaced);
	put(out, "queries_refused", "counter", "Reads answered 5.03: too many of one client.",
	    r.queries_refused);
	put(out, "observations_refused", "counter",
	    "Observations answered once: too many of one client, or of all.",
	    r.observations_refused);
	put(out, "observers", "gauge", "Clients that are notified of changes.", r.observers);
	fputs("# EOF\n", out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* --- HTTP ----------------------------------------------------------------- */

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *type,
			     char *text, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text, mode);
	enum MHD_Result rc;

	if (response == NULL) {
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	}
	rc = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return rc;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	static char ok[] = "ok\n", down[] = "the store is down\n",
		    no_path[] = "expected /metrics or /health\n", no_method[] = "GET only\n";
	static const char plain[] = "text/plain; charset=utf-8";
	const struct metrics *m = arg;
	char *text;

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)state;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		return reply(connection, MHD_HTTP_METHOD_NOT_ALLOWED, plain, no_method,
			     MHD_RESPMEM_PERSISTENT);
	}
	if (strcmp(url, "/health") == 0) {
		bool is_down = ingest_counts(m->config.ingest).down;

		return reply(connection, is_down ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK,
			     plain, is_down ? down : ok, MHD_RESPMEM_PERSISTENT);
	}
	if (strcmp(url, "/metrics") != 0) {
		return reply(connection, MHD_HTTP_NOT_FOUND, plain, no_path,
			     MHD_RESPMEM_PERSISTENT);
	}
	text = metrics_text(m);
	return text == NULL ? MHD_NO
			    : reply(connection, MHD_HTTP_OK,
				    "application/openmetrics-text; version=1.0.0; charset=utf-8",
				    text, MHD_RESPMEM_MUST_FREE);
}

/* --- interface ------------------------------------------------------------ */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool parse(const char *text, union address *out)
{
	char host[64];
	unsigned port;
	int end = 0;

	memset(out, 0, sizeof(*out));
	if (sscanf(text, "[%63[0-9a-f:]]:%5u%n", host, &port, &end) == 2 && text[end] == '\0' &&
	    port <= 65535 && inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons((uint16_t)port);
		return IN6_IS_ADDR_LOOPBACK(&out->v6.sin6_addr);
	}
	if (sscanf(text, "%63[0-9.]:%5u%n", host, &port, &end) == 2 && text[end] == '\0' &&
	    port <= 65535 && inet_pton(AF_INET, host, &out->v4.sin_addr) == 1) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons((uint16_t)port);
		return ntohl(out->v4.sin_addr.s_addr) >> 24 == 127;
	}
	return false;
}

struct metrics *metrics_start(const struct metrics_config *config, int *code, char *err,
			      size_t err_size)
{
	struct metrics *m = calloc(1, sizeof(*m));
	union address address;

	*code = -ENOMEM;
	if (m == NULL) {
		snprintf(err, err_size, "out of memory");
		return NULL;
	}
	if (!parse(config->listen, &address)) {
		snprintf(
			err, err_size,
			"[server] metrics = %s: expected a loopback address with its port, such as 127.0.0.1:9684 "
			"or [::1]:9684",
			config->listen);
		*code = -EINVAL;
		free(m);
		return NULL;
	}
	m->config = *config;
	errno = 0;
	m->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | (address.any.sa_family == AF_INET6 ? MHD_USE_IPv6 : 0), 0, NULL,
		NULL, handle, m, MHD_OPTION_SOCK_ADDR, &address.any, MHD_OPTION_CONNECTION_LIMIT,
		CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_END);
	if (m->daemon == NULL) {
		*code = errno != 0 ? -errno : -EADDRNOTAVAIL;
		snprintf(err, err_size, "[server] metrics = %s: %s", config->listen,
			 strerror(-*code));
		free(m);
		return NULL;
	}
	return m;
}

int metrics_fd(const struct metrics *m)
{
	const union MHD_DaemonInfo *info =
		m == NULL ? NULL : MHD_get_daemon_info(m->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	return info == NULL ? -1 : info->epoll_fd;
}

void metrics_process(struct metrics *m)
{
	MHD_run(m->daemon);
}

void metrics_stop(struct metrics *m)
{
	if (m != NULL) {
		MHD_stop_daemon(m->daemon);
		free(m);
	}
}
