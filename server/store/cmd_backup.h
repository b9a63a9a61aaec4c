/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_backup: geotherm-server backup FILE and restore FILE, of a SQLite store, while servers may
 * use it. What goes wrong is logged; false then, and the target is as it was.
 */
#ifndef CMD_BACKUP_H
#define CMD_BACKUP_H

#include <stdbool.h>

#include "store.h"

/* A copy of one moment. FILE must not exist. */
bool cmd_backup(const struct store_config *config, const char *path);
/* In one transaction: a server that runs sees all of it or nothing. The schema is then brought up
 * to date. */
bool cmd_restore(const struct store_config *config, const char *path);

#endif
