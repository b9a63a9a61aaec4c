// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_model.h"

#include "w1_random.h"

/* clang-format off */
#define ANY W1_ROM_ANY
#define A1_ROM { ANY, ANY, ANY, ANY, 0, 0 }
#define RANDOM_ROM { ANY, ANY, ANY, ANY, ANY, ANY }
#define DS18B20(name_, family_, por_raw_) .name = name_, .family = family_, \
	.layout = W1_LAYOUT_DS18B20, .conv_max_ms = 750, .por_raw = por_raw_
#define GENUINE_RESERVED { 0xFF, 0x0C, 0x10 }

static const struct w1_model models[W1_MODEL_COUNT] = {
	[W1_MODEL_A1] = {
		DS18B20("A1", 0x28, 0x0550), .rom = A1_ROM, .conv_ms = { 584, 615 },
		.eeprom = { 0x4B, 0x46, 0x7F }, .reserved = GENUINE_RESERVED,
		.byte6 = W1_BYTE6_FROM_16,
	},
	[W1_MODEL_A2] = {
		DS18B20("A2", 0x28, 0x0550), .rom = { ANY, 0, 0, ANY, ANY, 0 }, .conv_ms = { 325, 505 },
		.eeprom = { 0x6E, 0x1C, 0x7F }, .reserved = GENUINE_RESERVED,
		.byte6 = W1_BYTE6_FROM_16, .offset_mc = { -3500, -1800 },
		.quirks = W1_QUIRK_RETAINS,
	},
	[W1_MODEL_A3] = {
		DS18B20("A3", 0x28, 0x0550), .rom = { ANY, ANY, ANY, 0, 0, 0 }, .conv_ms = { 577, 626 },
		.eeprom = { 0x7F, 0x80, 0x7F }, .reserved = GENUINE_RESERVED,
		.byte6 = W1_BYTE6_FROM_16, .quirks = W1_QUIRK_POLL_LATE,
	},
	[W1_MODEL_B1] = {
		DS18B20("B1", 0x28, 0x0550), .rom = { 0xAA, ANY, ANY, ANY, 0x14, 0x01 }, .conv_ms = { 589, 728 },
		.eeprom = { 0x4B, 0x46, 0x7F }, .reserved = GENUINE_RESERVED,
		.offset_mc = { -150, -150 }, .quirks = W1_QUIRK_STORES_5,
	},
	[W1_MODEL_B1V2] = {
		DS18B20("B1v2", 0x28, 0x0550), .rom = { ANY, ANY, ANY, ANY, 0x23, 0x0B }, .conv_ms = { 640, 660 },
		.eeprom = { 0x4B, 0x46, 0x7F }, .reserved = GENUINE_RESERVED,
		.byte6 = W1_BYTE6_FROM_16,
	},
	[W1_MODEL_B2] = {
		DS18B20("B2", 0x28, 0x0550), .rom = { 0xFF, ANY, ANY, ANY, 0x16, 0x04 }, .conv_ms = { 587, 697 },
		.eeprom = { 0x4B, 0x46, 0x7F }, .reserved = GENUINE_RESERVED,
		.offset_mc = { -500, -240 }, .quirks = W1_QUIRK_STORES_5,
	},
	[W1_MODEL_C] = {
		DS18B20("C", 0x28, 0x0550), .rom = { 0xFF, 0x64, ANY, ANY, ANY, ANY }, .conv_ms = { 28, 30 },
		.speed = W1_SPEED_CONSTANT, .eeprom = { 0x55, 0x00, 0x7F },
		.reserved = GENUINE_RESERVED, .eeprom_writes = 8,
		.quirks = W1_QUIRK_CFG_FIXED | W1_QUIRK_POWER_LIES,
	},
	[W1_MODEL_D1] = {
		DS18B20("D1", 0x28, 0x0190), .rom = { ANY, ANY, 0x77, 0x91, ANY, ANY }, .conv_ms = { 11, 11 },
		.speed = W1_SPEED_CONSTANT, .eeprom = { 0x55, 0x05, 0x7F },
		.reserved = { 0x7E, 0x81, 0x66 }, .offset_mc = { -3000, 3000 },
		.quirks = W1_QUIRK_KEEPS_TEMP | W1_QUIRK_RETAINS | W1_QUIRK_CAPACITOR |
			W1_QUIRK_NO_PARASITE,
	},
	[W1_MODEL_D2] = {
		DS18B20("D2", 0x28, 0x0190), .rom = { ANY, ANY, 0x79, 0x97, 0x00, ANY }, .conv_ms = { 462, 523 },
		.speed = W1_SPEED_CONSTANT, .eeprom = { 0x55, 0x05, 0x7F },
		.reserved = { 0x7E, 0x81, 0x66 },
		.quirks = W1_QUIRK_KEEPS_TEMP | W1_QUIRK_PARASITE_LOW,
	},
	[W1_MODEL_E] = {
		DS18B20("E", 0x28, 0x0550), .rom = { 0x00, ANY, ANY, ANY, ANY, ANY }, .conv_ms = { 20, 25 },
		.speed = W1_SPEED_CONSTANT, .eeprom = { 0x4B, 0x46, 0x7F },
		.reserved = { 0xFF, 0x10, 0x10 }, .byte6 = W1_BYTE6_FROM_16,
	},
	[W1_MODEL_F] = {
		DS18B20("F", 0x28, 0x0550), .rom = { ANY, ANY, 0x00, 0x00, 0x01, ANY }, .conv_ms = { 27, 27 },
		.speed = W1_SPEED_CONSTANT, .eeprom = { 0x55, 0x00, 0x7F },
		.reserved = GENUINE_RESERVED,
		.quirks = W1_QUIRK_CFG_BIT7 | W1_QUIRK_POLL_NEVER | W1_QUIRK_NO_EEPROM |
			W1_QUIRK_NO_PARASITE,
	},
	[W1_MODEL_G] = {
		DS18B20("G", 0x28, 0x0550), .rom = RANDOM_ROM, .conv_ms = { 226, 320 },
		.eeprom = { 0x55, 0xAA, 0x7F }, .reserved = GENUINE_RESERVED,
		.byte6 = W1_BYTE6_FROM_32, .quirks = W1_QUIRK_HUNG_LOW | W1_QUIRK_RETAINS,
	},
	[W1_MODEL_H] = {
		DS18B20("H", 0x28, 0x0550), .rom = RANDOM_ROM, .conv_ms = { 279, 279 },
		.speed = W1_SPEED_ROOT_2, .eeprom = { 0x55, 0xAA, 0x7F },
		.reserved = GENUINE_RESERVED, .byte6 = W1_BYTE6_FROM_16,
		.quirks = W1_QUIRK_POWER_LIES | W1_QUIRK_RETAINS,
	},
	[W1_MODEL_DS18S20] = {
		.name = "DS18S20", .family = 0x10, .layout = W1_LAYOUT_DS18S20, .rom = A1_ROM,
		.conv_ms = { 550, 700 }, .conv_max_ms = 750, .speed = W1_SPEED_CONSTANT,
		.por_raw = 0x00AA, .eeprom = { 0x4B, 0x46, 0xFF }, .reserved = { 0xFF, 0x0C, 0x10 },
	},
	[W1_MODEL_DS1822] = {
		DS18B20("DS1822", 0x22, 0x0550), .rom = A1_ROM, .conv_ms = { 584, 615 },
		.eeprom = { 0x4B, 0x46, 0x7F }, .reserved = GENUINE_RESERVED,
		.byte6 = W1_BYTE6_FROM_16, .offset_mc = { -2000, 2000 },
	},
	[W1_MODEL_DS1825] = {
		DS18B20("DS1825", 0x3B, 0x0550), .rom = A1_ROM, .conv_ms = { 584, 615 },
		.eeprom = { 0x4B, 0x46, 0x7F }, .reserved = GENUINE_RESERVED,
		.byte6 = W1_BYTE6_FROM_16, .quirks = W1_QUIRK_CFG_ADDRESS,
	},
	[W1_MODEL_MAX31826] = {
		.name = "MAX31826", .family = 0x3B, .layout = W1_LAYOUT_MAX31826, .rom = A1_ROM,
		.conv_ms = { 60, 140 }, .conv_max_ms = 150, .speed = W1_SPEED_CONSTANT,
		.por_raw = 0x0550, .eeprom = { 0xFF, 0xFF, 0xF0 }, .reserved = { 0xFF, 0xFF, 0xFF },
		.quirks = W1_QUIRK_CFG_ADDRESS,
	},
	[W1_MODEL_MAX31850] = {
		.name = "MAX31850", .family = 0x3B, .layout = W1_LAYOUT_MAX31850, .rom = A1_ROM,
		.conv_ms = { 72, 100 }, .conv_max_ms = 100, .speed = W1_SPEED_CONSTANT,
		.por_raw = 0x0550, .eeprom = { 0x00, 0x00, 0xF0 }, .reserved = { 0xFF, 0xFF, 0xFF },
		.quirks = W1_QUIRK_CFG_ADDRESS,
	},
	[W1_MODEL_DS28EA00] = {
		DS18B20("DS28EA00", 0x42, 0x0550), .rom = A1_ROM, .conv_ms = { 584, 700 },
		.eeprom = { 0x4B, 0x46, 0x7F }, .reserved = GENUINE_RESERVED,
	},
};
/* clang-format on */

const struct w1_model *w1_model(enum w1_model_id id)
{
	return &models[id];
}

uint8_t w1_model_crc8(uint8_t crc, const uint8_t *p, unsigned len)
{
	while (len-- > 0) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++) {
			crc = (uint8_t)((crc >> 1) ^ ((crc & 1) ? 0x8C : 0));
		}
	}
	return crc;
}

void w1_model_rom(const struct w1_model *model, uint64_t seed, uint8_t rom[8])
{
	struct w1_random random;

	w1_random_init(&random, seed);
	rom[0] = model->family;
	for (int i = 0; i < 6; i++) {
		/* Seeded bytes are never 0: the zeros of a pattern are what tells it. */
		rom[i + 1] = (uint8_t)(model->rom[i] == W1_ROM_ANY
					       ? w1_random_between(&random, 1, 0xFE)
					       : (uint32_t)model->rom[i]);
	}
	rom[7] = w1_model_crc8(0, rom, 7);
}
