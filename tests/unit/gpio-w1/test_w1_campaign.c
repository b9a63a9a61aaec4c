// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whatever happens to a sensor or its wire: no temperature is accepted that this sensor did not
 * measure in this cycle (w1_campaign.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "w1_campaign.h"

static void contact_opens(struct w1_sim *sim, unsigned device, uint64_t start, struct w1_random *r)
{
	uint64_t at = campaign_later(r, start, 900);

	w1_sim_plan(sim, device, W1_SIM_CONTACT_OPEN, at, campaign_later(r, at, 40));
}

static void convert_is_missed(struct w1_sim *sim, unsigned device, uint64_t start,
			      struct w1_random *r)
{
	uint64_t at = campaign_later(r, start, 25);

	w1_sim_plan(sim, device, W1_SIM_CONTACT_OPEN, at, campaign_later(r, at + 5000000, 25));
}

static void is_plugged_late(struct w1_sim *sim, unsigned device, uint64_t start,
			    struct w1_random *r)
{
	w1_sim_plan(sim, device, W1_SIM_UNPLUGGED, start, campaign_later(r, start, 900));
}

static void loses_its_power(struct w1_sim *sim, unsigned device, uint64_t start,
			    struct w1_random *r)
{
	uint64_t at = campaign_later(r, start, 900);

	w1_sim_plan(sim, device, W1_SIM_UNPLUGGED, at, campaign_later(r, at + 1000000, 500));
}

static void supply_dips(struct w1_sim *sim, unsigned device, uint64_t start, struct w1_random *r)
{
	uint64_t at = campaign_later(r, start, 800);

	w1_sim_plan(sim, device, W1_SIM_DIP, at, at + w1_random_between(r, 20, 1000) * 1000u);
}

static void noise_bursts(struct w1_sim *sim, unsigned device, uint64_t start, struct w1_random *r)
{
	uint64_t at = campaign_later(r, start, 900);

	(void)device;
	w1_sim_burst(sim, w1_random_between(r, 10000, 400000), at, campaign_later(r, at, 20));
}

static void second_master(struct w1_sim *sim, unsigned device, uint64_t start, struct w1_random *r)
{
	(void)device;
	w1_sim_second_master(sim, campaign_later(r, start, 1000));
}

static void contact_bounces(struct w1_sim *sim, unsigned device, uint64_t start,
			    struct w1_random *r)
{
	uint64_t at = campaign_later(r, start, 900);

	w1_sim_plan(sim, device, W1_SIM_CONTACT_BOUNCES, at, campaign_later(r, at, 40));
}

#define KEEPS "the supply dips, the conversion stops, and the scratchpad stays as it was"

static const struct campaign_kind kinds[] = {
	{ .name = "data contact opens", .fault = contact_opens },
	{ .name = "data contact bounces", .fault = contact_bounces },
	{ .name = "Convert T is missed", .fault = convert_is_missed },
	{ .name = "plugged in late", .makes = CAMPAIGN_GENUINE, .fault = is_plugged_late },
	{ .name = "plugged in late, every make", .fault = is_plugged_late },
	{ .name = "loses its power", .makes = CAMPAIGN_GENUINE, .fault = loses_its_power },
	{ .name = "loses its power, every make", .fault = loses_its_power, .unshowable = KEEPS },
	{ .name = "dips of 20 us to 1 ms", .fault = supply_dips, .unshowable = KEEPS },
	{ .name = "dips, strict", .fault = supply_dips, .proof = W1_PROOF_STRICT },
	{ .name = "loses its power, strict", .fault = loses_its_power, .proof = W1_PROOF_STRICT },
	{ .name = "every make, strict", .proof = W1_PROOF_STRICT, .answered_percent = 99 },
	{ .name = "parasite, strict",
	  .makes = CAMPAIGN_PARASITES,
	  .devices = 3,
	  .proof = W1_PROOF_STRICT,
	  .answered_percent = 99 },
	{ .name = "a second master",
	  .devices = 3,
	  .makes = CAMPAIGN_GENUINE,
	  .fault = second_master },
	{ .name = "noise bursts", .fault = noise_bursts },
};

static void whatever_happens_to_a_sensor_no_false_temperature_is_accepted(void **state)
{
	(void)state;
	campaign_run_all("campaign", kinds, sizeof kinds / sizeof kinds[0]);
}

/*
 * Two parts of one ROM code answer with the wired AND of what they hold. It is told from a sensor's
 * unless it equals one part's answer.
 */
static void two_sensors_of_one_rom_code_are_no_sensor(void **state)
{
	unsigned accepted = 0, neither = 0, told = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= campaign_wanted_reads() / 100 + 60; seed++) {
		const struct w1_sim_config config = { .seed = seed };
		static struct thermometer_sample samples[W1_CYCLE_DEVICES];
		static struct w1_cycle cycle;
		struct w1_sim *sim = w1_sim_new(&config);
		unsigned n;

		for (unsigned i = 0; i < 2; i++) {
			w1_sim_add(sim, W1_MODEL_A1, false);
			w1_sim_slave(sim, i)->temp_mc =
				(int32_t)(seed * 7919 % 50000) + (int32_t)(i * (seed % 97) * 103);
		}
		memcpy(w1_sim_slave(sim, 1)->rom, w1_sim_slave(sim, 0)->rom, 8);
		w1_cycle_init(&cycle, w1_sim_line(sim), NULL, 10);
		for (unsigned c = 0; c < 5; c++) {
			w1_cycle_run(&cycle, samples, &n);
			assert_int_equal(n, 1);
			told += samples[0].quality == DS18B20_DUPLICATE;
			if (samples[0].temp_known) {
				int16_t raw = ds18b20_raw(samples[0].temp_mc);

				accepted++;
				neither += raw != w1_sim_slave(sim, 0)->last.raw &&
					   raw != w1_sim_slave(sim, 1)->last.raw;
			}
		}
		w1_sim_free(sim);
	}
	print_message("one ROM code twice: %u told, %u accepted as one of the two, %u as neither\n",
		      told, accepted - neither, neither);
	assert_int_equal(neither, 0);
	assert_true(told > accepted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_happens_to_a_sensor_no_false_temperature_is_accepted),
		cmocka_unit_test(two_sensors_of_one_rom_code_are_no_sensor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
