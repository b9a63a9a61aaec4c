/* SPDX-License-Identifier: BSD-2-Clause */
/* reload: on SIGHUP loads configuration, credentials and secret file again, all or none: a fault,
 * or a change that takes a restart, is logged and the old ones stay in use. */
#ifndef RELOAD_H
#define RELOAD_H

#include <sys/signalfd.h>

#include "server.h"

/* signal: the SIGHUP; who waits for the outcome is answered. */
void server_reload(struct server *s, const struct signalfd_siginfo *signal);

#endif
