// SPDX-License-Identifier: BSD-2-Clause
/*
 * For any number and make of sensors, under preemption and noise: no false temperature is accepted
 * (w1_campaign.h), and where it can be every one is read. Wires are test_w1_wires.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "w1_campaign.h"

static const struct campaign_kind kinds[] = {
	{ .name = "a quiet bus, every make", .answered_percent = 100 },
	{ .name = "parasite power",
	  .devices = 7,
	  .makes = CAMPAIGN_PARASITES,
	  .answered_percent = 100 },
	{ .name = "preemption 1e-2, 20 tries",
	  .preempt_ppm = 10000,
	  .tries = 20,
	  .quiet_first = true },
	{ .name = "preemption 1e-2",
	  .preempt_ppm = 10000,
	  .quiet_first = true,
	  .answered_percent = 50 },
	{ .name = "preemption 3e-3", .preempt_ppm = 3000, .answered_percent = 90 },
	{ .name = "preemption 1e-3",
	  .preempt_ppm = 1000,
	  .quiet_first = true,
	  .answered_percent = 98 },
	{ .name = "noise 3e-4", .noise_ppm = 300, .quiet_first = true, .answered_percent = 98 },
	{ .name = "noise and preemption 3e-4",
	  .preempt_ppm = 300,
	  .noise_ppm = 300,
	  .quiet_first = true },
	{ .name = "12 on parasite power",
	  .devices = 12,
	  .makes = CAMPAIGN_PARASITES,
	  .answered_percent = 99 },
	{ .name = "20 sensors", .devices = 20, .makes = CAMPAIGN_GENUINE, .answered_percent = 99 },
	{ .name = "F beside D1", .devices = 2, .makes = CAMPAIGN_LAGGING, .answered_percent = 99 },
};

static void on_any_computer_no_false_temperature_is_accepted(void **state)
{
	(void)state;
	campaign_run_all("weather", kinds, sizeof kinds / sizeof kinds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_any_computer_no_false_temperature_is_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
