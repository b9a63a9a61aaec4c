/* SPDX-License-Identifier: BSD-2-Clause */
/* hex: bytes as hexadecimal text and back. Pure. */
#ifndef HEX_H
#define HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0 to 15, or -1; both cases. */
int hex_digit(char c);

/* 2 n digits of either case into n bytes; false, bytes unspecified, if text has anything else
 * first. */
bool hex_parse(const char *text, uint8_t *bytes, size_t n);

/* As hex_parse(), but all of text must be 2 n digits, lower-case ones: what hex_format() writes. */
bool hex_parse_canonical(const char *text, uint8_t *bytes, size_t n);

/* 2 n lower-case digits and a NUL into text, which has room for 2 n + 1 characters; returns text.
 */
char *hex_format(char *text, const uint8_t *bytes, size_t n);

#endif
