// SPDX-License-Identifier: BSD-2-Clause
#include "printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NO_CHARACTER UINT32_MAX
#define OUT_MAX 8 /* of one character, terminated */

/* The character that begins at s and its size; NO_CHARACTER and 1: none does (RFC 3629). */
static uint32_t decode(const uint8_t *s, size_t n, size_t *size)
{
	static const uint32_t first[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c = length == 1 ? s[0] : s[0] & (0x7fu >> length);

	*size = 1;
	if (length == 0 || length > n || s[0] > 0xf4) {
		return NO_CHARACTER;
	}
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			return NO_CHARACTER;
		}
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < first[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
		return NO_CHARACTER;
	}
	*size = length;
	return c;
}

static bool is_hidden(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static bool is_layout(const uint8_t *s, size_t n)
{
	return s[0] == '\n' || s[0] == '\t' || (n > 1 && s[0] == '\r' && s[1] == '\n');
}

/* What comes out for the character at s; its size. */
static size_t show(const uint8_t *s, size_t n, enum printable_how how, char out[OUT_MAX])
{
	size_t size;
	uint32_t c = decode(s, n, &size);

	if (c == NO_CHARACTER) {
		snprintf(out, OUT_MAX, "\\x%02x", s[0]);
	} else if (is_hidden(c) && !(how == PRINTABLE_TEXT && is_layout(s, n))) {
		snprintf(out, OUT_MAX, "\\u%04x", (unsigned)(c & 0xffff));
	} else {
		memcpy(out, s, size);
		out[size] = '\0';
	}
	return size;
}

void printable(char *out, size_t size, const void *text, size_t n, enum printable_how how)
{
	const uint8_t *s = text;
	char shown[OUT_MAX];
	size_t at = 0;

	for (size_t i = 0; i < n;) {
		i += show(s + i, n - i, how, shown);
		if (at + strlen(shown) >= size) {
			break;
		}
		memcpy(out + at, shown, strlen(shown));
		at += strlen(shown);
	}
	out[at] = '\0';
}

void printable_put(FILE *out, const void *text, size_t n, enum printable_how how)
{
	const uint8_t *s = text;
	char shown[OUT_MAX];

	for (size_t i = 0; i < n;) {
		i += show(s + i, n - i, how, shown);
		fputs(shown, out);
	}
}
