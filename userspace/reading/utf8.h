/* SPDX-License-Identifier: BSD-2-Clause */
/* utf8: characters of UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past Unicode.
 * Pure. */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The size of the character that n bytes at text, 1 or more, begin with, and its code; 0: none. */
size_t utf8_decode(const char *text, size_t n, uint32_t *code);

/* Length of the start of text that is UTF-8 without NUL: all of it, or up to the first bad byte. */
size_t utf8_prefix(const char *text, size_t length);

#endif
