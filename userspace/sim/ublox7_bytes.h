/* SPDX-License-Identifier: BSD-2-Clause */
/* ublox7_bytes: little-endian numbers in UBX payloads of the simulator. */
#ifndef UBLOX7_BYTES_H
#define UBLOX7_BYTES_H

#include <stdint.h>

static inline void put_u16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void put_u32(uint8_t *p, uint32_t v)
{
	put_u16(p, v & 0xFFFF);
	put_u16(p + 2, v >> 16);
}

static inline void put_i32(uint8_t *p, int64_t v)
{
	put_u32(p, (uint32_t)v);
}

static inline uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get_u32(const uint8_t *p)
{
	return get_u16(p) | (uint32_t)get_u16(p + 2) << 16;
}

static inline int32_t get_i32(const uint8_t *p)
{
	return (int32_t)get_u32(p);
}

#endif
