/* SPDX-License-Identifier: BSD-2-Clause */
/* listen_fds: the sockets that a service manager passes (sd_listen_fds(3)). */
#ifndef LISTEN_FDS_H
#define LISTEN_FDS_H

#define LISTEN_FDS_FIRST 3

/* How many, from descriptor LISTEN_FDS_FIRST on; 0: none were passed to this process. Once: the
 * variables are removed from the environment. */
unsigned listen_fds(void);

#endif
