/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ubx_assist: known position and time, as AID-INI for a receiver without them.
 *
 * Position as latitude, longitude, height and time as UTC (V14 section 38.1; flags
 * 0x423). Aiding that is wrong delays a fix more than none does, so its uncertainty grows
 * with age and what is too old is refused. Pure.
 */
#ifndef UBX_ASSIST_H
#define UBX_ASSIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gnss_fix.h"

struct ubx_assist {
	bool position_known, time_known;
	uint64_t at_ns; /* session clock when all of this was true */
	int32_t lat_e7, lon_e7, height_mm;
	uint32_t pos_acc_mm;
	int64_t utc_us;
	uint32_t time_acc_us;
};

/* What a fix knows, if it has a position. */
void ubx_assist_from_fix(struct ubx_assist *assist, const struct gnss_fix *fix);

#define UBX_AID_INI_SIZE 48

/* Payload of AID-INI for this moment; 0 if nothing is known or the position is too old. */
size_t ubx_assist_make(uint8_t payload[UBX_AID_INI_SIZE], const struct ubx_assist *assist,
		       uint64_t now_ns);

#endif
