// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "ds18b20.h"

#include <string.h>

#include "w1_crc.h"

#define RAW_MIN (-55 * 16)
#define RAW_MAX (125 * 16)
/* Thermocouples of type K to S behind a MAX31850 */
#define THERMOCOUPLE_MIN (-270 * 16)
#define THERMOCOUPLE_MAX (1800 * 16)
#define RAW_POWER_ON 0x0550 /* 85 degC */
#define RAW_POWER_LOW 0x07ff /* 127.94 degC: the conversion had too little power */
#define BYTE6_POWER_ON 0x0c

const char *ds18b20_quality_name(enum ds18b20_quality quality)
{
	switch (quality) {
#define X(id, number, name, text) \
	case id:                  \
		return name;
		DS18B20_QUALITIES(X)
#undef X
	default:
		return "unknown";
	}
}

int16_t ds18b20_raw(int32_t temp_mc)
{
	return (int16_t)((temp_mc * 16 + (temp_mc < 0 ? -500 : 500)) / 1000);
}

bool ds18b20_is_thermometer(uint8_t family)
{
	return family == DS18B20_FAMILY || family == DS18S20_FAMILY || family == DS1822_FAMILY ||
	       family == DS1825_FAMILY || family == DS28EA00_FAMILY;
}

/* Byte 6 is 10h minus the low nibble of byte 0, as genuine parts have it after a conversion (not in
 * the datasheet). */
static bool byte6_follows(const uint8_t scratchpad[DS18B20_SCRATCHPAD_SIZE])
{
	return scratchpad[6] == 0x10 - (scratchpad[0] & 0x0f);
}

static bool all_are(const uint8_t *bytes, uint8_t value)
{
	for (int i = 0; i < DS18B20_SCRATCHPAD_SIZE; i++) {
		if (bytes[i] != value) {
			return false;
		}
	}
	return true;
}

static int16_t signed16(uint8_t low, uint8_t high)
{
	unsigned both = (unsigned)high << 8 | low;

	return (int16_t)(both >= 0x8000 ? (int)both - 0x10000 : (int)both);
}

static void set_raw(struct ds18b20_value *v, int raw)
{
	int scaled = raw * 625; /* raw * 62.5, the half away from zero */

	v->raw = (int16_t)raw;
	v->temp_mc = (scaled >= 0 ? scaled + 5 : scaled - 5) / 10;
}

/* The quality of a value of the right structure: by byte 6, whether a conversion wrote it. */
static enum ds18b20_quality quality_of(int raw, const uint8_t *sp)
{
	if (raw == RAW_POWER_ON && sp[6] == BYTE6_POWER_ON) {
		return DS18B20_POWER_ON;
	}
	if (raw == RAW_POWER_LOW && sp[6] == BYTE6_POWER_ON) {
		return DS18B20_NOT_CONVERTED;
	}
	return raw < RAW_MIN || raw > RAW_MAX ? DS18B20_OUT_OF_RANGE : DS18B20_OK;
}

/*
 * DS18S20 datasheet: TEMPERATURE = TEMP_READ - 0.25 + (COUNT_PER_C - COUNT_REMAIN) / COUNT_PER_C.
 * COUNT_PER_C is 16 in a DS18S20; in a DS1820 it is a count of its own oscillator.
 */
static enum ds18b20_quality decode_ds18s20(const uint8_t *sp, struct ds18b20_value *v)
{
	int half = signed16(sp[0], sp[1]), per_c = sp[7], sixteenths;
	int whole = half >= 0 ? half / 2 : -((1 - half) / 2); /* TEMP_READ: raw without its half
								 degree, rounded down */

	/* Half degrees from -55 to 125: the bits above are one sign. */
	if (per_c == 0 || sp[6] > per_c || half < -128 || half > 255) {
		return DS18B20_BAD_SCRATCHPAD;
	}
	sixteenths = (32 * (per_c - sp[6]) + per_c) / (2 * per_c); /* to nearest */
	set_raw(v, whole * 16 - 4 + sixteenths);
	v->resolution_bits = 9;
	/* The power-on register is AAh, whatever COUNT_PER_C makes of it. */
	return half == 0xaa && sp[6] == BYTE6_POWER_ON ? DS18B20_POWER_ON : quality_of(v->raw, sp);
}

bool ds18b20_is_max318xx(uint8_t family, const uint8_t scratchpad[DS18B20_SCRATCHPAD_SIZE])
{
	return family == DS1825_FAMILY && (scratchpad[4] & 0x80) != 0;
}

/* The MAX31826 has FF there, the MAX31850 its cold junction, whose bit 3 reads 0. */
static bool is_thermocouple(uint8_t family, const uint8_t *sp)
{
	return ds18b20_is_max318xx(family, sp) && !(sp[2] == 0xff && sp[3] == 0xff);
}

