/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * ds18b20: nine scratchpad bytes to a temperature and its quality. Pure.
 */
#ifndef DS18B20_H
#define DS18B20_H

/*
 * What a temperature is worth. The numbers are on disk and on the wire
 * (docs/protocol.md): never renumber, only append.
 */
/* clang-format off */
#define DS18B20_QUALITIES(X) \
	X(DS18B20_OK, 0, "ok", "seen converting in this cycle, power kept, CRC and structure right") \
	X(DS18B20_POWER_ON, 1, "power-on", "85 degC power-on value: the sensor lost power or did not convert") \
	X(DS18B20_CRC_FAILED, 2, "crc-failed", "the CRC was wrong on every try") \
	X(DS18B20_ABSENT, 3, "absent", "the sensor did not answer") \
	X(DS18B20_NOT_CONVERTED, 4, "not-converted", "it did not convert in this cycle, or not to the end") \
	X(DS18B20_BAD_SCRATCHPAD, 5, "bad-scratchpad", "all zero, all ones, or impossible constants") \
	X(DS18B20_OUT_OF_RANGE, 6, "out-of-range", "outside -55 to +125 degC") \
	X(DS18B20_BUS_FAILED, 7, "bus-failed", "short, no pull-up, or timing never met") \
	X(DS18B20_SENSOR_FAULT, 8, "sensor-fault", "thermocouple open or shorted (MAX31850)") \
	X(DS18B20_UNSEEN, 9, "unseen", "a value, but this sensor cannot show that it converted") \
	X(DS18B20_UNGUARDED, 10, "unguarded", "a value, but this sensor cannot show that it kept its power") \
	X(DS18B20_UNPROVEN, 11, "unproven", "a value of a bus that another one drives, too (the kernel's driver, a second master)") \
	X(DS18B20_DUPLICATE, 12, "duplicate", "the same wrong bytes each time: two sensors of one ROM code")
/* clang-format on */

enum ds18b20_quality {
#define X(id, number, name, text) id = number,
	DS18B20_QUALITIES(X)
#undef X
#define X(id, number, name, text) +1
		DS18B20_QUALITY_COUNT = 0 DS18B20_QUALITIES(X)
#undef X
};

#include <stdbool.h>
#include <stdint.h>

#define DS18B20_SCRATCHPAD_SIZE 9

/* Function commands (datasheet table 4) */
#define DS18B20_CONVERT_T 0x44
#define DS18B20_WRITE_SCRATCHPAD 0x4e
#define DS18B20_READ_SCRATCHPAD 0xbe
#define DS18B20_COPY_SCRATCHPAD 0x48
#define DS18B20_RECALL 0xb8
#define DS18B20_READ_POWER_SUPPLY 0xb4

/* Family codes: the first byte of a ROM code. */
#define DS18B20_FAMILY 0x28 /* also MAX31820 */
#define DS18S20_FAMILY 0x10 /* also DS1820 */
#define DS1822_FAMILY 0x22
#define DS1825_FAMILY 0x3b /* also MAX31826, MAX31850 */
#define DS28EA00_FAMILY 0x42

struct ds18b20_value {
	int16_t raw; /* 1/16 degC, undefined bits masked */
	int32_t temp_mc; /* m degC, rounded half away from zero */
	uint8_t resolution_bits;
};

/* One sensor in one cycle, from the bus to the Reading. A sensor that failed is in the result as
 * such. */
struct thermometer_sample {
	uint8_t rom[8]; /* family code first, CRC last */
	uint8_t scratchpad[DS18B20_SCRATCHPAD_SIZE]; /* as read; meaningful if scratchpad_known */
	bool scratchpad_known;
	bool temp_known;
	int32_t temp_mc; /* m degC; follows from the scratchpad by ds18b20_decode() where that is
			    known */
	uint8_t resolution_bits; /* 0: unknown */
	uint8_t retries; /* transactions repeated for this sensor in this cycle, saturating */
	enum ds18b20_quality quality;
};

/* The nearest 1/16 degC to temp_mc, which must be within -2048000 to 2047938. */
int16_t ds18b20_raw(int32_t temp_mc);

