// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "w1_textbook.h"

#include <string.h>

#define TRIES 5 /* as w1_therm.c has them */

void textbook_run(struct master *m, struct w1_sim *sim, unsigned devices, unsigned cycles,
		  struct truth_tally *t)
{
	for (unsigned k = 0; k < cycles; k++) {
		uint64_t start = w1_sim_now(sim);

		m_command(m, NULL, 0x44);
		m_sleep(m, 750 * MS);
		for (unsigned i = 0; i < devices; i++) {
			uint8_t sp[9] = { 0 }, rom[8];
			bool good = false;

			memcpy(rom, w1_sim_slave(sim, i)->rom, 8);
			for (int attempt = 0; attempt < TRIES && !good; attempt++) {
				good = m_scratchpad(m, rom, sp);
			}
			truth_count(t, sim, i, start, good, (int16_t)(sp[0] | sp[1] << 8));
		}
	}
}
