/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parts: the thermometers and the receiver of this node, real or simulated, and what to say about
 * them.
 *
 * A part that is missing is no failure: the node goes on with what it has and tries again; the
 * reason is in the log once, in the status and in every reading's note. Simulated parts are taken
 * only where the configuration says so, and only in place of a part that was never there in this
 * process's life.
 *
 * Threads: all calls on one thread.
 */
#ifndef NODE_PARTS_H
#define NODE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpio-w1/thermometers.h"
#include "node_config.h"
#include "ubx/gnss_fix.h"
#include "ubx/ubx_assist.h"

struct parts;

/*
 * NULL with err if memory or descriptors run out. config is borrowed for the life of parts. known:
 * a place to tell the receiver of, or NULL.
 */
struct parts *parts_open(const struct node_config *config, const struct ubx_assist *known,
			 uint64_t now_ns, char *err, size_t err_size);
/* Leaves bus and port released; NULL is accepted. */
void parts_close(struct parts *p);

/* For epoll: readable when a result or a fix may wait. The same for the life of p. */
int parts_fd(const struct parts *p);
/*
 * Does what is due: missing parts are tried again, or simulated. Call after each event and at the
 * deadline.
 */
void parts_check(struct parts *p, uint64_t now_ns);
uint64_t parts_deadline_ns(const struct parts *p);

bool parts_has_bus(const struct parts *p);
/* Does a cycle run whose result is still to be taken? */
bool parts_is_measuring(const struct parts *p);
/* Starts a cycle of the thermometers: 0 or a negative errno. */
int parts_start_cycle(struct parts *p, uint64_t now_ns);
/* 1 and *result, or 0. */
int parts_take_result(struct parts *p, struct thermometers_result *result, uint64_t now_ns);

/*
 * How many new fixes; *fix is the newest, NULL if there is none or it is stale; valid until the
 * next call.
 */
int parts_take_fix(struct parts *p, const struct gnss_fix **fix);
/*
 * What went wrong with the receiver since the last call: checksums, refusals, time-outs, missed
 * epochs.
 */
uint32_t parts_receiver_errors(struct parts *p);

/* For a reading: what is simulated, what is missing and why. "" if all is well. */
void parts_note(const struct parts *p, char *note, size_t size);

/* For the status; never NULL. */
const char *parts_bus_name(const struct parts *p); /* "userspace", "kernel", "simulated", "none" */
const char *parts_bus_reason(const struct parts *p);
const char *parts_receiver_name(const struct parts *p); /* the port, "simulated", "none" */
const char *parts_receiver_state(const struct parts *p); /* "no-port", "probing", "configuring",
							    "ready", "none" */
const char *parts_receiver_reason(const struct parts *p);
const char *parts_receiver_identity(const struct parts *p);

#endif
