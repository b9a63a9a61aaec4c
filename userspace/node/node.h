/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node: the event loop that joins sensors, outbox and uplink.
 *
 *   sensors ─ results, fixes ─▶ sampler ─ reading ─▶ outbox ─ packs ─▶ uplink
 *                └─ fixes ─▶ clock ◀─ NTP, /time ─────────────────────┘
 *
 * One thread (the thermometers and the outbox's flush have one each), one epoll, deadlines in
 * CLOCK_BOOTTIME.
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "node_config.h"

/* Exit codes of geotherm-node. */
enum node_exit {
	NODE_OK = 0, /* after SIGTERM or SIGINT */
	NODE_RUNTIME = 1, /* a fault while running */
	NODE_CONFIG = 2, /* option or configuration */
	NODE_CREDENTIAL = 3, /* a certificate, key or CA that cannot be used */
	NODE_OUTBOX = 5, /* an outbox that cannot be opened */
};

/* The exit code for an error of [server]: see node_check_server(), uplink_open(). */
int node_exit_of(int error);

/*
 * Runs until SIGTERM or SIGINT, or a fault: an exit code. Logs what went wrong. Once in a process.
 *
 * SIGHUP loads the source again, all or nothing: a wrong configuration or credential, or a change
 * that needs a restart ([w1], [gnss], [outbox], the device), is logged and the old ones stay in
 * use. Else *config is the new one, and a new session is opened with the new credentials. No
 * reading is lost.
 */
int node_run(struct node_config *config, const struct config_source *source);

#endif
