/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ublox7_power: the simulated receiver's power states and its navigation epochs, as commands and
 * time act on them. Not for users of ublox7.h.
 */
#ifndef UBLOX7_POWER_H
#define UBLOX7_POWER_H

#include "ublox7.h"

int64_t ublox7_now_gps_us(const struct ublox7 *u);

/* A fix ttff_ms from now, 0: at once. */
void ublox7_start_gnss(struct ublox7 *u, uint32_t ttff_ms, bool utc_known);
void ublox7_compute_epoch(struct ublox7 *u, int64_t at_us);
void ublox7_schedule_epoch(struct ublox7 *u);
/* epoch_due_ns has come: computes it and sends its messages. */
void ublox7_epoch(struct ublox7 *u);

void ublox7_power(struct ublox7 *u, enum ublox7_power state, uint64_t until_ns);
/* power_until_ns has come. */
void ublox7_power_event(struct ublox7 *u);
void ublox7_reboot(struct ublox7 *u);
void ublox7_sleep(struct ublox7 *u, uint32_t ms); /* backup mode; 0: until an edge on RXD */
void ublox7_stay_awake(struct ublox7 *u); /* power save: its time awake starts again */
/* CFG-PRT was carried out: the byte on the line is damaged if the baud is another one. */
void ublox7_port_changed(struct ublox7 *u, uint32_t old_baud);

#endif
