// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "peers.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int peers_open(struct peers *p, unsigned n)
{
	for (p->n = 0; p->n < n; p->n++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
			return -errno;
		}
		p->pair[p->n].hear = pair[0];
		p->pair[p->n].tell = pair[1];
	}
	return 0;
}

void peers_close(struct peers *p)
{
	while (p->n > 0) {
		p->n--;
		close(p->pair[p->n].hear);
		close(p->pair[p->n].tell);
	}
}

int peers_fd(const struct peers *p)
{
	return p == NULL ? -1 : p->pair[p->self].hear;
}

void peers_tell(const struct peers *p, const char *device)
{
	for (unsigned i = 0; p != NULL && i < p->n; i++) {
		if (i != p->self) {
			send(p->pair[i].tell, device, strlen(device), MSG_NOSIGNAL);
		}
	}
}

bool peers_hear(const struct peers *p, char *device, size_t size)
{
	ssize_t n = recv(p->pair[p->self].hear, device, size - 1, 0);

	if (n < 0) {
		return false;
	}
	device[n] = '\0';
	return true;
}
