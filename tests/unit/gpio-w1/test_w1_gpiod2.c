// SPDX-License-Identifier: BSD-2-Clause
/* The backend for libgpiod 2.x on a fake of that library, whichever major this machine has. */
#define _GNU_SOURCE
#include "fake_gpiod2.h"

#include "gpio-w1/w1_gpiod2.c"

#include "w1_gpiod_behaviour.h"

int main(void)
{
	int failed;

	fake_dev_make();
	failed = cmocka_run_group_tests_name("libgpiod 2", behaviour, NULL, NULL);
	fake_dev_remove();
	return failed;
}
