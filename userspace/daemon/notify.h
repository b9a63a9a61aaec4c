/* SPDX-License-Identifier: BSD-2-Clause */
/* notify: the sd_notify(3) protocol: a datagram to $NOTIFY_SOCKET. */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STATUS=...", "WATCHDOG=1", "STOPPING=1" ... 1 sent, 0 no service
 * manager listens, negative errno. */
int notify_send(const char *state);

/* Interval in us at which WATCHDOG=1 is wanted (half of $WATCHDOG_USEC), 0 if none is. */
uint64_t notify_watchdog_us(void);

#endif
