/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * secret_file: the secrets of session tickets and cookies that the instances of a server share.
 *
 * One key a line, 64 hex digits (32 random bytes: `openssl rand -hex 32`); empty lines and those
 * with # are ignored. The first makes tickets, the second is still accepted: a key is replaced by
 * writing the new one above it and a reload of all instances. Only its owner may
 * read the file (0600), or root and one group (0640).
 */
#ifndef SECRET_FILE_H
#define SECRET_FILE_H

#include <stddef.h>

#include "userspace/coaps/coaps_tickets.h"

/* 0, or a negative errno with err, which names file and line and what was expected. */
int secret_file_read(const char *path, struct coaps_secrets *secrets, char *err, size_t err_size);

#endif
