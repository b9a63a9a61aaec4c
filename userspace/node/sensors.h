/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sensors: the thermometers and the receiver of this node, real or simulated.
 *
 * A missing one is no failure: the node goes on with what it has and tries again; the reason is
 * logged once, and stands in the status and in the note of every reading. Simulated ones are used
 * only where the configuration has it, and only in place of one that this node never met; such
 * stand-ins enter no list.
 *
 * Threads: all calls on one thread.
 */
#ifndef NODE_SENSORS_H
#define NODE_SENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpio-w1/thermometers.h"
#include "node_config.h"
#include "sensor_list.h"
#include "ubx/gnss_fix.h"
#include "ubx/receiver.h"
#include "ubx/ubx_assist.h"
#include "ubx/ubx_health.h"

struct sensors;

/*
 * NULL with err if memory or descriptors run out. config and list are borrowed for the life of it;
 * each result updates the list. known: the last position, for a receiver that starts without one,
 * or NULL.
 */
struct sensors *sensors_open(const struct node_config *config, struct sensor_list *list,
			     const struct ubx_assist *known, uint64_t now_ns, char *err,
			     size_t err_size);
/* Leaves bus and port released; NULL is accepted. */
void sensors_close(struct sensors *s);

/* For epoll: readable when a result or a fix may be ready. The same for the life of s. */
int sensors_fd(const struct sensors *s);
/*
 * Does what is due: a missing sensor is opened again, or simulated. To be called after each event
 * and at the deadline.
 */
void sensors_check(struct sensors *s, uint64_t now_ns);
uint64_t sensors_deadline_ns(const struct sensors *s);

bool sensors_has_bus(const struct sensors *s);
/* Whether a cycle's result was not read yet. */
bool sensors_is_measuring(const struct sensors *s);
/* Starts a cycle of the thermometers: 0 or a negative errno. */
int sensors_start_cycle(struct sensors *s, uint64_t now_ns);
/* 1 and *result, in the order of the list, or 0. utc_us: of now; 0: not known. */
int sensors_read_result(struct sensors *s, struct thermometers_result *result, uint64_t now_ns,
			int64_t utc_us);
/* 0; -ENOENT: it is not in the list, -EPERM: [w1] sensors has it there, or -EBUSY. */
int sensors_forget(struct sensors *s, const uint8_t rom[8]);
/* NULL: simulated ones stand in, which have none. */
const struct sensor_list *sensors_list(const struct sensors *s);

/*
 * How many new fixes; *fix is the newest, NULL if there is none or it is stale; valid until the
 * next call.
 */
int sensors_read_fix(struct sensors *s, const struct gnss_fix **fix);
/*
 * Errors of the receiver since the last call: checksums, NAKs, timeouts, missed epochs.
 */
uint32_t sensors_receiver_errors(struct sensors *s);

/*
 * For a reading: what is simulated, what is missing and why, what the receiver reported since the
 * last note; "" if nothing.
 */
void sensors_note(struct sensors *s, char *note, size_t size);

/* For the status; never NULL. */
const char *sensors_bus_name(const struct sensors *s); /* "userspace", "kernel", "simulated", "none"
							*/
const char *sensors_bus_reason(const struct sensors *s);
const char *sensors_receiver_name(const struct sensors *s); /* the port, "simulated", "none" */
const char *sensors_receiver_state(const struct sensors *s); /* "no-port", "probing", "configuring",
							    "limited", "ready", "none" */
const char *sensors_receiver_reason(const struct sensors *s);
const char *sensors_receiver_identity(const struct sensors *s);
bool sensors_poll_satellites(struct sensors *s); /* as receiver_poll_satellites() */
bool sensors_has_satellites(const struct sensors *s);
const char *sensors_receiver_pulse(const struct sensors *s); /* as receiver_pulse() */
/* false: no receiver */
bool sensors_receiver_events(const struct sensors *s, struct receiver_events *events);
const struct ubx_health *sensors_receiver_health(const struct sensors *s); /* NULL: no receiver */

#endif
