/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * random_reading: seeded Readings for property tests: every field unknown or known, values at
 * their bounds as often as in between, texts with what JSON must escape.
 */
#ifndef RANDOM_READING_H
#define RANDOM_READING_H

#include "gpio-w1/ds18b20.h"
#include "gpio-w1/w1_crc.h"
#include "userspace/reading/reading.h"

/* splitmix64 */
uint64_t random_u64(uint64_t *seed);

uint64_t random_below(uint64_t *seed, uint64_t n);

/* Of `bits` bits: all zeros, all ones, only the top one, small, or anything. */
uint64_t random_bits(uint64_t *seed, unsigned bits);

void random_temperature(uint64_t *seed, struct thermometer_sample *t);

void random_reading(uint64_t *seed, struct reading *r);

#endif
