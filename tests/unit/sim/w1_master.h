/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bit-banging 1-Wire master for the tests of the simulated bus, straight from
 * Maxim's AN126 (slots) and AN187 (search). It knows nothing of gpio-w1/ but the
 * line port, on purpose: two readings of the data sheet check each other.
 * It does not look at what time its operations took: preempted, it fails.
 */
#ifndef W1_MASTER_H
#define W1_MASTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "userspace/sim/w1_sim_line.h"

#define US 1000ull
#define MS 1000000ull

/* AN126 letters, us: A write-1/read low, B rest of it, C write-0 low, D its recovery, H reset low,
 * I presence, J rest, E from a read's release to its sample. */
enum {
	AN126_A = 6,
	AN126_B = 64,
	AN126_C = 60,
	AN126_D = 10,
	AN126_E = 9,
	AN126_H = 480,
	AN126_I = 70,
	AN126_J = 410
};

struct master {
	struct w1_line line;
	bool read_low_is_shortest; /* reads: release at once (a slow GPIO has no 6 us to spend) */
	/* For a line that rises slowly: a write-1 is released at once, too, and a bit is sampled as
	   late as AN126 has it, at A + E = 15 us. */
	bool long_line;
};

struct master master_on(struct w1_sim *sim);

uint64_t m_now(struct master *m);

void m_wait(struct master *m, uint64_t from_ns, uint64_t us);

void m_low(struct master *m);

void m_release(struct master *m);

int m_sample(struct master *m);

void m_sleep(struct master *m, uint64_t ns);

/* Pulls low for about that long, then lets the wire rest. */
void m_pulse(struct master *m, uint64_t low_us, uint64_t rest_us);

/* true: a presence pulse. */
bool m_reset(struct master *m);

void m_write_bit(struct master *m, bool bit);

bool m_read_bit(struct master *m);

void m_write(struct master *m, uint8_t byte);

void m_write_all(struct master *m, const uint8_t *p, size_t n);

void m_read_all(struct master *m, uint8_t *p, size_t n);

/* The CRC-8 of AN27, bit by bit. */
uint8_t m_crc(const uint8_t *p, size_t n);

/* Reset, then Match ROM, or Skip ROM for a NULL. false: no presence. */
bool m_select(struct master *m, const uint8_t *rom);

bool m_command(struct master *m, const uint8_t *rom, uint8_t command);

/* true: nine bytes with the right CRC. */
bool m_scratchpad(struct master *m, const uint8_t *rom, uint8_t sp[9]);

bool m_write_settings(struct master *m, const uint8_t *rom, uint8_t th, uint8_t tl, uint8_t cfg);

/* Converts and polls until done. The time it took by the polls, 0 if it never was. */
uint64_t m_convert(struct master *m, const uint8_t *rom);

/* Converts on parasite power: the last bit of 44, a 0, goes straight over into the strong pull-up.
 */
void m_convert_parasite(struct master *m, const uint8_t *rom, uint8_t command, uint64_t ns);

/* AN187: all devices that answer command (F0 or EC), in search order. The number found; -1: bus
 * error. */
int m_search(struct master *m, uint8_t command, uint8_t roms[][8], int max);

#endif
