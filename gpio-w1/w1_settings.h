/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_settings: what the sensors of a bus are set to, in their RAM: one setting for all, and others
 * for single sensors.
 *
 * Pure data; copied by value.
 */
#ifndef W1_SETTINGS_H
#define W1_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define W1_SETTINGS_OWN 64 /* as many as a bus has sensors */

struct w1_setting {
	uint8_t rom[8]; /* of whom; unused in w1_settings.all */
	uint8_t resolution_bits; /* 9 to 12; 0: as it is */
	/*
	 * With alarms, the sensor keeps these thresholds (degC, -55 to 125, high above low), and a
	 * sample at or beyond one is marked. They take the place of the sentinel that tells a loss
	 * of power, so they must differ from the EEPROM's (as delivered mostly 75 and 70).
	 */
	bool alarms;
	int8_t alarm_high, alarm_low;
};

struct w1_settings {
	struct w1_setting all;
	struct w1_setting own[W1_SETTINGS_OWN];
	unsigned n_own;
};

static inline const struct w1_setting *w1_setting_of(const struct w1_settings *s,
						     const uint8_t rom[8])
{
	for (unsigned i = 0; i < s->n_own; i++) {
		if (memcmp(s->own[i].rom, rom, 8) == 0) {
			return &s->own[i];
		}
	}
	return &s->all;
}

#endif
