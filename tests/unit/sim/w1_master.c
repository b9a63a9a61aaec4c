// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "w1_master.h"

#include <string.h>

struct master master_on(struct w1_sim *sim)
{
	return (struct master){ .line = w1_sim_line(sim), .read_low_is_shortest = true };
}

uint64_t m_now(struct master *m)
{
	return m->line.ops->now_ns(m->line.ctx);
}

void m_wait(struct master *m, uint64_t from_ns, uint64_t us)
{
	m->line.ops->spin_until(m->line.ctx, from_ns + us * US);
}

void m_low(struct master *m)
{
	m->line.ops->drive_low(m->line.ctx);
}

void m_release(struct master *m)
{
	m->line.ops->release(m->line.ctx);
}

int m_sample(struct master *m)
{
	return m->line.ops->sample(m->line.ctx);
}

void m_sleep(struct master *m, uint64_t ns)
{
	m->line.ops->sleep_until(m->line.ctx, m_now(m) + ns);
}

void m_pulse(struct master *m, uint64_t low_us, uint64_t rest_us)
{
	uint64_t from;

	m_low(m);
	from = m_now(m);
	m_wait(m, from, low_us);
	m_release(m);
	m_wait(m, m_now(m), rest_us);
}

bool m_reset(struct master *m)
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

void m_write_bit(struct master *m, bool bit)
{
	if (bit) {
		uint64_t from = m_now(m);

		m_low(m);
		if (!m->long_line) {
			m_wait(m, from, AN126_A);
		}
		m_release(m);
		m_wait(m, m_now(m), AN126_B);
	} else {
		m_pulse(m, AN126_C, AN126_D);
	}
}

bool m_read_bit(struct master *m)
{
	uint64_t from = m_now(m);
	bool bit;

	m_low(m);
	if (!m->read_low_is_shortest) {
		m_wait(m, from, AN126_A);
	}
	m_release(m);
	if (m->long_line) {
		m_wait(m, from, AN126_A + AN126_E - 3); /* the sample itself takes up to 3 */
	}
	bit = m_sample(m);
	m_wait(m, from, AN126_A + AN126_B + 5);
	return bit;
}

void m_write(struct master *m, uint8_t byte)
{
	for (int i = 0; i < 8; i++) {
		m_write_bit(m, byte >> i & 1);
	}
}

static uint8_t m_read(struct master *m)
{
	unsigned byte = 0;

	for (int i = 0; i < 8; i++) {
		byte |= (unsigned)m_read_bit(m) << i;
	}
	return (uint8_t)byte;
}

void m_write_all(struct master *m, const uint8_t *p, size_t n)
{
	while (n-- > 0) {
		m_write(m, *p++);
	}
}

void m_read_all(struct master *m, uint8_t *p, size_t n)
{
	while (n-- > 0) {
		*p++ = m_read(m);
	}
}

uint8_t m_crc(const uint8_t *p, size_t n)
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

bool m_select(struct master *m, const uint8_t *rom)
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

bool m_command(struct master *m, const uint8_t *rom, uint8_t command)
{
	if (!m_select(m, rom)) {
		return false;
	}
	m_write(m, command);
	return true;
}

bool m_scratchpad(struct master *m, const uint8_t *rom, uint8_t sp[9])
{
	if (!m_command(m, rom, 0xBE)) {
		return false;
	}
	m_read_all(m, sp, 9);
	return m_crc(sp, 8) == sp[8];
}

bool m_write_settings(struct master *m, const uint8_t *rom, uint8_t th, uint8_t tl, uint8_t cfg)
{
	return m_command(m, rom, 0x4E) && (m_write(m, th), m_write(m, tl), m_write(m, cfg), true);
}

uint64_t m_convert(struct master *m, const uint8_t *rom)
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

void m_convert_parasite(struct master *m, const uint8_t *rom, uint8_t command, uint64_t ns)
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

int m_search(struct master *m, uint8_t command, uint8_t roms[][8], int max)
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
