/* SPDX-License-Identifier: BSD-2-Clause */
/* unit_user: files as the service sees them: a check that root runs is made with the rights of the
 * unit's user. */
#ifndef DAEMON_UNIT_USER_H
#define DAEMON_UNIT_USER_H

#include <stdbool.h>

/*
 * For --check-config. As root, where that account exists: this process becomes it, with its groups,
 * for good. Prints which user it is now; false, which is logged: it could not become it.
 */
bool unit_user_become(const char *user);

#endif
