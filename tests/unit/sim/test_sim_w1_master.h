/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bit-banging 1-Wire master for the tests of the simulated bus, straight from
 * Maxim's AN126 (slots) and AN187 (search). It knows nothing of gpio-w1/ but the
 * line port, on purpose: two readings of the data sheet check each other.
 * It does not look at what time its operations took: preempted, it fails.
 */
#ifndef TEST_SIM_W1_MASTER_H
#define TEST_SIM_W1_MASTER_H

#include <string.h>

#include "userspace/sim/w1_sim_line.h"

#define US 1000ull
#define MS 1000000ull

/* AN126 letters, us: A write-1/read low, B rest of it, C write-0 low, D its recovery, H reset low,
 * I presence, J rest. */
enum {
	AN126_A = 6,
	AN126_B = 64,
	AN126_C = 60,
	AN126_D = 10,
	AN126_H = 480,
	AN126_I = 70,
	AN126_J = 410
};

struct master {
	struct w1_line line;
	bool read_low_is_shortest; /* reads: release at once (a slow GPIO has no 6 us to spend) */
};

static inline struct master master_on(struct w1_sim *sim)
{
	return (struct master){ .line = w1_sim_line(sim), .read_low_is_shortest = true };
}

static inline uint64_t m_now(struct master *m)
{
	return m->line.ops->now_ns(m->line.ctx);
}

static inline void m_wait(struct master *m, uint64_t from_ns, uint64_t us)
{
	m->line.ops->spin_until(m->line.ctx, from_ns + us * US);
}

static inline void m_low(struct master *m)
{
	m->line.ops->drive_low(m->line.ctx);
}

static inline void m_release(struct master *m)
{
	m->line.ops->release(m->line.ctx);
}

static inline int m_sample(struct master *m)
{
	return m->line.ops->sample(m->line.ctx);
}

static inline void m_sleep(struct master *m, uint64_t ns)
{
	m->line.ops->sleep_until(m->line.ctx, m_now(m) + ns);
}

/* Pulls low for about that long, then lets the wire rest. */
static inline void m_pulse(struct master *m, uint64_t low_us, uint64_t rest_us)
{
	uint64_t from;

	m_low(m);
	from = m_now(m);
	m_wait(m, from, low_us);
	m_release(m);
	m_wait(m, m_now(m), rest_us);
}

/* true: somebody is there. */
static inline bool m_reset(struct master *m)
{
	uint64_t from;
	bool present;

	m_low(m);
	m_wait(m, m_now(m), AN126_H);
	m_release(m);
	from = m_now(m);
	m_wait(m, from, AN126_I - 6); /* the release itself, and the sample, took some */
	present = !m_sample(m);
	m_wait(m, from, AN126_I + AN126_J);
	return present;
}

static inline void m_write_bit(struct master *m, bool bit)
{
	if (bit) {
		uint64_t from = m_now(m);

		m_low(m);
		m_wait(m, from, AN126_A);
		m_release(m);
		m_wait(m, m_now(m), AN126_B);
	} else {
		m_pulse(m, AN126_C, AN126_D);
	}
}

static inline bool m_read_bit(struct master *m)
{
	uint64_t from = m_now(m);
	bool bit;

	m_low(m);
	if (!m->read_low_is_shortest) {
		m_wait(m, from, AN126_A);
	}
	m_release(m);
	bit = m_sample(m);
	m_wait(m, from, AN126_A + AN126_B + 5);
	return bit;
}

static inline void m_write(struct master *m, uint8_t byte)
{
	for (int i = 0; i < 8; i++) {
		m_write_bit(m, byte >> i & 1);
	}
}

static inline uint8_t m_read(struct master *m)
{
	unsigned byte = 0;

	for (int i = 0; i < 8; i++) {
		byte |= (unsigned)m_read_bit(m) << i;
	}
	return (uint8_t)byte;
}

static inline void m_write_all(struct master *m, const uint8_t *p, size_t n)
{
	while (n-- > 0) {
		m_write(m, *p++);
	}
}

static inline void m_read_all(struct master *m, uint8_t *p, size_t n)
{
	while (n-- > 0) {
		*p++ = m_read(m);
	}
}

