/* SPDX-License-Identifier: BSD-2-Clause */
/* reload: SIGHUP: the configuration, the credentials and the secret file again, all or nothing:
 * what is wrong, or takes a restart, is logged and keeps the old ones. */
#ifndef RELOAD_H
#define RELOAD_H

#include "server.h"

void server_reload(struct server *s);

#endif
