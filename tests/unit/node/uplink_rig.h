/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uplink_rig: an outbox, an uplink, and servers on plain sockets that answer what each test wants.
 * (What DTLS adds is in the end-to-end tests.)
 */
#ifndef UPLINK_RIG_H
#define UPLINK_RIG_H

#include <stdio.h>

#include "tests/unit/coaps/coap_peer.h"
#include "time/now.h"
#include "userspace/coaps/coaps_client.h"
#include "userspace/node/system_facts.h"
#include "userspace/node/uplink.h"
#include "userspace/reading/senml.h"

#define S UINT64_C(1000000000)
#define PATIENCE_S 30

#define SILENT 0
#define HUGE_ANSWER 2 /* 2.04 with the first block of 4 GB */
#define BINARY 3 /* 4.03 with a diagnostic that is no text */
#define NONSENSE \
	1 /* bytes that are no CoAP, then a right answer with a wrong token, then a reset */

extern struct uplink_rig {
	char dir[64], path[96], uri[64];
	struct node_config config;
	struct outbox *outbox;
	struct uplink *uplink;
	int fd;
	uint16_t port;
	uint64_t skew_ns; /* the uplink is told a time this much later than it is */
	/* the server */
	uint8_t code; /* of the next answers to a POST */
	uint64_t poison; /* a pack with this seq is refused with 4.00 */
	uint64_t taken_epoch; /* a pack with seq 1 to taken of it is answered 4.09 */
	uint64_t taken;
	int max_age_s; /* -1: none */
	const char *time; /* what /time says; NULL: 4.04 */
	bool hold; /* a POST is not answered, but kept */
	struct coap_message held[COAPS_REQUESTS_MAX];
	struct sockaddr_in held_from;
	unsigned n_held, most_held;
	const char *report; /* of GET /gaps, EPOCH is the outbox's; NULL: it has none */
	uint8_t check_code; /* of that answer; 0: 2.05 */
	unsigned posts, gets, gap_posts, checks;
	char gaps[600]; /* the newest body of a POST to /gaps */
	uint8_t gap_code; /* its answer; 0: as code */
	unsigned sizes[64]; /* readings in each pack */
	uint8_t stored[256]; /* by seq: how often */
	/* another server, which stores all and says so */
	int other_fd;
	uint16_t other_port;
	unsigned other_posts;
	/* what came of it */
	bool disk_full; /* the outbox may fail */
	unsigned outbox_errors; /* of uplink_process() */
	FILE *log; /* NULL: standard error */
	int log_was;
	struct clock_stamp stamp;
	unsigned stamps;
} t;

uint64_t rig_now_ns(void);

void listen_again(void);

/* Opens the uplink again, with more settings. */
void open_with(const char *second, const char *third);

int rig_setup(void **state);

/* The log goes into a file from here on, for log_lines(). */
void catch_log(void);

/* How many lines have that text in them. */
unsigned log_lines(const char *text);

int rig_teardown(void **state);

void rig_put(unsigned n);

struct outbox_stats outbox(void);

struct uplink_stats uplink(void);

/* One turn of the event loop, of node and server. Returns how long it waited, in ms. */
int rig_turn(bool needs_time);

#define UNTIL_NEEDING(needs_time, condition)                       \
	do {                                                       \
		uint64_t give_up = now_boot_ns() + PATIENCE_S * S; \
		while (!(condition)) {                             \
			rig_turn(needs_time);                      \
			if (now_boot_ns() > give_up) {             \
				fail_msg("in vain: " #condition);  \
			}                                          \
		}                                                  \
	} while (0)
#define UNTIL(condition) UNTIL_NEEDING(false, condition)

#endif
