/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sensor_list: the sensors that this node knows, each with its place in every reading. Pure: no
 * clock, no file.
 *
 * A new sensor gets the next place, and is known from its third read with a value on (what only
 * noise made never gives one). A known one keeps its place, absent or not, until it is forgotten;
 * then those behind it move up. One that is not known and gone has no place, if no other one has to
 * move. There are SENSOR_LIST_MAX places: what is found beyond is refused, that is in no reading,
 * and named by sensor_list_refusal().
 *
 * A fixed list ([w1] sensors) has these sensors in this order; all others are refused.
 *
 * "A value" is any that is recorded, so that sensors which cannot give the whole proof (parasite
 * power, the kernel's bus) are known, too.
 */
#ifndef NODE_SENSOR_LIST_H
#define NODE_SENSOR_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpio-w1/thermometers.h"
#include "userspace/reading/reading.h"

#define SENSOR_LIST_MAX READING_TEMPERATURES_MAX
#define SENSOR_LIST_READS 3 /* until one is known, missed, or of another make */
#define SENSOR_MAKE_SIZE 40
#define SENSOR_LIST_TEXT_SIZE (SENSOR_LIST_MAX * 100 + 1)

enum sensor_event {
	SENSOR_UNCHANGED,
	SENSOR_KNOWN, /* it has entered the list */
	SENSOR_MISSED, /* no value in three cycles of a bus that works */
	SENSOR_BACK, /* a value again */
	SENSOR_OTHER_MAKE, /* in three reads: former_make was before */
};

struct sensor {
	uint8_t rom[8];
	uint8_t reads; /* with a value; SENSOR_LIST_READS: known */
	uint8_t misses; /* cycles in a row without, up to SENSOR_LIST_READS */
	uint8_t other_makes; /* reads in a row */
	int64_t since_us, seen_us; /* UTC of the first and the newest value; 0: not known */
	char make[SENSOR_MAKE_SIZE]; /* by its code and constants: "DS18B20", "DS18B20 clone"; "" */
	char former_make[SENSOR_MAKE_SIZE]; /* before it changed, in this process's life; "" */
	enum sensor_event event; /* of the newest cycle */
};

struct sensor_list {
	bool fixed;
	bool changed; /* what is worth to be saved at once; the caller clears it */
	unsigned n;
	struct sensor sensors[SENSOR_LIST_MAX];
	unsigned refused; /* in the newest cycle */
	uint8_t refused_rom[8]; /* one of them, if its code is known */
	bool refused_named;
};

/* From here on these, in this order; what is known of them stays. */
void sensor_list_fix(struct sensor_list *list, const uint8_t roms[][8], unsigned n);

/*
 * Puts a cycle's samples in the order of the list, with one for each that gave none, and updates
 * the list. utc_us: of the cycle; 0: not known.
 */
void sensor_list_apply(struct sensor_list *list, struct thermometers_result *result,
		       int64_t utc_us);

bool sensor_list_is_known(const struct sensor *s);
/* False: it has no place. */
bool sensor_list_forget(struct sensor_list *list, const uint8_t rom[8]);

/* Which sensors have no place in the readings, and why; "" if none. */
void sensor_list_refusal(const struct sensor_list *list, char *text, size_t size);

/*
 * The known ones as text, a line each in their order: name, since_us, seen_us, make. Read replaces
 * the list: 0, or -EINVAL if a line is none of these; what was before it is then read.
 */
void sensor_list_write(const struct sensor_list *list, char text[SENSOR_LIST_TEXT_SIZE]);
int sensor_list_read(struct sensor_list *list, const char *text);

#endif
