/* SPDX-License-Identifier: BSD-2-Clause */
/* ublox7_nmea: the simulated receiver's NMEA 0183: its epoch and its boot banner. Pure.
 */
#ifndef UBLOX7_NMEA_H
#define UBLOX7_NMEA_H

#include "ublox7.h"

#define UBLOX7_NMEA_MAX 512 /* GSV is several sentences */

/* The sentence(s) of CFG-MSG class 0xF0 `id` with CR LF; length, 0 if there is none. */
size_t ublox7_nmea(const struct ublox7_epoch *e, uint8_t id, char out[UBLOX7_NMEA_MAX]);
/* "$GPTXT,01,01,02,text*hh"; level 0 error, 1 warning, 2 notice. */
size_t ublox7_nmea_text(unsigned level, const char *text, char out[UBLOX7_NMEA_MAX]);
/* Line `n` of the boot banner, NULL after the last. Valid for ever. */
const char *ublox7_banner(const struct ublox7 *u, unsigned n);

#endif
