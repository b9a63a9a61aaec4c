/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node_check: checks of a configuration without hardware, outbox or network.
 */
#ifndef NODE_CHECK_H
#define NODE_CHECK_H

#include <stdint.h>

#include "node_config.h"
#include "userspace/reading/reading.h"

/* The URN of this node, as configured or by its MAC: 0, or -ENODEV, which is logged. */
int node_check_device(const struct node_config *config, char device[READING_DEVICE_SIZE]);

/*
 * Checks that [server] is usable now: 0, -EKEYREJECTED for a credential or -EINVAL for a URI, a
 * cipher, or a device that the format cannot name, which is logged.
 */
int node_check_server(const struct node_config *config, const char *device);

/* UTC in s for the dates of certificates; 0 while this machine's clock is implausible. */
int64_t node_check_utc_s(const struct node_config *config);

#endif