bool ds18b20_is_thermometer(uint8_t family);

/*
 * What follows from the nine bytes alone: DS18B20_OK, CRC_FAILED, BAD_SCRATCHPAD (all zero, all
 * ones, constants that no such part has), SENSOR_FAULT, OUT_OF_RANGE, or POWER_ON where they are
 * just as after power-on (raw 85 degC and byte 6 0Ch; any 85 degC of a MAX318xx). *value is
 * zero if CRC or structure are wrong or the sensor shows a fault.
 */
enum ds18b20_quality ds18b20_decode(uint8_t family,
				    const uint8_t scratchpad[DS18B20_SCRATCHPAD_SIZE],
				    struct ds18b20_value *value);

/*
 * The sentinel: what is written to TH and TL in RAM, never to the EEPROM, so that a sensor that
 * lost its power, or was swapped, comes back with other values. The one that differs from what the
 * EEPROM holds (as delivered: 4B 46, 55 00, 55 05, 55 AA, 7F 80, 00 00).
 */
void ds18b20_sentinel(const uint8_t eeprom[2], uint8_t sentinel[2]);
/* The same turned round: TH is below TL, so that every temperature is an alarm; and back. */
static inline void ds18b20_turn(uint8_t sentinel[2])
{
	uint8_t th = sentinel[0];

	sentinel[0] = sentinel[1];
	sentinel[1] = th;
}
/* Whether it is that one. */
static inline bool ds18b20_is_turned(const uint8_t sentinel[2])
{
	return (sentinel[0] & 0x80) != 0;
}
/* The other sentinel of the same row: it moves every bit of the scratchpad's CRC. */
void ds18b20_other_sentinel(const uint8_t sentinel[2], uint8_t other[2]);

/* What is known about one device from before. All zero: nothing. */
struct ds18b20_past {
	bool armed; /* the alarm registers hold `alarm`; without that no 85 degC is accepted */
	bool plain; /* has no alarm registers: can't be armed (MAX31826, MAX31850) */
	bool constants_known;
	bool byte6_fixed; /* byte 6 was seen not to follow byte 0 after a conversion */
	bool byte6_follows; /* byte 6 was seen to follow byte 0, with another value than at power-on
			     */
	uint8_t alarm[2]; /* TH, TL: the sentinel */
	uint8_t constant[3]; /* bytes 4 (configuration), 5 and 7 */
};

/* Remembers from a scratchpad with a right CRC what must not change from read to read. */
void ds18b20_remember(struct ds18b20_past *past, const uint8_t scratchpad[DS18B20_SCRATCHPAD_SIZE]);

/*
 * Judges bytes that ds18b20_decode() gave `quality` for by the past and this cycle. seen: this
 * sensor was seen busy after this cycle's Convert T. Corruption that passes the CRC mostly fails
 * here: of all 4-bit errors 1 in 126 passes the CRC, 1 in 7000 this, 1 in 80,000 once byte 6 is
 * known to follow byte 0.
 */
enum ds18b20_quality ds18b20_judge(struct ds18b20_past *past, uint8_t family, bool seen,
				   const uint8_t scratchpad[DS18B20_SCRATCHPAD_SIZE],
				   enum ds18b20_quality quality);

/* Whether a temperature comes with this quality: DS18B20_OK, or the proof is incomplete by the
 * sensor's make. */
bool ds18b20_has_value(enum ds18b20_quality quality);

/* A MAX31826 or MAX31850 by its nine bytes (family 3B): these have no alarm registers and one
 * resolution. */
bool ds18b20_is_max318xx(uint8_t family, const uint8_t scratchpad[DS18B20_SCRATCHPAD_SIZE]);

/* Longest conversion in us: datasheet tCONV at 9 to 12 bit, MAX31850's included. */
uint32_t ds18b20_conversion_us(uint8_t family, uint8_t resolution_bits);

/* "ok", "power-on" ... ; "unknown" for a number that is none of them. */
const char *ds18b20_quality_name(enum ds18b20_quality quality);

#endif
