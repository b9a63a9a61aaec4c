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
#define DS18B20_QUALITIES(X) \
	X(DS18B20_OK, 0, "ok", "converted in this cycle, CRC and structure right") \
	X(DS18B20_POWER_ON, 1, "power-on", "85 degC power-on value: the sensor lost power or did not convert") \
	X(DS18B20_CRC_FAILED, 2, "crc-failed", "the CRC was wrong on every try") \
	X(DS18B20_ABSENT, 3, "absent", "the sensor did not answer") \
	X(DS18B20_NOT_CONVERTED, 4, "not-converted", "no proof that this cycle's conversion took place") \
	X(DS18B20_BAD_SCRATCHPAD, 5, "bad-scratchpad", "all zero, all ones, or impossible constants") \
	X(DS18B20_OUT_OF_RANGE, 6, "out-of-range", "outside -55 to +125 degC") \
	X(DS18B20_BUS_FAILED, 7, "bus-failed", "short, no pull-up, or timing never met")

enum ds18b20_quality {
#define X(id, number, name, text) id = number,
	DS18B20_QUALITIES(X)
#undef X
};

/* "ok", "power-on" ... ; "unknown" for a number that is none of them. */
const char *ds18b20_quality_name(enum ds18b20_quality quality);

#endif
