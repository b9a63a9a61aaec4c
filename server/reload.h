/* SPDX-License-Identifier: BSD-2-Clause */
/* reload: SIGHUP: the configuration, the credentials and the secret file again, all or nothing:
 * what is wrong, or takes a restart, is logged and keeps the old ones. */
#ifndef RELOAD_H
#define RELOAD_H

#include <sys/signalfd.h>

#include "server.h"

/* signal: the SIGHUP; who waits for the outcome is answered. */
void server_reload(struct server *s, const struct signalfd_siginfo *signal);

#endif
