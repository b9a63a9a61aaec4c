// SPDX-License-Identifier: BSD-2-Clause
#include "nmea_line.h"

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "$body*hh": the XOR of the body. */
static bool is_sentence(const uint8_t *text, unsigned len)
{
	int high, low;
	uint8_t sum = 0;

	if (len < 5 || text[len - 3] != '*') {
		return false;
	}
	high = digit(text[len - 2]);
	low = digit(text[len - 1]);
	if (high < 0 || low < 0) {
		return false;
	}
	for (unsigned i = 1; i < len - 3; i++) {
		sum ^= text[i];
	}
	return sum == high * 16 + low;
}

bool nmea_line_feed(struct nmea_line *l, uint8_t byte)
{
	bool whole = false;

	if (byte == '$') {
		l->len = 0;
	} else if (l->len == 0) {
		return false;
	}
	if (byte == '\r' || byte == '\n') {
		whole = is_sentence(l->text, l->len);
		l->len = 0;
	} else if (l->len == sizeof(l->text)) {
		l->len = 0;
	} else {
		l->text[l->len++] = byte;
	}
	return whole;
}
