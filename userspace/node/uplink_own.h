/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uplink_own: what uplink.c (requests and answers) and uplink_check.c (compares numbers with the
 * server's, sends again what it lost) share. Theirs only.
 */
#ifndef NODE_UPLINK_OWN_H
#define NODE_UPLINK_OWN_H

#include "uplink.h"
#include "uplink_pack.h"
#include "uplink_plan.h"
#include "userspace/coaps/coaps_client.h"
#include "userspace/reading/gap_list.h"

#define NS_PER_S UINT64_C(1000000000)

/* Retry of /time or /gaps with a server that does not have it */
#define RETRY_NS (600 * NS_PER_S)

enum kind { KIND_NONE, KIND_TIME, KIND_CHECK, KIND_GAPS, KIND_PACK, KIND_COUNT };

struct server {
	const char *uri; /* the configuration's */
	char path[256];
	struct coaps_client *client;
	bool checked; /* its numbers were compared with ours since its last failure */
	uint64_t epoch, complete, complete_ns; /* of its highest acknowledgement, and when it came
						*/
	char last_logged[KIND_COUNT][160]; /* failure of each kind; "": none since it succeeded */
};

struct request {
	struct uplink *uplink;
	enum kind kind; /* KIND_NONE: this one is free */
	struct uplink_attempt attempt;
	struct server *server;
	uint64_t epoch, first, last; /* a pack */
};

struct uplink {
	const struct node_config *config;
	int epoll;
	struct server servers[NODE_SERVERS_MAX];
	struct uplink_plan plan;
	struct uplink_pack pack; /* the newest */
	struct request requests[COAPS_REQUESTS_MAX];
	unsigned in_flight;
	struct outbox_sent sent; /* no pack begins in here while any is in flight */
	bool time_pending, gaps_pending, check_pending;
	uint64_t time_not_before_ns, gaps_not_before_ns, check_not_before_ns, began_ns;
	struct outbox_gap gaps[UPLINK_GAPS_MAX]; /* in flight */
	unsigned n_gaps;
	struct outbox_range missing[GAP_LIST_MAX]; /* what the first server has lost, and is kept
						    * here
						    */
	unsigned n_missing, missing_at; /* the next */
	uint64_t resend_not_before_ns, resent; /* of them, readings */
	char device[READING_DEVICE_SIZE];
	const struct server *serving; /* acknowledged readings, and logged as that */

	/* of this turn: for the callbacks */
	struct outbox *outbox;
	uint64_t now_ns;
	struct clock_stamp *time;
	bool has_time;
	int rc; /* first error of the outbox */

	struct uplink_stats stats;
	char last_error[1100];
};

/* of uplink.c */

/* The answer in printable ASCII, for log and status. */
void uplink_explain(const struct request *r, const struct coaps_response *answer, char *text,
		    size_t size);
/* Reports it with what the plan does next. */
void uplink_server_failed(struct uplink *u, const struct request *r, const char *why);
/* Gives the plan the answer. False: it is not 2.04, which is reported unless one before it was. */
bool uplink_is_confirmed(struct uplink *u, const struct request *r,
			 const struct coaps_response *answer);
void uplink_keep_error(struct uplink *u, int rc);
struct request *uplink_free_slot(struct uplink *u);
/* To the server in use. slot->kind and what belongs to it are set. */
void uplink_send_request(struct uplink *u, struct request *slot, unsigned n,
			 const struct coaps_request *request);
void uplink_send_get(struct uplink *u, struct request *slot, const char *path);

/* of uplink_check.c */

/*
 * An acknowledgement that goes back behind one that came before its request was sent: the database
 * was restored from a backup, and is asked what it has.
 */
void uplink_note_complete(const struct request *r, const struct coaps_response *answer,
			  uint64_t now_ns);
void uplink_on_check_answer(struct uplink *u, const struct request *r,
			    const struct coaps_response *answer);
/* Before anything else is sent: 1, 0 if there is nothing to send, or an error of the outbox. */
int uplink_send_check(struct uplink *u);
/* What the server has lost waits again, some at a time: 1, 0 if there is none now, or an error. */
int uplink_resend(struct uplink *u);

#endif
