/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * metrics: GET /metrics (OpenMetrics) and /health by HTTP, on an address of this machine only.
 *
 * /health is 200 and "ok" while the store accepts readings, else 503 and why. HTTP is
 * libmicrohttpd's, without a thread of its own.
 *
 * Threads: the loop's.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stddef.h>

#include "server/ingest/ingest.h"
#include "server/coap/routes.h"

struct metrics;

struct metrics_config {
	const char *listen; /* "127.0.0.1:9684" or "[::1]:9684": loopback, nothing else */
	struct ingest *ingest;
	const struct coaps_server *coaps;
	const struct routes *routes;
};

/* NULL with err: no address, not loopback (-EINVAL in *code), taken (-EADDRINUSE). */
struct metrics *metrics_start(const struct metrics_config *config, int *code, char *err,
			      size_t err_size);
int metrics_fd(const struct metrics *m); /* readable when metrics_process() has work; -1 for NULL */
void metrics_process(struct metrics *m);
void metrics_stop(struct metrics *m); /* accepts NULL */

#endif