static enum ds18b20_quality decode_thermocouple(const uint8_t *sp, struct ds18b20_value *v)
{
	/* Bit 0: open, or short to ground or supply (bits 0 to 2 of byte 2); bit 1 is reserved
	 * (MAX31850 datasheet, figure 6) */
	bool fault = (sp[0] & 1) != 0;

	if (fault != ((sp[2] & 7) != 0)) {
		return DS18B20_BAD_SCRATCHPAD;
	}
	if (fault) {
		return DS18B20_SENSOR_FAULT;
	}
	set_raw(v, signed16(sp[0], sp[1]) & ~3);
	if (v->raw == RAW_POWER_ON) {
		return DS18B20_POWER_ON; /* a measured 85 degC looks the same */
	}
	return v->raw < THERMOCOUPLE_MIN || v->raw > THERMOCOUPLE_MAX ? DS18B20_OUT_OF_RANGE
								      : DS18B20_OK;
}

/* Bits 15 to 11 are copies of the sign. */
static bool has_one_sign(const uint8_t *sp)
{
	return (sp[1] & 0xf8) == 0 || (sp[1] & 0xf8) == 0xf8;
}

static enum ds18b20_quality decode_max31826(const uint8_t *sp, struct ds18b20_value *v)
{
	if (!has_one_sign(sp)) {
		return DS18B20_BAD_SCRATCHPAD;
	}
	set_raw(v, signed16(sp[0], sp[1]));
	v->resolution_bits = 12;
	/* A measured 85 degC looks the same. */
	return v->raw == RAW_POWER_ON ? DS18B20_POWER_ON : quality_of(v->raw, sp);
}

/*
 * 0 R1 R0 and five ones (datasheet, figure 10), or five zeros (parts seen with 60h); on a DS1825
 * the lower four are address pins. Bit 7: 13 or 14 bits in a GX20MH01, a wider range in family F.
 */
static bool is_configuration(uint8_t family, uint8_t config)
{
	if (family == DS1825_FAMILY) {
		return (config & 0x90) == 0x10;
	}
	return (config & 0x1f) == 0x1f || (config & 0x9f) == 0x00 || (config & 0x9c) == 0x9c;
}

static enum ds18b20_quality decode_configured(uint8_t family, const uint8_t *sp,
					      struct ds18b20_value *v)
{
	if (!has_one_sign(sp) || !is_configuration(family, sp[4])) {
		return DS18B20_BAD_SCRATCHPAD;
	}
	/* Bit 7 (no DS1825 comes here with it): 1/16 degC as with 12 bits; a GX20MH01 has two more
	 * bits in the register. */
	v->resolution_bits = (sp[4] & 0x80) != 0 ? 12 : (uint8_t)(9 + ((sp[4] >> 5) & 3));
	/* Undefined bits below the resolution (table 2) */
	set_raw(v, signed16(sp[0], sp[1]) & ~((1 << (12 - v->resolution_bits)) - 1));
	return quality_of(v->raw, sp);
}

enum ds18b20_quality ds18b20_decode(uint8_t family,
				    const uint8_t scratchpad[DS18B20_SCRATCHPAD_SIZE],
				    struct ds18b20_value *value)
{
	const uint8_t *sp = scratchpad;

	memset(value, 0, sizeof *value);
	if (all_are(sp, 0x00) || all_are(sp, 0xff)) {
		return DS18B20_BAD_SCRATCHPAD;
	}
	if (w1_crc8(sp, DS18B20_SCRATCHPAD_SIZE) != 0) {
		return DS18B20_CRC_FAILED;
	}
	if (family == DS18S20_FAMILY) {
		return decode_ds18s20(sp, value);
	}
	if (is_thermocouple(family, sp)) {
		return decode_thermocouple(sp, value);
	}
	if (ds18b20_is_max318xx(family, sp)) {
		return decode_max31826(sp, value);
	}
	return decode_configured(family, sp, value);
}

/*
 * No temperature is at or beyond them. Two of a row differ by FFh in the CRC of a scratchpad that
 * holds them: the CRC is linear.
 */
static const uint8_t sentinels[2][2][2] = {
	{ { 0x7e, 0x81 }, { 0x7e, 0x93 } },
	{ { 0x7e, 0x84 }, { 0x7f, 0xc8 } },
};

void ds18b20_sentinel(const uint8_t eeprom[2], uint8_t sentinel[2])
{
	bool taken = false;

	for (unsigned i = 0; i < 2; i++) {
		const uint8_t turned[2] = { sentinels[0][i][1], sentinels[0][i][0] };

		taken = taken || memcmp(eeprom, sentinels[0][i], 2) == 0 ||
			memcmp(eeprom, turned, 2) == 0;
	}

	memcpy(sentinel, sentinels[taken][0], 2);
}

