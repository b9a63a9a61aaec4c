// SPDX-License-Identifier: BSD-2-Clause
#include "utf8.h"

size_t utf8_decode(const char *text, size_t n, uint32_t *code)
{
	static const uint32_t first[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t *s = (const uint8_t *)text;
	size_t size = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c = size == 1 ? s[0] : s[0] & (0x7fu >> size);

	if (size > n || s[0] > 0xf4) {
		return 0;
	}
	for (size_t i = 1; i < size; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			return 0;
		}
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < first[size] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
		return 0;
	}
	*code = c;
	return size;
}

size_t utf8_prefix(const char *text, size_t length)
{
	size_t at = 0, size;
	uint32_t c;

	while (at < length && (size = utf8_decode(text + at, length - at, &c)) > 0 && c != 0) {
		at += size;
	}
	return at;
}