/* The CRC-8 of AN27, bit by bit. */
static inline uint8_t m_crc(const uint8_t *p, size_t n)
{
	unsigned crc = 0;

	for (size_t i = 0; i < n * 8; i++) {
		unsigned bit = (crc ^ (unsigned)(p[i / 8] >> (i % 8))) & 1;

		crc >>= 1;
		if (bit) {
			crc ^= 0x8C;
		}
	}
	return (uint8_t)crc;
}

/* Reset, then Match ROM, or Skip ROM for a NULL. false: nobody there. */
static inline bool m_select(struct master *m, const uint8_t *rom)
{
	if (!m_reset(m)) {
		return false;
	}
	if (rom) {
		m_write(m, 0x55);
		m_write_all(m, rom, 8);
	} else {
		m_write(m, 0xCC);
	}
	return true;
}

static inline bool m_command(struct master *m, const uint8_t *rom, uint8_t command)
{
	if (!m_select(m, rom)) {
		return false;
	}
	m_write(m, command);
	return true;
}

/* true: nine bytes with the right CRC. */
static inline bool m_scratchpad(struct master *m, const uint8_t *rom, uint8_t sp[9])
{
	if (!m_command(m, rom, 0xBE)) {
		return false;
	}
	m_read_all(m, sp, 9);
	return m_crc(sp, 8) == sp[8];
}

static inline bool m_write_settings(struct master *m, const uint8_t *rom, uint8_t th, uint8_t tl,
				    uint8_t cfg)
{
	return m_command(m, rom, 0x4E) && (m_write(m, th), m_write(m, tl), m_write(m, cfg), true);
}

/* Converts and polls until done. The time it took by the polls, 0 if it never was. */
static inline uint64_t m_convert(struct master *m, const uint8_t *rom)
{
	uint64_t from;

	if (!m_command(m, rom, 0x44)) {
		return 0;
	}
	from = m_now(m);
	for (int i = 0; i < 100000; i++) {
		if (m_read_bit(m)) {
			return m_now(m) - from;
		}
		m_sleep(m, 100 * US);
	}
	return 0;
}

/* Converts on parasite power: the last bit of 44, a 0, goes straight over into the strong pull-up.
 */
static inline void m_convert_parasite(struct master *m, const uint8_t *rom, uint8_t command,
				      uint64_t ns)
{
	m_select(m, rom);
	for (int i = 0; i < 7; i++) {
		m_write_bit(m, command >> i & 1);
	}
	m_low(m);
	m_wait(m, m_now(m), AN126_C);
	m->line.ops->strong_pullup(m->line.ctx, true);
	m_sleep(m, ns);
	m->line.ops->strong_pullup(m->line.ctx, false);
	m_wait(m, m_now(m), AN126_D);
}

/* AN187: all devices that answer command (F0 or EC), in search order. The number found; -1: bus
 * error. */
static inline int m_search(struct master *m, uint8_t command, uint8_t roms[][8], int max)
{
	uint8_t rom[8] = { 0 };
	int last_discrepancy = 0, n = 0;

	do {
		int last_zero = 0;

		if (!m_reset(m)) {
			return 0;
		}
		m_write(m, command);
		for (int number = 1; number <= 64; number++) {
			bool id = m_read_bit(m), complement = m_read_bit(m), direction;
			uint8_t *byte = &rom[(number - 1) / 8],
				mask = (uint8_t)(1 << (number - 1) % 8);

			if (id && complement) {
				return number == 1 ? n : -1;
			}
			if (id != complement) {
				direction = id;
			} else if (number == last_discrepancy) {
				direction = true;
			} else {
				direction = number < last_discrepancy && (*byte & mask);
			}
			if (id == complement && !direction) {
				last_zero = number;
			}
			*byte = (uint8_t)(direction ? *byte | mask : *byte & ~mask);
			m_write_bit(m, direction);
		}
		if (m_crc(rom, 7) != rom[7] || rom[0] == 0) {
			return -1;
		}
		last_discrepancy = last_zero;
		if (n < max) {
			memcpy(roms[n], rom, 8);
		}
		n++;
	} while (last_discrepancy != 0 && n < max);
	return n;
}

#endif
