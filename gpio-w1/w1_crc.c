// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_crc.h"

uint8_t w1_crc8(const uint8_t *data, size_t len)
{
	uint8_t crc = 0;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++) {
			crc = (uint8_t)((crc & 1) != 0 ? (crc >> 1) ^ 0x8c : crc >> 1);
		}
	}
	return crc;
}
