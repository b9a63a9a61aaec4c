// SPDX-License-Identifier: BSD-2-Clause
#include "node_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "system_facts.h"
#include "time/now.h"
#include "uplink.h"
#include "userspace/daemon/log.h"

int node_check_device(const struct node_config *config, char device[READING_DEVICE_SIZE])
{
	uint8_t mac[6];

	if (config->device != NULL) {
		snprintf(device, READING_DEVICE_SIZE, "%s", config->device);
		return 0;
	}
	if (system_facts_mac("", mac) != 0) {
		log_error(
			"no network interface has a MAC address to name this node by: set [node] device");
		return -ENODEV;
	}
	reading_device_from_mac(mac, device);
	return 0;
}

int64_t node_check_utc_s(const struct node_config *config)
{
	int64_t now_us = now_utc_us();

	return now_us < config->not_before_us ? 0 : now_us / 1000000;
}

int node_check_server(const struct node_config *config, const char *device, int64_t utc_s,
		      char *err, size_t err_size)
{
	struct uplink *uplink;
	int code = 0;

	if (config->n_servers == 0) {
		return 0;
	}
	uplink = uplink_open(config, device, utc_s, &code, err, err_size);
	uplink_close(uplink);
	return code;
}
