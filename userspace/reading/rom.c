// SPDX-License-Identifier: BSD-2-Clause
#include "rom.h"

#include <string.h>

#include "gpio-w1/w1_crc.h"
#include "userspace/reading/hex.h"

#define SERIAL 6

char *rom_format(char name[ROM_NAME_SIZE], const uint8_t rom[8])
{
	uint8_t serial[SERIAL];

	for (unsigned i = 0; i < SERIAL; i++) {
		serial[i] = rom[SERIAL - i];
	}
	hex_format(name, rom, 1);
	name[2] = '-';
	hex_format(name + 3, serial, SERIAL);
	return name;
}

bool rom_parse(const char *name, uint8_t rom[8])
{
	uint8_t serial[SERIAL];

	if (strlen(name) != ROM_NAME_SIZE - 1 || name[2] != '-' || !hex_parse(name, rom, 1) ||
	    !hex_parse(name + 3, serial, SERIAL)) {
		return false;
	}
	for (unsigned i = 0; i < SERIAL; i++) {
		rom[1 + i] = serial[SERIAL - 1 - i];
	}
	rom[7] = w1_crc8(rom, 7);
	return true;
}
