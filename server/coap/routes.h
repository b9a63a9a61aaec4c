/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * routes: the paths that the server has over CoAP, and which function handles each.
 *
 *	POST   /gpsflowtemp                         a SenML pack (112, 110) or the legacy client's
 *	                                            text (0 or none)
 *	GET    /gpsflowtemp                         the newest reading of each device
 *	GET    /gpsflowtemp/{device}?from=&to=&limit=&fields=
 *	                                            a track; with Accept 50 the label and settings
 *	                                            of the device (device_json.h)
 *	PUT    /gpsflowtemp/{device}                sets these (operators); If-Match, If-None-Match
 *	DELETE /gpsflowtemp/{device}                removes all its readings and notes the holes
 *	GET    /gpsflowtemp/{device}/{epoch}.{seq}  one reading; epoch in 16 hex digits
 *	PUT    /gpsflowtemp/{device}/{epoch}.{seq}  stores it, as POST does
 *	DELETE /gpsflowtemp/{device}/{epoch}.{seq}  removes it and notes the hole
 *	GET    /gaps/{device}                       JSON (gaps_report.h)
 *	POST   /gaps/{device}                       numbers that will never come (gap_list.h)
 *	GET    /time                                UTC in us, decimal text
 *
 * Readings are SenML in CBOR, or in JSON if Accept is 110. What needs the store is answered later,
 * from ingest_collect() or queries_collect().
 *
 * Threads: the loop's.
 */
#ifndef ROUTES_H
#define ROUTES_H

#include "server/ingest/ingest.h"
#include "server/ingest/queries.h"
#include "userspace/coaps/coaps_server.h"

struct routes_config {
	struct coaps_server *coaps;
	enum coaps_client_auth client_auth;
	struct ingest *ingest;
	struct queries *queries;
	bool shared; /* other servers write into the same database: observers learn of that too */
};

/* Registers all routes. NULL without memory. To be freed before the objects of the config. */
struct routes *routes_new(const struct routes_config *config);
/* After each turn of the loop. Returns in how many ms at the latest again; -1: no matter when. */
int routes_tick(struct routes *r);

struct routes_counts {
	unsigned observers; /* clients that are notified of changes */
	uint64_t observations_refused, queries_refused; /* too many, of one client or of all */
	uint64_t bodies_displaced; /* transfers in blocks that ended for a limit */
};
struct routes_counts routes_counts(const struct routes *r);
/* After ingest and queries have stopped, before the coaps server. Accepts NULL. */
void routes_free(struct routes *r);

#endif