void ds18b20_other_sentinel(const uint8_t sentinel[2], uint8_t other[2])
{
	for (unsigned row = 0; row < 2; row++) {
		for (unsigned i = 0; i < 2; i++) {
			if (memcmp(sentinel, sentinels[row][i], 2) == 0) {
				memcpy(other, sentinels[row][!i], 2);
			}
		}
	}
}

/* With 13 and 14 bits the lowest two bits of the configuration are the temperature's (GX20MH01). */
static uint8_t configuration(const uint8_t *sp)
{
	return (sp[4] & 0x80) != 0 ? sp[4] & 0xfc : sp[4];
}

void ds18b20_remember(struct ds18b20_past *past, const uint8_t scratchpad[DS18B20_SCRATCHPAD_SIZE])
{
	past->constants_known = true;
	past->constant[0] = configuration(scratchpad);
	past->constant[1] = scratchpad[5];
	past->constant[2] = scratchpad[7];
}

static bool constants_hold(const struct ds18b20_past *past, const uint8_t *sp)
{
	return !past->constants_known || (configuration(sp) == past->constant[0] &&
					  sp[5] == past->constant[1] && sp[7] == past->constant[2]);
}

/* Byte 6 is what this device's was before: false, or what a later reading must obey. */
static bool byte6_holds(struct ds18b20_past *past, uint8_t family, const uint8_t *sp)
{
	if (family == DS18S20_FAMILY) {
		return true; /* COUNT_REMAIN */
	}
	if (past->byte6_follows && !byte6_follows(sp)) {
		past->byte6_follows = false;
		return false;
	}
	if ((sp[0] & 0x0f) != 4 && byte6_follows(sp)) {
		past->byte6_follows = true;
	}
	past->byte6_fixed = past->byte6_fixed || !byte6_follows(sp);
	return true;
}

/* 85 degC: the temperature, or what the register holds after power-on. */
static bool is_power_on(const struct ds18b20_past *past, bool seen, const uint8_t *sp,
			enum ds18b20_quality quality)
{
	/* With the byte 6 of power-on it is a temperature only of a make whose byte 6 is fixed, if
	 * it kept its sentinel and was seen to convert. */
	if (quality == DS18B20_POWER_ON) {
		return !past->armed || !past->byte6_fixed || !seen;
	}
	/* Family E has byte 6 right at power-on, too. */
	return !past->armed && sp[0] == (RAW_POWER_ON & 0xff) && sp[1] == RAW_POWER_ON >> 8;
}

enum ds18b20_quality ds18b20_judge(struct ds18b20_past *past, uint8_t family, bool seen,
				   const uint8_t scratchpad[DS18B20_SCRATCHPAD_SIZE],
				   enum ds18b20_quality quality)
{
	const uint8_t *sp = scratchpad;

	if (quality == DS18B20_CRC_FAILED || quality == DS18B20_BAD_SCRATCHPAD) {
		return quality;
	}
	if (past->armed && (sp[2] != past->alarm[0] || sp[3] != past->alarm[1])) {
		past->armed = past->constants_known = false;
		return DS18B20_POWER_ON;
	}
	if (!constants_hold(past, sp)) {
		past->armed = past->constants_known = false; /* learnt again, if the device is of
								that kind */
		return DS18B20_BAD_SCRATCHPAD;
	}
	if (quality != DS18B20_OK && quality != DS18B20_POWER_ON) {
		return quality;
	}
	if (is_power_on(past, seen, sp, quality)) {
		return DS18B20_POWER_ON;
	}
	if (quality == DS18B20_OK && !byte6_holds(past, family, sp)) {
		return DS18B20_BAD_SCRATCHPAD;
	}
	if (!past->armed && !past->plain) {
		return DS18B20_POWER_ON; /* it did not even keep the sentinel until now */
	}
	return !seen ? DS18B20_UNSEEN : past->plain ? DS18B20_UNGUARDED : DS18B20_OK;
}

bool ds18b20_has_value(enum ds18b20_quality quality)
{
	return quality == DS18B20_OK || quality == DS18B20_UNSEEN || quality == DS18B20_UNGUARDED ||
	       quality == DS18B20_UNPROVEN;
}

uint32_t ds18b20_conversion_us(uint8_t family, uint8_t resolution_bits)
{
	if (family == DS18S20_FAMILY || resolution_bits < 9 || resolution_bits > 12) {
		return 750000;
	}
	return 750000u >> (12 - resolution_bits);
}
