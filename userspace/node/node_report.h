/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node_report: what a running node reports of itself: the status file, the state for systemd,
 * the answers on its socket (control.h).
 */
#ifndef NODE_NODE_REPORT_H
#define NODE_NODE_REPORT_H

#include <stdint.h>

struct node;

/* Writes the status and the newest position, and notifies systemd. Logs a write that fails, once.
 */
void node_report_status(struct node *n, uint64_t now_ns);

/* Answers a request, if there is one. Never blocks. */
void node_report_answer(struct node *n, uint64_t now_ns);

#endif
