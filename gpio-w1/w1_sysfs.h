/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * w1_sysfs: the kernel's sensors (w1_therm), read through sysfs: the fallback where userspace can't
 * have the line.
 *
 * Where all sensors have their own power and the kernel offers it (5.10), one therm_bulk_read
 * converts for all; else each read of w1_slave converts and blocks for up to a second a sensor. The
 * driver's faults are taken care of: an error is an empty read there, a value with a wrong CRC
 * comes with the last good bytes beside it, zeros of a shorted bus pass its CRC, and so does 85
 * degC from power-on. That a sensor received Convert T and kept its power does not show there: the
 * values have the quality DS18B20_UNPROVEN.
 */
#ifndef W1_SYSFS_H
#define W1_SYSFS_H

#include <stddef.h>

#include "w1_cycle.h"

/*
 * root: "/sys/bus/w1". resolutions: NULL leaves the sensors as they are. Fills samples
 * (W1_CYCLE_DEVICES) and *n. 0, or -ENODEV (the driver is not loaded, or has no sensor) with err. A
 * read that is empty, a CRC that is wrong, zeros from a shorted bus: a sample with that quality,
 * never a value.
 */
int w1_sysfs_read(const char *root, const struct w1_resolutions *resolutions,
		  struct thermometer_sample *samples, unsigned *n, char *err, size_t err_size);

#endif
