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
 * Checks that [server] is usable at that time: 0; or -EKEYREJECTED for a credential, -EINVAL for a
 * URI, a cipher, or a device that the format cannot name, with err.
 */
int node_check_server(const struct node_config *config, const char *device, int64_t utc_s,
		      char *err, size_t err_size);

/* UTC in s for the dates of certificates; 0 while this machine's clock is implausible. */
int64_t node_check_utc_s(const struct node_config *config);

#endif
