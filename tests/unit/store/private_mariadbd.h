/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * private_mariadbd: a MariaDB server of a test's own: fresh data directory and unix socket under
 * TMPDIR, no network, no configuration of the system's. It does not outlive its test.
 */
#ifndef PRIVATE_MARIADBD_H
#define PRIVATE_MARIADBD_H

#include <stdbool.h>
#include <sys/types.h>

struct private_mariadbd {
	char dir[80]; /* a unix socket's path has 107 bytes */
	char socket[100];
	unsigned port; /* not 0: it listens on 127.0.0.1 too, and speaks TLS with ... */
	char pki[80]; /* ... what certs/make-test-ca left there */
	pid_t pid; /* 0: not running */
	char why[256]; /* it could not be started */
};

/* (Re)starts it on its data directory and waits until it answers. */
bool private_mariadbd_run(struct private_mariadbd *m);

/* False: m->why says why there is none. */
bool private_mariadbd_start(struct private_mariadbd *m);

void private_mariadbd_end(struct private_mariadbd *m, int signal);

void private_mariadbd_remove(struct private_mariadbd *m);

bool private_mariadbd_sql(const struct private_mariadbd *m, const char *sql);

#endif
