/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ublox7_report: payloads of NAV, MON and TIM messages of the simulated receiver, from its newest
 * epoch and its own state. Layouts: V14 sections 38 to 41. Pure.
 */
#ifndef UBLOX7_REPORT_H
#define UBLOX7_REPORT_H

#include "ublox7.h"

/* Into out (UBLOX7_PAYLOAD_MAX bytes). Returns the length, or -1: this receiver has no such message
 * and stays silent. */
int ublox7_report(const struct ublox7 *u, uint8_t cls, uint8_t id, uint8_t *out);

#endif
