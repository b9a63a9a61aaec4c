/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * system_facts: facts of this machine, for a reading and for names.
 *
 * From /proc and /sys only: no commands, no rights needed. What cannot be read
 * stays unknown. root is put before every path; "" on a real machine, a tree of a test else.
 */
#ifndef NODE_SYSTEM_FACTS_H
#define NODE_SYSTEM_FACTS_H

#include <stdint.h>

#include "clock.h"
#include "userspace/reading/reading.h"

/* Host name, version, uptime, CPU temperature, load, free memory, throttling flags. */
void system_facts_fill(const char *root, struct reading *r);

/*
 * The MAC that names this machine: of the network interfaces with an Ethernet address of their own,
 * the one that the kernel met first (eth0 on a Pi 3, wlan0 on a Zero W). 0 or -ENODEV.
 */
int system_facts_mac(const char *root, uint8_t mac[6]);

/* The same for the life of a boot, another after it; never 0. */
uint64_t system_facts_boot(const char *root);

/* Is the kernel's clock synchronised: 1 and *stamp, or 0. */
int system_facts_ntp(struct clock_stamp *stamp);

#endif
