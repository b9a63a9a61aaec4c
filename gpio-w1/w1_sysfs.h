/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * w1_sysfs: the kernel's sensors (w1_therm), read through sysfs: the fallback where userspace can't have
 * the line. Each read of w1_slave makes the kernel convert; it blocks for up to a second a sensor.
 */
#ifndef W1_SYSFS_H
#define W1_SYSFS_H

#include <stddef.h>

#include "w1_cycle.h"

/*
 * root: "/sys/bus/w1". Fills samples (W1_CYCLE_DEVICES) and *n. 0, or -ENODEV (the driver is not loaded, or has
 * no sensor) with err. A read that is empty, a CRC that is wrong, zeros from a shorted bus: a sample with
 * that quality, never a value.
 */
int w1_sysfs_read(const char *root, struct thermometer_sample *samples, unsigned *n, char *err, size_t err_size);

#endif
