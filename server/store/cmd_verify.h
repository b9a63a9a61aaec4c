/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_verify: `geotherm-server verify`: reads the whole store, recomputes its temperatures from
 * their bytes, and prints the result on stdout. */
#ifndef CMD_VERIFY_H
#define CMD_VERIFY_H

#include "store.h"

enum verify_result { VERIFY_GOOD, VERIFY_WRONG, VERIFY_INCOMPLETE, VERIFY_NO_STORE };

enum verify_result cmd_verify(const struct store_config *config);

#endif
