/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers: how the workers of one server tell each other which device has new readings, so that their
 * observers hear of them. A pair of sockets for each, made before the workers are forked. A lost
 * word costs an observer no more than some time: the next reading tells again.
 *
 * Threads: the loop's. p NULL: there are no others.
 */
#ifndef PEERS_H
#define PEERS_H

#include <stdbool.h>
#include <stddef.h>

#define PEERS_MAX 16

struct peers {
	unsigned n, self; /* workers, and which one this is, from 0 on */
	struct {
		int hear, tell;
	} pair[PEERS_MAX];
};

/* 0 or -errno; what is open by then is closed by peers_close(). */
int peers_open(struct peers *p, unsigned n);
void peers_close(struct peers *p);

int peers_fd(const struct peers *p); /* readable when there is something to hear; -1 for NULL */
void peers_tell(const struct peers *p, const char *device); /* never waits */
/* False: nothing was told. */
bool peers_hear(const struct peers *p, char *device, size_t size);

#endif
