/* SPDX-License-Identifier: BSD-2-Clause */
/* store_schema: brings a database to the newest migration, one server at a time (migrations.h). */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "store.h"

/*
 * On a fresh connection; an up-to-date schema is only read. 0 or more; STORE_UNUSABLE if the
 * database is newer than this program, or older and to be read only.
 */
int store_schema_update(struct store *s);

#endif
