/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pulse_port: the edges of a pulse per second, as the kernel dates them (RFC 2783, /dev/pps0).
 *
 * Threads: any, one port per thread.
 */
#ifndef PULSE_PORT_H
#define PULSE_PORT_H

#include <stdbool.h>

#include "ubx_pulse.h"

struct pulse_port {
	int fd; /* -1: closed */
	int error; /* errno of the newest attempt; 0: none */
	bool has_offset;
	int64_t offset_ns; /* CLOCK_REALTIME - CLOCK_BOOTTIME, at the newest read */
};

#define PULSE_PORT_CLOSED ((struct pulse_port){ .fd = -1 })

/*
 * The newest edge; false: there is none yet, or no device. Opens it where it is closed. The edge
 * must be from after the read before: a step of CLOCK_REALTIME between the two is in its doubt.
 */
bool pulse_port_read(struct pulse_port *p, const char *path, struct ubx_pulse_edge *edge);
void pulse_port_close(struct pulse_port *p); /* accepts a closed one */

#endif
