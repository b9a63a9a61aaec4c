// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* O_CLOEXEC */
#include "pulse_port.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pps.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "time/now.h"

static int64_t realtime_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Edges are dated by CLOCK_REALTIME: what that was ahead now, and how far it can have been off. */
static uint64_t measure_offset(struct pulse_port *p)
{
	uint64_t before_ns = now_boot_ns();
	int64_t real_ns = realtime_ns();
	uint64_t after_ns = now_boot_ns();
	int64_t offset_ns = real_ns - (int64_t)before_ns;
	int64_t moved_ns = p->has_offset ? offset_ns - p->offset_ns : 0;

	p->has_offset = true;
	p->offset_ns = offset_ns;
	return after_ns - before_ns + (uint64_t)(moved_ns < 0 ? -moved_ns : moved_ns);
}

bool pulse_port_read(struct pulse_port *p, const char *path, struct ubx_pulse_edge *edge)
{
	struct pps_fdata data = { .timeout = { .sec = 0 } }; /* no waiting */

	if (p->fd < 0) {
		p->fd = open(path, O_RDONLY | O_CLOEXEC);
		p->has_offset = false;
	}
	if (p->fd < 0 || ioctl(p->fd, PPS_FETCH, &data) != 0) {
		p->error = errno;
		pulse_port_close(p);
		return false;
	}
	p->error = 0;
	*edge = (struct ubx_pulse_edge){ .sequence = data.info.assert_sequence };
	if (edge->sequence == 0) {
		return false;
	}
	edge->doubt_ns = measure_offset(p);
	edge->boot_ns = (uint64_t)(data.info.assert_tu.sec * INT64_C(1000000000) +
				   data.info.assert_tu.nsec - p->offset_ns);
	return true;
}

void pulse_port_close(struct pulse_port *p)
{
	if (p->fd >= 0) {
		close(p->fd);
	}
	p->fd = -1;
}
