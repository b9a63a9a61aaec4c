/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * ds18b20_identify: whether a DS18B20 is genuine, or which family of clone. Pure.
 *
 * The families and their marks are those of C. Petrich's survey
 * (github.com/cpetrich/counterfeit_DS18B20). Only documented commands are used; only RAM is
 * written, and restored. His checks by undocumented commands may ruin a device and are not used. A
 * device that passes all is "consistent with" a genuine one: no check can show more.
 *
 * The conversion time is measured by polling: the other sensors on the bus must not be converting.
 */
#ifndef DS18B20_IDENTIFY_H
#define DS18B20_IDENTIFY_H

#include "ds18b20.h"
#include "w1_bus.h"

enum ds18b20_check {
	DS18B20_CHECK_ROM, /* ROM code 28-xx-xx-xx-xx-00-00 (a counter) */
	DS18B20_CHECK_RESERVED, /* reserved bytes 5 and 7 are FF and 10 */
	DS18B20_CHECK_BYTE6, /* byte 6 follows byte 0 */
	DS18B20_CHECK_WRITE, /* bytes 5 to 7 can't be written */
	DS18B20_CHECK_CONFIG, /* configuration reads 1F and 7F when 00 and FF are written */
	DS18B20_CHECK_POLL, /* busy at once after Convert T */
	DS18B20_CHECK_TIME, /* 12-bit conversion takes 540 to 665 ms */
	DS18B20_CHECK_DOUBLING, /* each bit doubles the conversion time */
	DS18B20_CHECK_COUNT
};

/* What ds18b20_examine() saw. */
struct ds18b20_evidence {
	uint8_t rom[W1_ROM_SIZE];
	bool parasite; /* then only the scratchpad below is filled: the device can't be polled */
	uint8_t converted[2][DS18B20_SCRATCHPAD_SIZE]; /* after a conversion at 12 and at 9 bit */
	uint8_t config_00, config_ff; /* read back */
	bool byte6_written; /* the third written byte, or the fourth and fifth, turned up in bytes 5
			       to 7 */
	bool busy_at_once; /* seen busy in the first millisecond */
	bool busy_seen;
	uint32_t conversion_us[2]; /* at 12 and at 9 bit; 0: could not be polled */
};

enum ds18b20_verdict {
	DS18B20_GENUINE, /* consistent with a genuine part: family "A1" */
	DS18B20_CLONE, /* of the family named */
	DS18B20_CLONE_UNKNOWN, /* family "" */
	DS18B20_INCONCLUSIVE, /* parasite power, or not a DS18B20 */
};

struct ds18b20_identity {
	enum ds18b20_verdict verdict;
	const char *family; /* "A1" ... "H", or "" */
	unsigned passed; /* checks, of DS18B20_CHECK_COUNT */
	bool pass[DS18B20_CHECK_COUNT];
};

/* Takes two seconds on the bus. 0, or the error of the transaction that failed (w1_error.h). */
int ds18b20_examine(struct w1_bus *bus, const uint8_t rom[W1_ROM_SIZE], struct ds18b20_evidence *e);

void ds18b20_identify(const struct ds18b20_evidence *e, struct ds18b20_identity *identity);

/* "consistent with genuine", "clone of family" ... */
const char *ds18b20_verdict_text(enum ds18b20_verdict verdict);

#endif
