/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * legacy_reading: the record of the legacy client (CoAPthon, Python 2.7) (legacy_text.h) as a
 * Reading, and back. Pure.
 *
 * device = urn:dev:mac of the MAC; epoch = READING_EPOCH_LEGACY; seq = TIME in us, so that a
 * record sent twice is stored once. A record without TIME (start, older form) takes the time of its
 * arrival, source "server". TIME dates the reading (source "host") if it is from 2000 on; before,
 * the Pi did not have the time, and it only numbers the reading.
 *
 * A sensor name that is no ROM becomes one of family 0, which no 1-Wire device has: 00, the low
 * 48 bits of FNV-1a over the name, lowest byte first, CRC. What has no field of its own (the name,
 * FLOW, a free GPS string) goes into note. Nothing shows that the value is of a fresh conversion:
 * the quality is "not-converted", or "absent" for "-1". A message of the MAC alone has the note
 * "started".
 */
#ifndef LEGACY_READING_H
#define LEGACY_READING_H

#include "userspace/reading/legacy_text.h"
#include "userspace/reading/reading.h"

/* arrived_us: UTC, for a record without TIME. */
void legacy_to_reading(const struct legacy_record *record, int64_t arrived_us,
		       struct reading *reading);

/*
 * A record for a legacy server: the first known temperature (else its first
 * sensor), its position as RMC, its time. -EINVAL: the device is not named by a 48-bit MAC, so
 * it has no place in the record.
 */
int legacy_from_reading(const struct reading *reading, struct legacy_record *record);

#endif
