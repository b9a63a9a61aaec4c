/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_crc: the CRC-8 of ROM codes and scratchpads: x^8 + x^5 + x^4 + 1, reflected 0x8C, initial
 * value 0 (Maxim AN27). Over data and its CRC it is 0; so it is over nothing but zeros.
 */
#ifndef W1_CRC_H
#define W1_CRC_H

#include <stddef.h>
#include <stdint.h>

uint8_t w1_crc8(const uint8_t *data, size_t len);

#endif
