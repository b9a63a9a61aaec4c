/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uplink: the outbox's readings to a server, by CON POST over a DTLS session that is kept, several
 * under way when there is a backlog; the next server when one fails.
 *
 * What goes when and where is uplink_plan's; this is the edge: libcoap and the outbox. Everything
 * runs on the caller's event loop and thread, the only one that may touch libcoap.
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
	unsigned in_flight; /* requests under way */
	uint64_t sent; /* readings confirmed */
	uint64_t requests;
	uint64_t failures; /* times that a server did not serve, or refused a pack */
	uint64_t last_sent_ns; /* 0: never */
	int64_t certificate_not_after_s; /* UTC; 0: not known */
	const char *last_error; /* "" none; valid until the next call */
	uint64_t last_error_ns;
};

/*
 * Checks the credentials (their dates if utc_s > 0), connects nothing. NULL on failure: *code is
 * -EKEYREJECTED for credentials, else -EINVAL or -ENOMEM, and err is one line. config is borrowed
 * for the life of the uplink; it must have a server. device: of this node; told to the log if the
 * certificate is for another.
 */
struct uplink *uplink_open(const struct node_config *config, const char *device, int64_t utc_s,
			   int *code, char *err, size_t err_size);
void uplink_close(struct uplink *u);

/* For epoll: readable when uplink_process() has work. */
int uplink_fd(const struct uplink *u);

/*
 * Does what is due. Returns 1 if the server told the time, which is then in *time: feed it to the
 * clock; else 0; or an error of the outbox. needs_time: the clock has none.
 */
int uplink_process(struct uplink *u, struct outbox *outbox, bool needs_time, uint64_t now_ns,
		   struct clock_stamp *time);
/*
 * When to call again if the descriptor says nothing: UINT64_MAX if only when there is something new
 * to send.
 */
uint64_t uplink_deadline_ns(const struct uplink *u, uint64_t now_ns);

void uplink_stats(const struct uplink *u, struct uplink_stats *stats);

#endif
