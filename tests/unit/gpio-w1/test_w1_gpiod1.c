// SPDX-License-Identifier: BSD-2-Clause
/* The backend for libgpiod 1.x on a fake of that library, whichever major this machine has. */
#define _GNU_SOURCE
#include "fake_gpiod1.h"

#include "gpio-w1/w1_gpiod1.c"

#include "w1_gpiod_behaviour.h"

int main(void)
{
	return cmocka_run_group_tests_name("libgpiod 1", behaviour, NULL, NULL);
}
