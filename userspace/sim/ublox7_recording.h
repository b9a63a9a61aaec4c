/* SPDX-License-Identifier: BSD-2-Clause */
/* ublox7_recording: a track from a recorded byte stream that holds UBX-NAV-PVT frames (of u-blox 7
 * or later). */
#ifndef UBLOX7_RECORDING_H
#define UBLOX7_RECORDING_H

#include "ublox7_world.h"

/*
 * The points of a file, in *track; free() it when the receiver that plays it has been stopped.
 * Returns their number, or a negative errno: -ENODATA if there is no NAV-PVT in it; err names the
 * cause, with the file's name.
 */
long ublox7_recording_read(const char *path, struct ublox7_point **track, char *err,
			   size_t err_size);

#endif
