/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ublox7_pty: the simulated receiver behind a pseudo terminal, in real time.
 *
 * Programs open ublox7_pty_path() as they would a serial port. The baud that they set
 * there counts: with another than the receiver's both sides receive garbage. Bytes are
 * paced; what no program reads or what comes while the port is closed is lost, as on
 * a wire. The time of the fixes is the host's UTC.
 *
 * One thread per receiver; start, path and stop may be called from any one thread at a time.
 */
#ifndef UBLOX7_PTY_H
#define UBLOX7_PTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ublox7.h"

struct ublox7_pty;

/* config->utc_us is set here. NULL: err is the reason. The config is copied, but not its track. */
struct ublox7_pty *ublox7_pty_start(const struct ublox7_config *config, char *err, size_t err_size);
/* "/dev/pts/7"; valid until stop. */
const char *ublox7_pty_path(const struct ublox7_pty *p);
/* Accepts NULL. A program that has the port open sees it hang up, as when a USB receiver is pulled.
 */
void ublox7_pty_stop(struct ublox7_pty *p);

/* Safe while it runs. */
void ublox7_pty_brown_out(struct ublox7_pty *p, uint32_t off_ms);
void ublox7_pty_stick(struct ublox7_pty *p, bool stuck);
void ublox7_pty_counters(struct ublox7_pty *p, struct ublox7_counters *out);

#endif
