/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uplink: the outbox's readings to a server, by CON POST over a DTLS session that is kept, several
 * in flight when there is a backlog; the next server when one fails.
 *
 * uplink_plan decides what goes when and where; this is the edge: libcoap and the outbox. All calls
 * on one thread, the only one that may touch libcoap.
 */
#ifndef NODE_UPLINK_H
#define NODE_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "node_config.h"
#include "outbox.h"

struct uplink;

struct uplink_stats {
	const char *state; /* "closed", "connecting", "connected", "waiting" (to try again); "off"
			    */
	uint64_t retry_ns; /* waiting: until then */
	const char *server; /* the URI in use */
	const char *servers[NODE_SERVERS_MAX];
	unsigned n_servers;
	unsigned in_flight; /* requests */
	uint64_t sent; /* readings confirmed */
	uint64_t requests;
	uint64_t failures; /* requests that a server refused or did not answer */
	uint64_t last_sent_ns; /* 0: never */
	int64_t certificate_not_after_s; /* UTC; 0: not known */
	const char *credentials_error; /* of node_uplink: why files cannot be used; NULL: they can
					*/
	const char *exposed; /* of node_uplink: a key that every user can read; NULL: none */
	const char *last_error; /* "" none; valid until the next call */
	uint64_t last_error_ns;
};

/*
 * Checks the credentials (their dates by utc_s if it is > 0), connects nothing. NULL on failure:
 * *code is -EKEYREJECTED for credentials, else -EINVAL or -ENOMEM, and err is one line. config is
 * borrowed for the life of the uplink; it must have a server. device: of this node; a certificate
 * for another one is logged.
 */
struct uplink *uplink_open(const struct node_config *config, const char *device, int64_t utc_s,
			   int *code, char *err, size_t err_size);
void uplink_close(struct uplink *u);

/* The time now, for the dates of the servers' certificates; see coaps_client_set_utc(). */
void uplink_set_utc(struct uplink *u, int64_t utc_s);

/* For epoll: readable when uplink_process() has work. */
int uplink_fd(const struct uplink *u);

/*
 * Runs what is due. 1 with the server's time in *time, for the clock; else 0, or an error of the
 * outbox. needs_time: the clock has none.
 */
int uplink_process(struct uplink *u, struct outbox *outbox, bool needs_time, uint64_t now_ns,
		   struct clock_stamp *time);
/*
 * When to call again if the descriptor stays quiet: UINT64_MAX if only for new readings.
 */
uint64_t uplink_deadline_ns(const struct uplink *u, uint64_t now_ns);

void uplink_stats(const struct uplink *u, struct uplink_stats *stats);

#endif
