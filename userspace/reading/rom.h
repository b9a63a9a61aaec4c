/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rom: the name of a 1-Wire device, as the kernel forms it: "28-0000069be7d2", the family and the
 * serial number backwards. Pure. On the wire and in the store a ROM is its eight bytes instead.
 */
#ifndef ROM_H
#define ROM_H

#include <stdbool.h>
#include <stdint.h>

#define ROM_NAME_SIZE 16 /* with its NUL */

/* Returns name. */
char *rom_format(char name[ROM_NAME_SIZE], const uint8_t rom[8]);

/* Of the whole text, in lower or upper case; the CRC is computed. */
bool rom_parse(const char *name, uint8_t rom[8]);

#endif
