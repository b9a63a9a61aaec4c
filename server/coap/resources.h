/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resources: what the server shows over CoAP, and who may ask for it.
 *
 *	POST   /gpsflowtemp                            a SenML pack (112, 110) or the older
 *program's text (0 or none) GET    /gpsflowtemp                            the newest reading of
 *each device GET    /gpsflowtemp/{device}?from=&to=&limit=  a track; with Accept 50 what is said of
 *the device (device_json.h) PUT    /gpsflowtemp/{device}                   says it (operators);
 *If-Match and If-None-Match DELETE /gpsflowtemp/{device}                   removes all its
 *readings; the holes are explained GET    /gpsflowtemp/{device}/{epoch}.{seq}     one reading;
 *epoch in 16 hex digits PUT    /gpsflowtemp/{device}/{epoch}.{seq}     stores it, as POST does
 *	DELETE /gpsflowtemp/{device}/{epoch}.{seq}     removes it and remembers the hole
 *	GET    /gaps/{device}                          JSON (gaps_report.h)
 *	POST   /gaps/{device}                          what will never come
 *(userspace/reading/gap_list.h) GET    /time                                   UTC in us, decimal
 *text
 *
 * Readings are given as SenML in CBOR, or in JSON if Accept says 110. Whatever asks the store is
 *answered later, when ingest_collect() or reads_collect() is called.
 *
 * Threads: the loop's.
 */
#ifndef RESOURCES_H
#define RESOURCES_H

#include "server/ingest/ingest.h"
#include "server/peers.h"
#include "server/ingest/reads.h"
#include "userspace/coaps/coaps_server.h"

struct resources_config {
	struct coaps_server *coaps;
	enum coaps_client_auth client_auth;
	struct ingest *ingest;
	struct reads *reads;
	int64_t retention_days; /* of what nothing else is said; 0: for ever */
	bool keeps_all; /* another worker removes what is too old */
	const struct peers *peers; /* the other workers, or NULL */
};

/* Registers all. NULL without memory. */
struct resources *resources_new(const struct resources_config *config);
void resources_set_retention(struct resources *r, int64_t days);
/* To be called after each turn of the loop. Returns in how many ms at the latest again; -1: no
 * matter when. */
int resources_tick(struct resources *r);
/* When peers_fd() is readable: other workers have stored something. */
void resources_hear(struct resources *r);
unsigned resources_observers(const struct resources *r); /* who are told of changes */
/* After ingest and reads have stopped. Accepts NULL. */
void resources_free(struct resources *r);

#endif
