/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bundle: one text file to share: the outcomes, the machine and the configuration.
 *
 * Left out or blotted: keys and certificates (only file names stay), the servers' host names
 * and addresses, the last half of the device's name, the serial number. A position is in the
 * outcomes only with --position.
 */
#ifndef SELFTEST_BUNDLE_H
#define SELFTEST_BUNDLE_H

#include "selftest.h"

/* 0, or -errno with errno set. The file is readable by its owner only. */
int bundle_write(const char *path, const struct node_config *config,
		 const struct config_source *source, const struct selftest_outcome *outcomes,
		 size_t n);

#endif
