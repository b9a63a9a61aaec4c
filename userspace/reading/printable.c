// SPDX-License-Identifier: BSD-2-Clause
#include "printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "userspace/reading/utf8.h"

#define OUT_MAX 8 /* of one character, terminated */

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
	uint32_t c;
	size_t size = utf8_decode((const char *)s, n, &c);

	if (size == 0) {
		snprintf(out, OUT_MAX, "\\x%02x", s[0]);
		return 1;
	}
	if (is_hidden(c) && !(how == PRINTABLE_TEXT && is_layout(s, n))) {
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
