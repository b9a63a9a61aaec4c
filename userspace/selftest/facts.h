/* SPDX-License-Identifier: BSD-2-Clause */
/* facts: small files of /proc and /sys. root goes before every path: "" on a real machine. */
#ifndef SELFTEST_FACTS_H
#define SELFTEST_FACTS_H

#include <stdbool.h>
#include <stddef.h>

/* Its text up to the first NUL or line end; false: it cannot be read, or is empty. */
bool facts_text(const char *root, const char *path, char *text, size_t size);
bool facts_number(const char *root, const char *path, int base, long long *number);
/* The path with root before it; for open(). */
const char *facts_path(const char *root, const char *path, char *out, size_t size);

#endif
