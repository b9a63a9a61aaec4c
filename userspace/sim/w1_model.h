/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_model: the differences between makes of 1-Wire thermometers, as a table.
 *
 * A1 is the genuine DS18B20; A2 to H are the clone families that C. Petrich's
 * survey of counterfeits measured (github.com/cpetrich/counterfeit_DS18B20, the
 * letters are his); the rest are the other parts that speak the same protocol
 * (their own datasheets). w1_slave.c acts by these rows. Pure.
 */
#ifndef W1_MODEL_HEADER
#define W1_MODEL_HEADER

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
#endif

enum w1_model_id {
	W1_MODEL_A1,
	W1_MODEL_A2,
	W1_MODEL_A3,
	W1_MODEL_B1,
	W1_MODEL_B1V2,
	W1_MODEL_B2,
	W1_MODEL_C,
	W1_MODEL_D1,
	W1_MODEL_D2,
	W1_MODEL_E,
	W1_MODEL_F,
	W1_MODEL_G,
	W1_MODEL_H,
	W1_MODEL_DS18S20,
	W1_MODEL_DS1822,
	W1_MODEL_DS1825,
	W1_MODEL_MAX31826,
	W1_MODEL_MAX31850,
	W1_MODEL_DS28EA00,
	W1_MODEL_COUNT
};

/* Byte 6 of the scratchpad after a conversion. */
enum w1_byte6_law {
	W1_BYTE6_FIXED, /* never changes by itself */
	W1_BYTE6_FROM_16, /* 0x10 - low nibble of byte 0 */
	W1_BYTE6_FROM_32, /* 0x20 - low nibble of byte 0 */
};

/* How the conversion time follows the resolution. */
enum w1_speed_law {
	W1_SPEED_DOUBLES, /* each bit doubles it, as in the datasheet */
	W1_SPEED_CONSTANT,
	W1_SPEED_ROOT_2, /* each bit takes 1.41 times as long (family H) */
};

/* Layout of the nine bytes. */
enum w1_layout {
	W1_LAYOUT_DS18B20,
	W1_LAYOUT_DS18S20, /* half degrees, COUNT_REMAIN and COUNT_PER_C, no configuration */
	W1_LAYOUT_MAX31826, /* fixed 12 bit, no TH/TL */
	W1_LAYOUT_MAX31850, /* thermocouple, cold junction in bytes 2 and 3, fault bits */
};

#define W1_QUIRK_STORES_5 (1u << 0) /* 4E: third byte also to byte 6; bytes 4, 5 to 6, 7 */
#define W1_QUIRK_CFG_FIXED (1u << 1) /* configuration stays 7F */
#define W1_QUIRK_CFG_BIT7 (1u << 2) /* configuration keeps bit 7 (150 degC), reports 12 bit */
#define W1_QUIRK_CFG_ADDRESS (1u << 3) /* low nibble of the configuration = address pins */
#define W1_QUIRK_POLL_LATE (1u << 4) /* a poll reports "done" during the first ms */
#define W1_QUIRK_POLL_NEVER (1u << 5) /* a poll always reports "done" */
#define W1_QUIRK_RETAINS (1u << 6) /* scratchpad outlives power gaps of 100 ms and more */
#define W1_QUIRK_KEEPS_TEMP (1u << 7) /* powers up with 25 degC, then with the last value */
#define W1_QUIRK_POWER_LIES (1u << 8) /* Read Power Supply can't be trusted */
#define W1_QUIRK_NO_EEPROM (1u << 9) /* 48 does nothing */
#define W1_QUIRK_CAPACITOR (1u << 10) /* the "EEPROM" forgets without power */
#define W1_QUIRK_NO_PARASITE (1u << 11) /* on parasite power it does not answer */
#define W1_QUIRK_PARASITE_LOW (1u << 12) /* on parasite power it pulls the wire low for good */
#define W1_QUIRK_HUNG_LOW (1u << 13) /* ... once a parasite conversion was interrupted */

struct w1_model {
	const char *name;
	uint8_t family;
	enum w1_layout layout;
	int16_t rom[6]; /* bytes 1 to 6 of the ROM; W1_ROM_ANY: seeded */
	uint16_t conv_ms[2]; /* at the highest resolution: shortest and longest part seen */
	uint16_t conv_max_ms; /* what its datasheet promises there */
	enum w1_speed_law speed;
	uint16_t por_raw; /* bytes 0 and 1 after power-on */
	uint8_t eeprom[3]; /* TH, TL, configuration as delivered */
	uint8_t reserved[3]; /* bytes 5, 6, 7 after power-on */
	enum w1_byte6_law byte6;
	uint16_t eeprom_writes; /* how many it survives; 0: the datasheet's 50,000 */
	int16_t offset_mc[2]; /* error of the temperature: from, to */
	uint16_t quirks; /* W1_QUIRK_ */
};

#define W1_ROM_ANY (-1)

const struct w1_model *w1_model(enum w1_model_id id);

/* A ROM of the model's pattern, with its CRC. Same seed, same ROM. */
void w1_model_rom(const struct w1_model *model, uint64_t seed, uint8_t rom[8]);

/* Dallas CRC-8 (x^8+x^5+x^4+1, reflected, AN27), going on from crc. */
uint8_t w1_model_crc8(uint8_t crc, const uint8_t *p, unsigned len);

#endif
