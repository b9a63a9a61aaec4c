// SPDX-License-Identifier: BSD-2-Clause
#include "checks.h"
void check_uplink_close(struct selftest *t)
{
	t->uplink = NULL;
}
