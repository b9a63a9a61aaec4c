/* SPDX-License-Identifier: BSD-2-Clause */
/* outbox_salvage: takes over what is readable of a damaged outbox. Used by outbox_file.c only. */
#ifndef NODE_OUTBOX_SALVAGE_H
#define NODE_OUTBOX_SALVAGE_H

#include <sqlite3.h>

/*
 * Copies into the new outbox `to`: epoch and next number, each row that can be read, and as gaps
 * the numbers between those that cannot. Numbers that may have been given since they were last
 * written are skipped. All or nothing; the damaged file is only read. How many readings; -1: none,
 * the new outbox stays empty.
 */
int outbox_salvage(sqlite3 *to, const char *damaged);

#endif
