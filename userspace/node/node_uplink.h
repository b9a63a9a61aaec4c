/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node_uplink: the node's uplink, as far as certificate, key and CA allow one.
 *
 * Files that cannot be used (missing, unreadable, expired, not yet valid) never stop the node: it
 * measures into the outbox, the cause is logged once, and the files are checked again every
 * [server] retry_max, as their dates are when the clock is set. Files that were replaced are used
 * without a restart; while the new ones cannot be used, the old ones stay in use.
 *
 * All calls on the thread of the uplink.
 */
#ifndef NODE_NODE_UPLINK_H
#define NODE_NODE_UPLINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "node_config.h"
#include "uplink.h"

/* Which version of certificate, key and CA this is: all 0 where there is no file. */
struct credential_files {
	struct credential_file {
		dev_t device;
		ino_t inode;
		off_t size;
		mode_t mode;
		struct timespec changed;
	} file[3];
};

struct node_uplink {
	const struct node_config *config;
	const char *device;
	struct uplink *uplink; /* NULL: no server is configured, or the files cannot be used */
	struct credential_files files; /* the newest that were checked */
	uint64_t due_ns; /* of the next check; UINT64_MAX: never */
	int64_t not_after_s; /* of a certificate that cannot be used; 0: not known */
	char error[512]; /* why files cannot be used; "": they can */
	uint64_t error_ns;
	int logged_days; /* left to the certificate, as last logged; INT_MIN: not */
	char exposed[512]; /* coaps_credentials_exposed(); "" */
};

/*
 * Begins, or begins again after node_uplink_close(). config and device are borrowed until that. 0;
 * or -EINVAL for a URI, a cipher, or a device that the format cannot name: logged, and there is
 * nothing to close. utc_s: the best time that is known; 0: none.
 */
int node_uplink_open(struct node_uplink *n, const struct node_config *config, const char *device,
		     int64_t utc_s, uint64_t now_ns);
void node_uplink_close(struct node_uplink *n);

/* Checks the files if it is time. True: n->uplink is another one, with statistics that begin at 0.
 */
bool node_uplink_check(struct node_uplink *n, int64_t utc_s, uint64_t now_ns);
/* The clock was set or stepped. */
void node_uplink_set_utc(struct node_uplink *n, int64_t utc_s, uint64_t now_ns);

/* Of the uplink; its state is "no-credentials" where the files cannot be used, "off" without a
 * server.
 */
void node_uplink_stats(const struct node_uplink *n, struct uplink_stats *stats);

/*
 * Days left to the certificate, negative since it has expired; INT_MIN: not known. From 30 days on
 * the log has a warning each day. now: of the node's clock.
 */
int node_uplink_days(struct node_uplink *n, const struct clock_stamp *now);

#endif
