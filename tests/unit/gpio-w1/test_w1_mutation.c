// SPDX-License-Identifier: BSD-2-Clause
/*
 * The campaign can fail: with one guard of the master switched off it finds false temperatures, and
 * none with all of them. The linker puts these functions before the master's own (--wrap).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpio-w1/w1_convert.h"
#include "gpio-w1/w1_crc.h"
#include "gpio-w1/w1_error.h"
#include "w1_campaign.h"

#define READS 2000

static enum guard { ALL, CONVERT_IS_HEARD, SENTINEL, OTHER_MASTER, WRONG_CRC } off;

void __real_w1_convert_start(struct w1_bus *bus, struct w1_device *d, struct w1_conversion *v);
void __wrap_w1_convert_start(struct w1_bus *bus, struct w1_device *d, struct w1_conversion *v);
void __wrap_w1_convert_start(struct w1_bus *bus, struct w1_device *d, struct w1_conversion *v)
{
	__real_w1_convert_start(bus, d, v);
	if (off == CONVERT_IS_HEARD && v->error == W1_ECONVERT) {
		v->state = W1_CONVERT_HEARD;
		v->error = 0;
	}
}

enum ds18b20_quality __real_ds18b20_judge(struct ds18b20_past *past, uint8_t family, bool seen,
					  const uint8_t *sp, enum ds18b20_quality quality);
enum ds18b20_quality __wrap_ds18b20_judge(struct ds18b20_past *past, uint8_t family, bool seen,
					  const uint8_t *sp, enum ds18b20_quality quality);
enum ds18b20_quality __wrap_ds18b20_judge(struct ds18b20_past *past, uint8_t family, bool seen,
					  const uint8_t *sp, enum ds18b20_quality quality)
{
	enum ds18b20_quality judged = __real_ds18b20_judge(past, family, seen, sp, quality);

	return off == SENTINEL && (quality == DS18B20_OK || quality == DS18B20_POWER_ON)
		       ? DS18B20_OK
		       : judged;
}

bool __real_w1_slots_watch(struct w1_slots *s, uint64_t until_ns);
bool __wrap_w1_slots_watch(struct w1_slots *s, uint64_t until_ns);
bool __wrap_w1_slots_watch(struct w1_slots *s, uint64_t until_ns)
{
	return __real_w1_slots_watch(s, until_ns) && off != OTHER_MASTER;
}

uint8_t __real_w1_crc8(const uint8_t *bytes, size_t n);
uint8_t __wrap_w1_crc8(const uint8_t *bytes, size_t n);
uint8_t __wrap_w1_crc8(const uint8_t *bytes, size_t n)
{
	return off == WRONG_CRC ? 0 : __real_w1_crc8(bytes, n);
}

/* The sensor's contact is open while the commands are sent. */
static void misses_convert(struct w1_sim *sim, unsigned device, uint64_t start, struct w1_random *r)
{
	w1_sim_plan(sim, device, W1_SIM_CONTACT_OPEN, campaign_later(r, start, 25),
		    start + 50000000);
}

static void is_unplugged(struct w1_sim *sim, unsigned device, uint64_t start, struct w1_random *r)
{
	uint64_t at = campaign_later(r, start, 700);

	w1_sim_plan(sim, device, W1_SIM_UNPLUGGED, at, at + 5000000);
}

static void second_master(struct w1_sim *sim, unsigned device, uint64_t start, struct w1_random *r)
{
	(void)device;
	w1_sim_second_master(sim, campaign_later(r, start, 1000));
}

static void a_guard_that_is_off_shows_as_false_temperatures(void **state)
{
	static const struct {
		enum guard guard;
		struct campaign_kind kind;
	} cases[] = {
		{ CONVERT_IS_HEARD, { .makes = CAMPAIGN_GENUINE, .fault = misses_convert } },
		{ SENTINEL, { .makes = CAMPAIGN_GENUINE, .fault = is_unplugged } },
		{ OTHER_MASTER,
		  { .makes = CAMPAIGN_GENUINE, .devices = 3, .fault = second_master } },
		{ WRONG_CRC, { .makes = CAMPAIGN_GENUINE, .noise_ppm = 300, .quiet_first = true } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct campaign_tally sound = { 0 }, mutated = { 0 };

		off = ALL;
		campaign_run(&cases[i].kind, READS, &sound);
		off = cases[i].guard;
		campaign_run(&cases[i].kind, READS, &mutated);
		off = ALL;
		print_message("guard %d on: %d false; off: %d\n", (int)cases[i].guard,
			      (int)(sound.stale_ok + sound.wrong_ok),
			      (int)(mutated.stale_ok + mutated.wrong_ok));
		assert_int_equal(sound.stale_ok + sound.wrong_ok, 0);
		assert_true(mutated.stale_ok + mutated.wrong_ok > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guard_that_is_off_shows_as_false_temperatures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
