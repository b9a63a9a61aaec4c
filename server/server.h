/* SPDX-License-Identifier: BSD-2-Clause */
/* server: the parts of a running server, their start, loop and stop. Threads: the loop's. */
#ifndef SERVER_H
#define SERVER_H

#include "options.h"
#include "server/coap/routes.h"
#include "server/http/metrics.h"
#include "server/ingest/ingest.h"
#include "server/ingest/queries.h"
#include "server/ingest/retention.h"
#include "userspace/coaps/coaps_server.h"

struct server {
	const struct server_options *options;
	struct server_config *config;
	struct coaps_server *coaps;
	struct store *ingest_store, *queries_store, *short_queries_store;
	struct ingest *ingest;
	struct queries *queries;
	struct retention retention;
	struct routes *routes;
	struct metrics *metrics;
	int signals;
};

/*
 * The server is ready when it returns EXIT_OK; else the exit code, with the reason in the log.
 * options and config are the caller's and must last; a reload changes *config. server_stop() in any
 * case.
 */
int server_start(struct server *s, const struct server_options *options,
		 struct server_config *config);
/* Until SIGTERM or SIGINT. The exit code. */
int server_run(struct server *s);
/* Stores and answers queued readings, then ends. */
void server_stop(struct server *s);

/* Checks whatever could prevent a start; starts nothing. An exit code. */
int server_check(const struct server_config *config);

/* Borrows the config's strings. */
struct coaps_credentials server_credentials(const struct server_config *config);

/* Logs a key that every user of this machine can read. */
void server_warn_exposed(const struct server_config *config);

#endif
