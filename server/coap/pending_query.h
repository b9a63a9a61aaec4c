/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pending_query: a request that the store answers (GET, DELETE, PUT of settings), from the handler
 * to the answer. An observer's later reads go the same way. Peers (coaps_peer_of()) take turns: one
 * query of each is with the store, the others of the same peer wait here.
 *
 * Threads: the loop's.
 */
#ifndef PENDING_QUERY_H
#define PENDING_QUERY_H

#include "blockwise.h"
#include "observers.h"
#include "server/ingest/queries.h"

/* What all pending queries of a server share. */
struct pending_queries {
	struct queries *queries;
	struct pending_query *first; /* all, in the order of their arrival */
	struct transfers bodies; /* kept for their readers */
	struct observers observers;
	uint64_t refused; /* counted: too many wait */
};

/* shared: as in routes.h. Must not move from now on. */
void pending_queries_init(struct pending_queries *p, struct queries *queries, bool shared);
/* After queries has stopped. */
void pending_queries_free(struct pending_queries *p);

/*
 * In a handler: submits the query, and the response stays silent; or the response is an error.
 * Takes settings (malloc'ed, QUERY_SET_DEVICE), else NULL.
 */
void pending_query_submit(struct pending_queries *p, const struct query *query,
			  struct store_device *settings, coap_session_t *session,
			  const coap_pdu_t *request, coap_pdu_t *response);

#endif
