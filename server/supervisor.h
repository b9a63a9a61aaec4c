/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * supervisor: keeps N processes of one server running, and is all that the service manager sees of
 * them.
 *
 * The workers are forked, so they have what their parent made: sockets, secrets, configuration.
 * They talk to it as a service talks to systemd (notify.h), on a socket of the parent's; it counts
 * only what the kernel says a worker has sent. When all are ready it calls ready(); a tick of the
 * watchdog goes on once every ready worker has ticked. A worker that ends is started again, after 1
 * s at first, then after twice as long each time up to 30 s, while it does not get ready. SIGTERM
 * and SIGINT end all, SIGHUP calls reload() and goes on to all. When the parent dies, the kernel
 * sends the workers SIGTERM.
 *
 * The parent has one thread, and nothing that a fork would share unasked (libcoap, random
 * generators, connections).
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include <stdbool.h>

#include "peers.h"

struct supervisor_config {
	unsigned workers; /* 1..PEERS_MAX */
	/* In the worker: its whole life. Returns its exit code. Signals are blocked; NOTIFY_SOCKET
	 * is the parent's. */
	int (*work)(void *arg, const struct peers *peers);
	int (*ready)(void *arg); /* in the parent, once: all serve. Not 0: end, with that code */
	bool (*reload)(void *arg); /* in the parent; false: it cannot be, and the workers are not
				      told */
	void *arg;
};

/*
 * Until SIGTERM or SIGINT. 0 if all ended well; else the highest exit code, of a worker's first
 * start too: what stops one there would stop it again. -errno: not even begun.
 */
int supervisor_run(const struct supervisor_config *config);

#endif
