// SPDX-License-Identifier: BSD-2-Clause
#include "checks.h"
void check_receiver_close(struct selftest *t)
{
	t->receiver = NULL;
}
